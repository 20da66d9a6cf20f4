//! What the two text formats share: headers as JSON objects on lines of a fixed width.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    HeaderError, Malformed,
    binary::{checksum, of_known_versions},
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

/// A header line as it is read; the encoders below write it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HeaderLine {
    Segment(Checked<SegmentHeader>),
    Block(Checked<BlockHeader>),
}

/// The checksum that stands beside a header is checked by writing the header again.
#[derive(Deserialize)]
struct Checked<T> {
    #[serde(flatten)]
    header: T,
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

/// How a draw's line looks: what stands before each of its numbers, and at its end. Written and
/// read without building anything, for there are millions of them.
pub(super) struct DrawLine {
    pub(super) seq: &'static [u8],
    pub(super) request: &'static [u8],
    pub(super) pool: &'static [u8],
    pub(super) item: &'static [u8],
    /// Stands for the item of a draw that answered "no prize".
    pub(super) no_prize: &'static [u8],
    pub(super) end: &'static [u8],
}

impl DrawLine {
    /// Writes the line; returns its length.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the pieces are constants only where it is inlined"
    )]
    pub(super) fn encode(&self, out: &mut [u8], seq: u64, draw: DrawRecord) -> usize {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        let mut digits = itoa::Buffer::new();
        put(self.seq);
        put(digits.format(seq).as_bytes());
        put(self.request);
        put(digits.format(draw.request).as_bytes());
        put(self.pool);
        put(digits.format(draw.pool).as_bytes());
        put(self.item);
        if draw.item == NO_PRIZE {
            put(self.no_prize);
        } else {
            put(digits.format(draw.item).as_bytes());
        }
        put(self.end);
        at
    }

    /// Reads a line exactly as [`encode`](Self::encode) writes it: its sequence number, the draw
    /// and its length.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<(u64, DrawRecord, usize)> {
        let (seq, rest) = number(bytes.strip_prefix(self.seq)?)?;
        let (request, rest) = number(rest.strip_prefix(self.request)?)?;
        let (pool, rest) = number(rest.strip_prefix(self.pool)?)?;
        let rest = rest.strip_prefix(self.item)?;
        let (item, rest) = match rest.strip_prefix(self.no_prize) {
            Some(rest) => (NO_PRIZE, rest),
            None => number(rest)?,
        };
        let rest = rest.strip_prefix(self.end)?;
        Some((
            seq,
            DrawRecord {
                pool,
                item,
                request,
            },
            bytes.len() - rest.len(),
        ))
    }
}

/// The number at the beginning, as the encoder writes it: digits, without leading zeros.
fn number<T: TryFrom<u64>>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let length = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = bytes.split_at(length);
    if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((T::try_from(value).ok()?, rest))
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
    let kind = match kind {
        BlockKind::Records => "records",
        BlockKind::Marker => "marker",
        BlockKind::Seal => "seal",
    };
    write_line(prefix, &mut out[..BLOCK_HEADER_BYTES], |line| {
        write!(
            line,
            r#"{{"type":"block","kind":"{kind}","salt":"{salt:016x}","shard":{shard},"segment":{segment},"#
        )?;
        write!(
            line,
            r#""number":{number},"offset":{offset},"first_seq":{first_seq},"count":{count},"length":{length},"#
        )?;
        write!(
            line,
            r#""durable_upto":{durable_upto},"previous":"{previous:08x}","payload_crc":"{payload_crc:08x}","#
        )?;
        write!(line, r#""crc":"{crc:08x}"}}"#)
    });
    crc
}

pub(super) fn decode_block(prefix: &[u8], bytes: &[u8]) -> Option<(BlockHeader, u32)> {
    let bytes = bytes.get(..BLOCK_HEADER_BYTES)?;
    let HeaderLine::Block(Checked { header }) = read_line(prefix, bytes)? else {
        return None;
    };
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
    write_line(prefix, out, |line| {
        write!(
            line,
            r#"{{"type":"segment","version":{version},"engine":"{engine:032x}","shard":{shard},"shards":{shards},"#
        )?;
        write!(
            line,
            r#""segment":{segment},"first_seq":{first_seq},"salt":"{salt:016x}","segment_bytes":{segment_bytes},"#
        )?;
        write!(line, r#""previous":"{previous:08x}","crc":"{crc:08x}"}}"#)
    });
    crc
}

pub(super) fn decode_segment(prefix: &[u8], unit: &[u8]) -> Result<SegmentHeader, HeaderError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
        #[serde(default)]
        crc: String,
    }
    let header = match read_line(prefix, unit) {
        Some(HeaderLine::Segment(Checked { header })) => Some(header),
        _ => None,
    };
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

/// Fills `out` with one line: prefix, what `write` writes, spaces, line feed. Once a block, and
/// without an allocation.
fn write_line(
    prefix: &[u8],
    out: &mut [u8],
    write: impl FnOnce(&mut io::Cursor<&mut [u8]>) -> io::Result<()>,
) {
    let (last, body) = out.split_last_mut().expect("a line has a width");
    body.fill(b' ');
    *last = b'\n';
    let (start, rest) = body.split_at_mut(prefix.len());
    start.copy_from_slice(prefix);
    let written = write(&mut io::Cursor::new(rest));
    written.expect("a header line is wide enough for the longest numbers");
}

fn read_line<T: DeserializeOwned>(prefix: &[u8], bytes: &[u8]) -> Option<T> {
    let line = bytes.strip_prefix(prefix)?.strip_suffix(b"\n")?;
    serde_json::from_slice(line).ok()
}
