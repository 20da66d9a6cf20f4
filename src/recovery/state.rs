//! What a shard's files tell: its state, its tail and what is wrong.

use std::path::Path;

use crate::{
    error::{Finding, FindingKind},
    shard::partition::{CountsOnly, Partition},
};

/// Sequence numbers that are in no readable block, though they were durable once, or may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    /// The first that is gone.
    pub first_seq: u64,
    /// The last that is gone.
    pub last_seq: u64,
    /// Whether all of them were used. Where the end of the log is gone nothing tells how far it
    /// went; then this is how far it may have gone, so that no number is used twice.
    pub is_exact: bool,
}

/// How a shard's log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// With a seal, or with nothing at all.
    Sealed,
    /// With a whole block, and fill after it.
    Clean,
    /// With something after the last whole block that was never acknowledged.
    Torn,
}

/// A shard as its files tell it.
#[derive(Debug)]
pub struct ShardState {
    /// The shard.
    pub shard: usize,
    /// What is in stock, and what was drawn.
    pub partition: Partition<CountsOnly>,
    /// The sequence number that the next record gets.
    pub next_seq: u64,
    /// The last sequence number in the snapshot that was used; 0 without one.
    pub snapshot_seq: u64,
    /// The last segment that the snapshot covers; 0 without one.
    pub snapshot_segment: u64,
    /// How the log ends.
    pub tail: Tail,
    /// The segment in which it ends, and where; 0 if no segment after the snapshot is used.
    pub end_segment: u64,
    /// The offset behind the last whole block of that segment.
    pub end_offset: u64,
    /// What is gone, if anything is.
    pub gaps: Vec<Gap>,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
    /// The checksum of the last header.
    pub(crate) chain: u32,
    /// All segment files there are.
    pub(crate) segments: Vec<u64>,
}

/// A finding about a whole file, not recoverable.
pub(super) fn finding(shard: usize, path: &Path, kind: FindingKind, message: &str) -> Finding {
    Finding {
        shard,
        segment: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        offset: 0,
        first_seq: None,
        last_seq: None,
        kind,
        recoverable: false,
        message: message.into(),
    }
}
