//! What `inspect` prints beside records: a line each for the header, a block, and whatever is none.

use std::fmt;

use serde::Serialize;
use tombola::{
    LogFormat,
    wal::{block::BlockHeader, reader::Start, segment::SegmentHeader},
};

use crate::output::{self, counted};

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Segment(SegmentLine),
    Block {
        #[serde(flatten)]
        header: &'a BlockHeader,
        bytes: u64,
        continues: bool,
    },
    BrokenRecord {
        seq: u64,
        reason: &'a str,
    },
    Fill {
        offset: u64,
        bytes: u64,
    },
    Broken {
        offset: u64,
        bytes: u64,
        reason: &'static str,
    },
    End(End),
}

/// What the file begins with.
#[derive(Debug, Serialize)]
pub(super) struct SegmentLine {
    start: &'static str,
    length: u64,
    format: Option<LogFormat>,
    header: Option<SegmentHeader>,
}

/// What the file came to.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct End {
    pub(super) length: u64,
    pub(super) blocks: u64,
    pub(super) records: u64,
    pub(super) sealed: bool,
    pub(super) truncated: bool,
    pub(super) damaged: bool,
}

impl SegmentLine {
    pub(super) fn new(start: Start, length: u64) -> Self {
        let (start, format, header) = match start {
            Start::Header(header, _, format) => ("header", Some(format), Some(header)),
            Start::Unused => ("unused", None, None),
            Start::Unreadable => ("unreadable", None, None),
        };
        Self {
            start,
            length,
            format,
            header,
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(SegmentLine {
                format: Some(format),
                header: Some(header),
                length,
                ..
            }) => write!(
                f,
                "segment {} of shard {} of {}, engine {:032x}, format {}, version {}, from sequence number {}, {length} bytes",
                header.segment,
                header.shard,
                header.shards,
                header.engine,
                output::name(format),
                header.version,
                header.first_seq
            ),
            Self::Segment(SegmentLine { start, length, .. }) => {
                write!(f, "no segment header ({start}), {length} bytes")
            }
            Self::Block {
                header,
                bytes,
                continues,
            } => {
                write!(
                    f,
                    "block {} at {}: {}, {} from sequence number {}, {bytes} bytes, durable up to {}",
                    header.number,
                    header.offset,
                    output::name(&header.kind),
                    counted(header.count.into(), "record"),
                    header.first_seq,
                    header.durable_upto
                )?;
                if *continues {
                    Ok(())
                } else {
                    write!(f, "; it does not continue the block before it")
                }
            }
            Self::BrokenRecord { seq, reason } => {
                write!(f, "  record {seq} cannot be read: {reason}")
            }
            Self::Fill { offset, bytes } => write!(f, "fill at {offset}: {bytes} bytes"),
            Self::Broken {
                offset,
                bytes,
                reason,
            } => write!(f, "broken at {offset}: {bytes} bytes: {reason}"),
            Self::End(end) => {
                let blocks = counted(end.blocks, "block");
                write!(f, "{blocks}, {}", counted(end.records, "record"))?;
                if end.sealed {
                    write!(f, ", sealed")?;
                }
                if end.truncated {
                    write!(f, ", cut off: shorter than it was made")?;
                }
                write!(f, ", {}", if end.damaged { "damaged" } else { "whole" })
            }
        }
    }
}
