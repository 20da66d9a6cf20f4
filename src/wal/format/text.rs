//! What the two text formats share: headers as JSON objects on lines of a fixed width.

use std::{borrow::Cow, io};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    HeaderError, Malformed,
    binary::{checksum, of_known_versions},
    line_parts::{LineReader, LineWriter},
};
use crate::wal::{
    block::{BlockHeader, BlockKind},
    record::{
        AvailabilityRecord, ChangedPart, DrawRecord, DrawsRecord, NO_PRIZE, PoolPart, Record,
        Remember, SettledRecord, TransferRecord, VoidedRecord,
    },
    segment::{FORMAT_VERSION, SegmentHeader},
};

/// A block header line, its line feed included. The longest numbers make it 351.
pub(super) const BLOCK_HEADER_BYTES: usize = 384;

/// A segment's header as it is read. The checksum that stands beside it is checked by writing the header
/// again.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HeaderLine {
    Segment(SegmentHeader),
}

/// A record as a JSON object, with its sequence number.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RecordLine<'a> {
    Draw {
        seq: u64,
        request: u64,
        pool: u32,
        item: Option<u32>,
    },
    Pool {
        seq: u64,
        part: Cow<'a, PoolPart>,
    },
    RequestsReserved {
        seq: u64,
        upto: u64,
    },
    Draws {
        seq: u64,
        draws: Cow<'a, DrawsRecord>,
    },
    Settled {
        seq: u64,
        hold: SettledRecord,
    },
    Voided {
        seq: u64,
        void: Cow<'a, VoidedRecord>,
    },
    Changed {
        seq: u64,
        part: Cow<'a, ChangedPart>,
    },
    Remember {
        seq: u64,
        remember: Remember,
    },
    Sent {
        seq: u64,
        transfer: TransferRecord,
    },
    Received {
        seq: u64,
        transfer: TransferRecord,
    },
    Delivered {
        seq: u64,
        peer: u32,
        upto: u64,
    },
    Availability {
        seq: u64,
        #[serde(flatten)]
        item: AvailabilityRecord,
    },
}

/// Writes draws that were made together as a line to the beginning of `out`, which must have room;
/// returns its length.
pub(super) fn encode_draws(prefix: &[u8], out: &mut [u8], seq: u64, draws: &DrawsRecord) -> usize {
    let mut line = LineIn { out, length: 0 };
    line.put(prefix);
    let draws = RecordLine::Draws {
        seq,
        draws: Cow::Borrowed(draws),
    };
    serde_json::to_writer(&mut line, &draws).expect("there is room");
    line.put(b"\n");
    line.length
}

/// A line that is being written to where there is room for it. (Slices can be written to as well, but
/// that takes a tenth more instructions.)
struct LineIn<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl LineIn<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

impl io::Write for LineIn<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> RecordLine<'a> {
    pub(super) fn new(seq: u64, record: &'a Record) -> Self {
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
                part: Cow::Borrowed(part),
            },
            Record::RequestsReserved { upto } => Self::RequestsReserved { seq, upto: *upto },
            Record::Draws(draws) => Self::Draws {
                seq,
                draws: Cow::Borrowed(draws),
            },
            Record::Settled(hold) => Self::Settled { seq, hold: *hold },
            Record::Voided(void) => Self::Voided {
                seq,
                void: Cow::Borrowed(void),
            },
            Record::Changed(part) => Self::Changed {
                seq,
                part: Cow::Borrowed(part),
            },
            Record::Remember(remember) => Self::Remember {
                seq,
                remember: *remember,
            },
            Record::Sent(transfer) => Self::Sent {
                seq,
                transfer: *transfer,
            },
            Record::Received(transfer) => Self::Received {
                seq,
                transfer: *transfer,
            },
            Record::Delivered { peer, upto } => Self::Delivered {
                seq,
                peer: *peer,
                upto: *upto,
            },
            Record::Availability(item) => Self::Availability { seq, item: *item },
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
            Self::Pool { seq, part } => (seq, Record::Pool(part.into_owned())),
            Self::RequestsReserved { seq, upto } => (seq, Record::RequestsReserved { upto }),
            Self::Draws { seq, draws } => (seq, Record::Draws(Box::new(draws.into_owned()))),
            Self::Settled { seq, hold } => (seq, Record::Settled(hold)),
            Self::Voided { seq, void } => (seq, Record::Voided(void.into_owned())),
            Self::Changed { seq, part } => (seq, Record::Changed(part.into_owned())),
            Self::Remember { seq, remember } => (seq, Record::Remember(remember)),
            Self::Sent { seq, transfer } => (seq, Record::Sent(transfer)),
            Self::Received { seq, transfer } => (seq, Record::Received(transfer)),
            Self::Delivered { seq, peer, upto } => (seq, Record::Delivered { peer, upto }),
            Self::Availability { seq, item } => (seq, Record::Availability(item)),
        };
        in_place(seq, expected, record)
    }
}

