//! What the two text formats share: headers as JSON objects on lines of a fixed width.

use std::io::Write as _;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{HeaderError, Malformed, binary::checksum, hex};
use crate::wal::{
    block::BlockHeader,
    record::{DrawRecord, NO_PRIZE, PoolPart, Record},
    segment::{FORMAT_VERSION, SegmentHeader},
};

/// A block header line, its line feed included. The longest numbers make it 351.
pub(super) const BLOCK_HEADER_BYTES: usize = 384;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HeaderLine {
    Segment(Checked<SegmentHeader>),
    Block(Checked<BlockHeader>),
}

#[derive(Serialize, Deserialize)]
struct Checked<T> {
    #[serde(flatten)]
    header: T,
    #[serde(with = "hex")]
    crc: u32,
}

/// A record as a JSON object, with its sequence number.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RecordLine {
    Draw {
        seq: u64,
        request: u64,
        pool: u32,
        item: Option<u32>,
    },
    Pool {
        seq: u64,
        part: PoolPart,
    },
    RequestsReserved {
        seq: u64,
        upto: u64,
    },
}

impl RecordLine {
    pub(super) fn new(seq: u64, record: &Record) -> Self {
        match record {
            Record::Draw(DrawRecord {
                pool,
                item,
                request,
            }) => Self::Draw {
                seq,
                request: *request,
                pool: *pool,
                item: (*item != NO_PRIZE).then_some(*item),
            },
            Record::Pool(part) => Self::Pool {
                seq,
                part: part.clone(),
            },
            Record::RequestsReserved { upto } => Self::RequestsReserved { seq, upto: *upto },
        }
    }

    /// The record, if it stands where its sequence number belongs.
    pub(super) fn record(self, expected: u64) -> Result<Record, Malformed> {
        let (seq, record) = match self {
            Self::Draw {
                seq,
                request,
                pool,
                item,
            } => (
                seq,
                Record::Draw(DrawRecord {
                    pool,
                    item: item.unwrap_or(NO_PRIZE),
                    request,
                }),
            ),
            Self::Pool { seq, part } => (seq, Record::Pool(part)),
            Self::RequestsReserved { seq, upto } => (seq, Record::RequestsReserved { upto }),
        };
        if seq == expected {
            Ok(record)
        } else {
            Err(Malformed(format!(
                "it has sequence number {seq} where {expected} belongs"
            )))
        }
    }
}

/// The line at the beginning of `bytes`, without its line feed.
pub(super) fn first_line(bytes: &[u8]) -> Result<&[u8], Malformed> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => Ok(&bytes[..end]),
        None => Err(Malformed("a line without an end".into())),
    }
}

pub(super) fn encode_block(prefix: &[u8], out: &mut [u8], header: &BlockHeader) -> u32 {
    let crc = checksum(header);
    write_line(
        prefix,
        &mut out[..BLOCK_HEADER_BYTES],
        &HeaderLine::Block(Checked {
            header: *header,
            crc,
        }),
    );
    crc
}

pub(super) fn decode_block(prefix: &[u8], bytes: &[u8]) -> Option<(BlockHeader, u32)> {
    let bytes = bytes.get(..BLOCK_HEADER_BYTES)?;
    let HeaderLine::Block(Checked { header, .. }) = read_line(prefix, bytes)? else {
        return None;
    };
    let mut again = [0; BLOCK_HEADER_BYTES];
    let crc = encode_block(prefix, &mut again, &header);
    (bytes == again).then_some((header, crc))
}

pub(super) fn encode_segment(prefix: &[u8], out: &mut [u8], header: &SegmentHeader) -> u32 {
    let crc = checksum(header);
    write_line(
        prefix,
        out,
        &HeaderLine::Segment(Checked {
            header: *header,
            crc,
        }),
    );
    crc
}

pub(super) fn decode_segment(prefix: &[u8], unit: &[u8]) -> Result<SegmentHeader, HeaderError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    match read_line::<Versioned>(prefix, unit) {
        Some(Versioned { version }) if version > FORMAT_VERSION => {
            return Err(HeaderError::Future(version));
        }
        _ => {}
    }
    match read_line(prefix, unit) {
        Some(HeaderLine::Segment(Checked { header, .. })) => Ok(header),
        _ => Err(HeaderError::Unreadable),
    }
}

/// Fills `out` with one line: prefix, JSON, spaces, line feed.
fn write_line(prefix: &[u8], out: &mut [u8], line: &HeaderLine) {
    let (last, body) = out.split_last_mut().expect("a line has a width");
    body.fill(b' ');
    *last = b'\n';
    let mut rest: &mut [u8] = body;
    rest.write_all(prefix).expect("the prefix is short");
    serde_json::to_writer(rest, line)
        .expect("a header line is wide enough for the longest numbers");
}

fn read_line<T: DeserializeOwned>(prefix: &[u8], bytes: &[u8]) -> Option<T> {
    let line = bytes.strip_prefix(prefix)?.strip_suffix(b"\n")?;
    serde_json::from_slice(line).ok()
}
