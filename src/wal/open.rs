//! What a log is writing at the moment: the segment, the block, and the blocks on their way.

use std::time::Duration;

use super::{BLOCK_BYTES_MIN, format::Context};
use crate::storage::WRITE_UNIT;

/// The segment that is written.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) number: u64,
    pub(super) salt: u64,
    pub(super) bytes: u64,
    pub(super) position: u64,
    pub(super) blocks: u64,
}

/// The block that fills.
#[derive(Debug)]
pub(super) struct OpenBlock {
    pub(super) slot: usize,
    /// Bytes of the segment's header before the block.
    pub(super) prefix: usize,
    pub(super) filled: usize,
    pub(super) limit: usize,
    pub(super) count: u32,
    pub(super) context: Context,
    /// Since when it has a record; only kept where there is a commit delay.
    pub(super) since: Option<Duration>,
}

/// A block on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) slot: usize,
    pub(super) arrived: bool,
    pub(super) next_seq: u64,
    pub(super) bytes: u64,
    pub(super) holds_records: bool,
    pub(super) seals: Option<u64>,
    pub(super) since: Duration,
}

impl OpenSegment {
    /// The bytes that are left for blocks, the seal's apart.
    pub(super) fn room(&self) -> u64 {
        self.bytes - self.position - WRITE_UNIT as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.room() < BLOCK_BYTES_MIN as u64
    }
}