/// The record, if it stands where its sequence number belongs.
pub(super) fn in_place(seq: u64, expected: u64, record: Record) -> Result<Record, Malformed> {
    if seq == expected {
        Ok(record)
    } else {
        Err(Malformed(format!(
            "it has sequence number {seq} where {expected} belongs"
        )))
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
    let BlockHeader {
        kind,
        salt,
        shard,
        segment,
        number,
        offset,
        first_seq,
        count,
        length,
        durable_upto,
        previous,
        payload_crc,
    } = header;
    LineWriter::new(&mut out[..BLOCK_HEADER_BYTES])
        .text(prefix)
        .text(r#"{"type":"block","kind":""#)
        .text(kind_name(*kind))
        .text(r#"","salt":""#)
        .hex(*salt)
        .text(r#"","shard":"#)
        .number(*shard)
        .text(r#","segment":"#)
        .number(*segment)
        .text(r#","number":"#)
        .number(*number)
        .text(r#","offset":"#)
        .number(*offset)
        .text(r#","first_seq":"#)
        .number(*first_seq)
        .text(r#","count":"#)
        .number(*count)
        .text(r#","length":"#)
        .number(*length)
        .text(r#","durable_upto":"#)
        .number(*durable_upto)
        .text(r#","previous":""#)
        .hex(*previous)
        .text(r#"","payload_crc":""#)
        .hex(*payload_crc)
        .text(r#"","crc":""#)
        .hex(crc)
        .text(r#""}"#)
        .end();
    crc
}

fn kind_name(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Records => "records",
        BlockKind::Marker => "marker",
        BlockKind::Seal => "seal",
    }
}

pub(super) fn decode_block(prefix: &[u8], bytes: &[u8]) -> Option<(BlockHeader, u32)> {
    const KINDS: [BlockKind; 3] = [BlockKind::Records, BlockKind::Marker, BlockKind::Seal];
    let bytes = bytes.get(..BLOCK_HEADER_BYTES)?;
    let mut line = LineReader::new(bytes);
    line.text(prefix)?;
    line.text(r#"{"type":"block","kind":""#)?;
    let header = BlockHeader {
        kind: KINDS
            .into_iter()
            .find(|kind| line.text(kind_name(*kind)).is_some())?,
        salt: line.hex(r#"","salt":""#)?,
        shard: line.number(r#"","shard":"#)?,
        segment: line.number(r#","segment":"#)?,
        number: line.number(r#","number":"#)?,
        offset: line.number(r#","offset":"#)?,
        first_seq: line.number(r#","first_seq":"#)?,
        count: line.number(r#","count":"#)?,
        length: line.number(r#","length":"#)?,
        durable_upto: line.number(r#","durable_upto":"#)?,
        previous: line.hex(r#","previous":""#)?,
        payload_crc: line.hex(r#"","payload_crc":""#)?,
    };
    // Checksum, end and padding are checked by writing all of it again.
    let mut again = [0; BLOCK_HEADER_BYTES];
    let crc = encode_block(prefix, &mut again, &header);
    (bytes == again).then_some((header, crc))
}

pub(super) fn encode_segment(prefix: &[u8], out: &mut [u8], header: &SegmentHeader) -> u32 {
    let crc = checksum(header);
    let SegmentHeader {
        version,
        engine,
        shard,
        shards,
        segment,
        first_seq,
        salt,
        segment_bytes,
        previous,
    } = header;
    LineWriter::new(out)
        .text(prefix)
        .text(r#"{"type":"segment","version":"#)
        .number(*version)
        .text(r#","engine":""#)
        .hex(*engine)
        .text(r#"","shard":"#)
        .number(*shard)
        .text(r#","shards":"#)
        .number(*shards)
        .text(r#","segment":"#)
        .number(*segment)
        .text(r#","first_seq":"#)
        .number(*first_seq)
        .text(r#","salt":""#)
        .hex(*salt)
        .text(r#"","segment_bytes":"#)
        .number(*segment_bytes)
        .text(r#","previous":""#)
        .hex(*previous)
        .text(r#"","crc":""#)
        .hex(crc)
        .text(r#""}"#)
        .end();
    crc
}

pub(super) fn decode_segment(prefix: &[u8], unit: &[u8]) -> Result<SegmentHeader, HeaderError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
        #[serde(default)]
        crc: String,
    }
    if let Some(header) =
        segment_parts(prefix, unit).filter(|header| header.version <= FORMAT_VERSION)
    {
        return Ok(header);
    }
    // It may be of a newer version, or damaged.
    let header = read_line(prefix, unit).map(|HeaderLine::Segment(header)| header);
    if let Some(Versioned { version, crc }) = read_line(prefix, unit)
        && version > FORMAT_VERSION
    {
        let has_its_checksum = |header| format!("{:08x}", checksum(&header)) == crc;
        let mut known = header.into_iter().flat_map(of_known_versions);
        return Err(if known.any(has_its_checksum) {
            HeaderError::Unreadable
        } else {
            HeaderError::Future(version)
        });
    }
    header.ok_or(HeaderError::Unreadable)
}

/// A segment's header as [`encode_segment`] writes it. What comes behind it is checked by writing it again.
fn segment_parts(prefix: &[u8], unit: &[u8]) -> Option<SegmentHeader> {
    let mut line = LineReader::new(unit);
    line.text(prefix)?;
    Some(SegmentHeader {
        version: line.number(r#"{"type":"segment","version":"#)?,
        engine: line.hex(r#","engine":""#)?,
        shard: line.number(r#"","shard":"#)?,
        shards: line.number(r#","shards":"#)?,
        segment: line.number(r#","segment":"#)?,
        first_seq: line.number(r#","first_seq":"#)?,
        salt: line.hex(r#","salt":""#)?,
        segment_bytes: line.number(r#"","segment_bytes":"#)?,
        previous: line.hex(r#","previous":""#)?,
    })
}

fn read_line<T: DeserializeOwned>(prefix: &[u8], bytes: &[u8]) -> Option<T> {
    let line = bytes.strip_prefix(prefix)?.strip_suffix(b"\n")?;
    serde_json::from_slice(line).ok()
}
