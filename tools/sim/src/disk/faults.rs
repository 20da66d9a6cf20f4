//! Which faults may happen.

/// How often something goes wrong, in a thousand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// A file cannot be opened: there are too many.
    pub open_error: u64,
    /// A read fails.
    pub read_error: u64,
    /// A write fails.
    pub write_error: u64,
    /// A write fails after a part of it.
    pub short_write: u64,
    /// A flush fails, once; what it was for may be lost although the next one succeeds.
    pub flush_error: u64,
    /// A block takes long.
    pub slow: u64,
    /// A block goes to another place of its file.
    pub misdirected: u64,
}

/// The faults of a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// How often.
    pub rates: Rates,
    /// A disk of this size, in bytes.
    pub capacity_bytes: Option<u64>,
}
