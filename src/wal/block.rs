//! A block: one group commit, and the header that makes it provable.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::storage::WRITE_UNIT;

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockKind {
    /// It holds records.
    Records,
    /// It holds nothing, but tells how far the log is durable: written when a shard goes idle.
    Marker,
    /// It holds nothing and ends its segment.
    Seal,
}

/// What stands before a block's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct BlockHeader {
    /// What the block is for.
    pub kind: BlockKind,
    /// The segment's salt: tells this life of the file from an earlier one.
    #[serde(with = "super::format::hex")]
    pub salt: u64,
    /// The shard.
    pub shard: u32,
    /// The segment's number.
    pub segment: u64,
    /// The block's place in its segment, from 0.
    pub number: u64,
    /// Where it begins in its file, in bytes.
    pub offset: u64,
    /// The sequence number of its first record, or of the next record where it has none.
    pub first_seq: u64,
    /// How many records it has.
    pub count: u32,
    /// The records' length in bytes.
    pub length: u32,
    /// The last sequence number that was durable when this block was closed: proof that what came
    /// up to there was once whole.
    pub durable_upto: u64,
    /// The checksum of the header before this one (the segment's own for its first block).
    #[serde(with = "super::format::hex")]
    pub previous: u32,
    /// The checksum (CRC-32C) of the records.
    #[serde(with = "super::format::hex")]
    pub payload_crc: u32,
}

impl BlockHeader {
    /// The bytes the whole block takes in its file.
    pub(crate) fn padded(header_bytes: usize, length: usize) -> usize {
        (header_bytes + length).next_multiple_of(WRITE_UNIT)
    }

    /// The sequence number that follows the block's last record.
    pub fn next_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.count))
    }
}
