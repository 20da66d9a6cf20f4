//! Sealed segments, read back from their header to their seal.

use super::{
    block::BlockKind,
    reader::{Found, SegmentReader, Start},
    record::Record,
    segment::{Identity, SegmentHeader},
};
use crate::{
    error::{Error, FindingKind},
    storage::WRITE_UNIT,
};

/// A sealed segment that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) header: SegmentHeader,
    /// The sequence number that the next segment begins with.
    pub(crate) next_seq: u64,
    /// The checksum of the seal's header.
    pub(crate) chain: u32,
    /// Where the seal ends.
    pub(crate) end: u64,
}

/// Where a sealed segment breaks off, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) offset: u64,
    pub(crate) first_seq: Option<u64>,
    pub(crate) kind: FindingKind,
    pub(crate) message: String,
}

/// Reads a sealed segment and gives every record to `each`, which may refuse it.
pub(crate) fn read(
    reader: &mut SegmentReader,
    identity: Identity,
    each: &mut dyn FnMut(u64, &Record) -> Result<(), String>,
) -> Result<Result<Sealed, Broken>, Error> {
    let broken = |offset, first_seq, kind, message: &str| {
        Ok(Err(Broken {
            offset,
            first_seq,
            kind,
            message: message.to_owned(),
        }))
    };
    let Start::Header(header, mut chain, _) = reader.start() else {
        return broken(
            0,
            None,
            FindingKind::SegmentHeader,
            "the segment's header cannot be read",
        );
    };
    if let Some(reason) = foreign(identity, &header, reader.number()) {
        return broken(0, None, FindingKind::ForeignSegment, &reason);
    }
    let (mut offset, mut seq) = (WRITE_UNIT as u64, header.first_seq);
    loop {
        let (block, crc) = match reader.look(offset)? {
            Found::Block(block, crc) if block.previous == chain && block.first_seq == seq => {
                (block, crc)
            }
            Found::Block(..) => {
                return broken(
                    offset,
                    Some(seq),
                    FindingKind::Block,
                    "the block does not continue the one before it",
                );
            }
            Found::Broken(reason) => return broken(offset, Some(seq), FindingKind::Block, reason),
            Found::Misplaced(_) => {
                let reason = "the block belongs elsewhere";
                return broken(offset, Some(seq), FindingKind::Block, reason);
            }
            Found::Fill | Found::End => {
                return broken(
                    offset,
                    Some(seq),
                    FindingKind::Truncated,
                    "the segment is cut off: it has no seal",
                );
            }
        };
        if let Err((seq, reason)) = reader.records(&block, each)? {
            return broken(offset, Some(seq), FindingKind::Record, &reason);
        }
        (chain, seq) = (crc, block.next_seq());
        offset += reader.block_bytes(&block);
        if block.kind == BlockKind::Seal {
            return Ok(Ok(Sealed {
                header,
                next_seq: seq,
                chain,
                end: offset,
            }));
        }
    }
}

/// Why a segment has no business here, if it has not.
pub(crate) fn foreign(identity: Identity, header: &SegmentHeader, number: u64) -> Option<String> {
    let owner = Identity {
        engine: header.engine,
        shard: header.shard,
        shards: header.shards,
    };
    if owner.engine != identity.engine {
        Some("the segment belongs to another engine".into())
    } else if owner != identity {
        Some(format!(
            "the segment belongs to shard {} of {}",
            header.shard, header.shards
        ))
    } else if header.segment != number {
        Some(format!("the segment is number {}", header.segment))
    } else {
        None
    }
}
