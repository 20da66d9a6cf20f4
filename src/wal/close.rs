//! Closing a block: the headers before its records and the padding behind them.

use super::{
    OpenBlock, OpenSegment, WalOptions,
    block::{BlockHeader, BlockKind},
    format::{self, Codec},
    segment::{FORMAT_VERSION, Identity, SegmentHeader},
};
use crate::storage::WRITE_UNIT;

/// A block that gets its header.
pub(super) struct Closing<'a> {
    pub(super) wal: &'a WalOptions,
    pub(super) identity: Identity,
    pub(super) segment: &'a OpenSegment,
    pub(super) block: &'a OpenBlock,
    pub(super) kind: BlockKind,
}

impl Closing<'_> {
    /// Puts the headers before the records and the padding behind them; returns the length of the
    /// whole and the checksum that the next header names.
    pub(super) fn close<C: Codec>(
        &self,
        buffer: &mut [u8],
        first_seq: u64,
        durable_upto: u64,
        chain: u32,
    ) -> (usize, u32) {
        debug_assert!(self.wal.keeps_log);
        let Self {
            identity,
            segment,
            block,
            ..
        } = self;
        let mut previous = chain;
        if block.prefix > 0 {
            let header = SegmentHeader {
                version: FORMAT_VERSION,
                engine: identity.engine,
                shard: identity.shard,
                shards: identity.shards,
                segment: segment.number,
                first_seq,
                salt: segment.salt,
                segment_bytes: segment.bytes,
                previous,
            };
            previous = C::encode_segment(&mut buffer[..block.prefix], &header);
        }
        let records = block.prefix + C::BLOCK_HEADER_BYTES;
        let header = BlockHeader {
            kind: self.kind,
            salt: segment.salt,
            shard: identity.shard,
            segment: segment.number,
            number: segment.blocks,
            offset: segment.position + block.prefix as u64,
            first_seq,
            count: block.count,
            length: (block.filled - records) as u32,
            durable_upto,
            previous,
            payload_crc: crc32c::crc32c(&buffer[records..block.filled]),
        };
        let chain = C::encode_block(&mut buffer[block.prefix..records], &header);
        let end = block.filled.next_multiple_of(WRITE_UNIT);
        format::pad::<C>(&mut buffer[block.filled..end]);
        (end, chain)
    }
}
