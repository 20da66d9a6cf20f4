//! How a log is written, where it goes on, and what it tells of itself.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{config::LogFormat, storage::WRITE_UNIT};

/// How a log is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WalOptions {
    pub(crate) format: LogFormat,
    pub(crate) block_bytes: usize,
    pub(crate) blocks_in_flight: usize,
    pub(crate) partial_blocks_in_flight: usize,
    pub(crate) commit_delay: Duration,
    pub(crate) commit_records: usize,
    /// Whether the storage keeps what it is given; where not, headers and checksums are left out.
    pub(crate) keeps_log: bool,
}

impl WalOptions {
    /// One buffer for every block in flight, one for the open block, and one so that a seal does
    /// not have to wait.
    pub(crate) fn slots(&self) -> usize {
        self.blocks_in_flight + 2
    }

    /// The first block of a segment has the segment's header before it.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.block_bytes + WRITE_UNIT
    }
}

/// Where a log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) next_seq: u64,
    /// The checksum of the last header.
    pub(crate) chain: u32,
}

/// What a log did since it was opened.
#[derive(Debug, Clone)]
pub(crate) struct WalStats {
    pub(crate) commits: u64,
    pub(crate) bytes: u64,
    pub(crate) segment_waits: u64,
    pub(crate) latency_us: Histogram<u64>,
}
