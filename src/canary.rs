//! Faults planted in the engine itself. A suite that never fails proves nothing: these are there for
//! it to find.
//!
//! They exist only with the feature `canaries`, which nothing but such a suite has a use for; without
//! it every question whether one is planted is answered when the engine is compiled. None is planted
//! on the path of a draw.

/// A fault in the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// Blocks are written without being flushed, whatever was promised.
    SkipsFlushes,
    /// Draws are acknowledged when their block is on its way.
    AcknowledgesEarly,
    /// The checksum of a block's records is not looked at.
    IgnoresChecksums,
    /// Recovery applies every draw twice.
    AppliesTwice,
    /// Recovery cuts off one block too many with a torn tail.
    CutsTooMuch,
    /// All segments have the same salt.
    ReusesSalts,
}

#[cfg(feature = "canaries")]
mod planted {
    use std::cell::Cell;

    use super::Canary;

    thread_local! {
        static PLANTED: Cell<Option<Canary>> = const { Cell::new(None) };
    }

    /// Plants a fault in all engines that run on this thread, or takes it out again.
    pub fn plant(canary: Option<Canary>) {
        PLANTED.set(canary);
    }

    pub(crate) fn is_planted(canary: Canary) -> bool {
        PLANTED.get() == Some(canary)
    }
}

#[cfg(feature = "canaries")]
pub(crate) use planted::is_planted;
#[cfg(feature = "canaries")]
pub use planted::plant;

#[cfg(not(feature = "canaries"))]
pub(crate) const fn is_planted(_: Canary) -> bool {
    false
}
