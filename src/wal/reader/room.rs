//! The memory that a reader of segments needs.

use super::runs::RecordRoom;
use crate::storage::{WRITE_UNIT, aligned::AlignedBuffers};

/// So much is read at once, at most.
pub(super) const WINDOW_BYTES: usize = 1 << 20;

/// What a reader reads into. To make it takes some time, so the next one can have it.
#[derive(Debug)]
pub(crate) struct Room {
    /// What was read last: so many bytes from there.
    pub(super) window: AlignedBuffers,
    pub(super) window_bytes: usize,
    pub(super) window_at: u64,
    /// Nothing while records are read.
    pub(super) records: Option<RecordRoom>,
}

impl Room {
    /// For files of this length, if they are not very long.
    pub(super) fn new(length: u64) -> Self {
        let all = length.max(1).next_multiple_of(WRITE_UNIT as u64);
        Self {
            window: AlignedBuffers::new(1, all.min(WINDOW_BYTES as u64) as usize),
            window_bytes: 0,
            window_at: 0,
            records: Some(RecordRoom::default()),
        }
    }

    /// Nothing was read into it; it is made anew if it is smaller than it would be then.
    pub(super) fn emptied(self, length: u64) -> Self {
        if (self.window.each() as u64) < length.min(WINDOW_BYTES as u64) {
            return Self::new(length);
        }
        Self {
            window_bytes: 0,
            window_at: 0,
            ..self
        }
    }
}
