//! What only the operating system can do with threads: telling cores, and pinning to them.

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The cores this process may use. Ask before the first thread is pinned: afterwards the list
/// holds only the mask of the thread that asks.
pub(crate) fn core_ids() -> Vec<core_affinity::CoreId> {
    core_affinity::get_core_ids().unwrap_or_default()
}

/// Pins the calling thread; `false` where the system refuses.
pub(crate) fn pin(core: core_affinity::CoreId) -> bool {
    core_affinity::set_for_current(core)
}
