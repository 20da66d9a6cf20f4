//! Sealed segments, read back from their header to their seal, at once or step by step.

use super::{
    block::BlockKind,
    reader::{Found, SegmentReader, Start},
    run::EachRun,
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

/// How far a sealed segment was read.
pub(crate) enum Progress {
    /// There is more to come.
    More,
    /// It is whole.
    Whole(Sealed),
    /// It is not.
    Broken(Broken),
}

/// How much is read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AtMost {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

/// A sealed segment that is being read.
pub(crate) struct Reading {
    reader: SegmentReader,
    header: SegmentHeader,
    chain: u32,
    seq: u64,
    offset: u64,
}

impl Reading {
    /// Begins behind the header.
    pub(crate) fn begin(reader: SegmentReader, identity: Identity) -> Result<Self, Broken> {
        let broken = |kind, message: &str| {
            Err(Broken {
                offset: 0,
                first_seq: None,
                kind,
                message: message.to_owned(),
            })
        };
        let Start::Header(header, chain, _) = reader.start() else {
            let message = "the segment's header cannot be read";
            return broken(FindingKind::SegmentHeader, message);
        };
        if let Some(reason) = foreign(identity, &header, reader.number()) {
            return broken(FindingKind::ForeignSegment, &reason);
        }
        Ok(Self {
            reader,
            header,
            chain,
            seq: header.first_seq,
            offset: WRITE_UNIT as u64,
        })
    }

    /// How far it was read, in bytes.
    pub(crate) fn done(&self) -> u64 {
        self.offset
    }

    /// The segment.
    pub(crate) fn reader(&self) -> &SegmentReader {
        &self.reader
    }

    /// Reads on, at least one block and not much more than that, and gives all records to `each`, run by run,
    /// which may refuse one of them.
    pub(crate) fn go_on(&mut self, at_most: AtMost, each: EachRun<'_>) -> Result<Progress, Error> {
        self.reader.read_at_once(at_most.bytes);
        let offset = self.offset.saturating_add(at_most.bytes);
        let seq = self.seq.saturating_add(at_most.records);
        while self.offset < offset && self.seq < seq {
            match self.block(each)? {
                Progress::More => {}
                end => return Ok(end),
            }
        }
        Ok(Progress::More)
    }

    fn block(&mut self, each: EachRun<'_>) -> Result<Progress, Error> {
        let (offset, seq) = (self.offset, self.seq);
        let broken = |seq, kind, message: &str| {
            Ok(Progress::Broken(Broken {
                offset,
                first_seq: Some(seq),
                kind,
                message: message.to_owned(),
            }))
        };
        let (block, crc) = match self.reader.look(offset)? {
            Found::Block(block, crc) if block.previous == self.chain && block.first_seq == seq => {
                (block, crc)
            }
            Found::Block(..) => {
                let message = "the block does not continue the one before it";
                return broken(seq, FindingKind::Block, message);
            }
            Found::Broken(reason) => return broken(seq, FindingKind::Block, reason),
            Found::Misplaced(_) => {
                return broken(seq, FindingKind::Block, "the block belongs elsewhere");
            }
            Found::Fill | Found::End => {
                let message = "the segment is cut off: it has no seal";
                return broken(seq, FindingKind::Truncated, message);
            }
        };
        if let Err((seq, reason)) = self.reader.runs(&block, each)? {
            return broken(seq, FindingKind::Record, &reason);
        }
        (self.chain, self.seq) = (crc, block.next_seq());
        self.offset += self.reader.block_bytes(&block);
        if block.kind == BlockKind::Seal {
            return Ok(Progress::Whole(Sealed {
                header: self.header,
                next_seq: self.seq,
                chain: self.chain,
                end: self.offset,
            }));
        }
        Ok(Progress::More)
    }
}

/// Reads a sealed segment to its end and gives all records to `each`, run by run, which may
/// refuse one of them.
pub(crate) fn read(
    reader: SegmentReader,
    identity: Identity,
    each: EachRun<'_>,
) -> Result<Result<Sealed, Broken>, Error> {
    let mut reading = match Reading::begin(reader, identity) {
        Ok(reading) => reading,
        Err(broken) => return Ok(Err(broken)),
    };
    loop {
        let all = AtMost {
            bytes: u64::MAX,
            records: u64::MAX,
        };
        match reading.go_on(all, each)? {
            Progress::More => {}
            Progress::Whole(sealed) => return Ok(Ok(sealed)),
            Progress::Broken(broken) => return Ok(Err(broken)),
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
