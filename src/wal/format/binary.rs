//! The binary format: bincode with fixed-width little-endian integers; 16 bytes a draw, or 4 if it is
//! of the same pool as the one before it in its block, for the next request.
//!
//! This is the one module that knows bincode, which has no maintainer any more
//! (RUSTSEC-2025-0141). The golden bytes in its tests keep what it writes readable for ever.

use bincode::{
    Decode, Encode,
    config::{Configuration, Fixint, LittleEndian},
    enc::write::SizeWriter,
};

use super::{Before, Codec, Context, HeaderError, Malformed};
use crate::{
    pool::PoolChange,
    storage::WRITE_UNIT,
    wal::{
        block::BlockHeader,
        record::{DrawRecord, DrawsRecord, NO_PRIZE, Record},
        segment::{FORMAT_VERSION, SegmentHeader},
    },
};

/// Nothing takes more than so many times its encoded size in memory. The most is a change that has
/// no content.
const EXPANSION_MAX: usize = 16;
const _: () = assert!(size_of::<PoolChange<u32>>() <= EXPANSION_MAX * size_of::<u32>());

const CONFIG: Configuration<LittleEndian, Fixint> = bincode::config::standard()
    .with_little_endian()
    .with_fixed_int_encoding();

const KIND_DRAW: u32 = 1;
const KIND_POOL: u32 = 2;
const KIND_REQUESTS_RESERVED: u32 = 3;
const KIND_DRAWS: u32 = 4;
const KIND_SETTLED: u32 = 5;
const KIND_VOIDED: u32 = 6;
const KIND_CHANGED: u32 = 7;
const KIND_REMEMBER: u32 = 8;
const KIND_SENT: u32 = 9;
const KIND_RECEIVED: u32 = 10;
const KIND_DELIVERED: u32 = 11;
const KIND_AVAILABILITY: u32 = 12;
/// A draw of the same pool as the one before it, for the request after that one. (Since version 2.)
const KIND_NEXT_DRAW: u32 = 13;
/// A record begins with its kind in the low byte; a draw has its pool above it, the next draw its item.
const KIND_BITS: u32 = 8;
/// Draws that were made together take no more before their items.
const DRAWS_HEAD_BYTES_MAX: usize = 4 + 8 + 4 + 1 + 8 + (1 + 8) + (1 + 16) + 8;
/// Stands for [`NO_PRIZE`] above a kind.
const NO_PRIZE_SHORT: u32 = u32::MAX >> KIND_BITS;

const SEGMENT_MAGIC: &[u8; 8] = b"TOMBOLA\n";
const BLOCK_MAGIC: &[u8; 4] = b"TBLK";

/// The binary codec.
pub struct Binary;

impl Codec for Binary {
    const BLOCK_HEADER_BYTES: usize = 80;
    const DRAW_BYTES_MAX: usize = 16;
    const FILL: u8 = 0;
    const FILL_LAST: u8 = 0;

    #[inline]
    fn encode_draw(out: &mut [u8], context: &mut Context, _seq: u64, draw: DrawRecord) -> usize {
        let is_short = draw.item < NO_PRIZE_SHORT || draw.item == NO_PRIZE;
        let is_next = context.before.is_followed_by(draw) && is_short;
        context.before.follow(draw);
        if is_next {
            let item = draw.item.min(NO_PRIZE_SHORT);
            out[..4].copy_from_slice(&(KIND_NEXT_DRAW | (item << KIND_BITS)).to_le_bytes());
            return 4;
        }
        // Fields assigned in place: the same bytes as `encode` (a test says so), at a third of the
        // time.
        let out: &mut [u8; 16] = (&mut out[..16]).try_into().expect("a slice of 16 bytes");
        out[0..4].copy_from_slice(&(KIND_DRAW | (draw.pool << KIND_BITS)).to_le_bytes());
        out[4..8].copy_from_slice(&draw.item.to_le_bytes());
        out[8..16].copy_from_slice(&draw.request.to_le_bytes());
        16
    }

    #[inline]
    fn encode_draws(out: &mut [u8], _seq: u64, draws: &DrawsRecord) -> usize {
        // As above: the same bytes as `encode`.
        let head: &mut [u8; DRAWS_HEAD_BYTES_MAX] = out.first_chunk_mut().expect("there is room");
        let mut length = 0;
        put(head, &mut length, KIND_DRAWS.to_le_bytes());
        put(head, &mut length, draws.request.to_le_bytes());
        put(head, &mut length, draws.pool.to_le_bytes());
        put(head, &mut length, [draws.asked]);
        put(head, &mut length, draws.at_ms.to_le_bytes());
        put(head, &mut length, [u8::from(draws.held_until_ms.is_some())]);
        if let Some(until_ms) = draws.held_until_ms {
            put(head, &mut length, until_ms.to_le_bytes());
        }
        put(head, &mut length, [u8::from(draws.key.is_some())]);
        if let Some(key) = draws.key {
            put(head, &mut length, key.to_le_bytes());
        }
        put(head, &mut length, (draws.items.len() as u64).to_le_bytes());
        let rest = &mut out[length..][..draws.items.len() * size_of::<u32>()];
        for (bytes, item) in rest.as_chunks_mut().0.iter_mut().zip(&draws.items) {
            *bytes = item.to_le_bytes();
        }
        length + rest.len()
    }

    fn encode(out: &mut Vec<u8>, _seq: u64, record: &Record) {
        match record {
            Record::Draw(draw) => append(
                out,
                (
                    KIND_DRAW | (draw.pool << KIND_BITS),
                    draw.item,
                    draw.request,
                ),
            ),
            Record::Pool(part) => append(out, (KIND_POOL, part)),
            Record::RequestsReserved { upto } => append(out, (KIND_REQUESTS_RESERVED, upto)),
            Record::Draws(draws) => append(out, (KIND_DRAWS, draws)),
            Record::Settled(settled) => append(out, (KIND_SETTLED, settled)),
            Record::Voided(voided) => append(out, (KIND_VOIDED, voided)),
            Record::Changed(part) => append(out, (KIND_CHANGED, part)),
            Record::Remember(remember) => append(out, (KIND_REMEMBER, remember)),
            Record::Sent(transfer) => append(out, (KIND_SENT, transfer)),
            Record::Received(transfer) => append(out, (KIND_RECEIVED, transfer)),
            Record::Delivered { peer, upto } => append(out, (KIND_DELIVERED, (peer, upto))),
            Record::Availability(item) => append(out, (KIND_AVAILABILITY, item)),
        }
    }

    fn decode_draws(
        bytes: &[u8],
        context: &mut Context,
        _seq: u64,
        draws: &mut [DrawRecord],
    ) -> (usize, usize) {
        let (mut count, mut rest, mut before) = (0, bytes, context.before);
        for place in draws {
            let Some((draw, behind)) = decode_draw(rest, &mut before) else {
                break;
            };
            (*place, rest) = (draw, behind);
            count += 1;
        }
        context.before = before;
        (count, bytes.len() - rest.len())
    }

    fn decode_draws_together(bytes: &[u8], draws: &mut DrawsRecord) -> Option<usize> {
        let mut rest = bytes;
        if u32::from_le_bytes(take(&mut rest)?) != KIND_DRAWS {
            return None;
        }
        draws.request = u64::from_le_bytes(take(&mut rest)?);
        draws.pool = u32::from_le_bytes(take(&mut rest)?);
        [draws.asked] = take(&mut rest)?;
        draws.at_ms = u64::from_le_bytes(take(&mut rest)?);
        draws.held_until_ms = if take_flag(&mut rest)? {
            Some(u64::from_le_bytes(take(&mut rest)?))
        } else {
            None
        };
        draws.key = if take_flag(&mut rest)? {
            Some(u128::from_le_bytes(take(&mut rest)?))
        } else {
            None
        };
        let count = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let (items, behind) = rest.split_at_checked(count.checked_mul(size_of::<u32>())?)?;
        draws.items.clear();
        let items = items.as_chunks().0.iter();
        draws
            .items
            .extend(items.map(|item| u32::from_le_bytes(*item)));
        Some(bytes.len() - behind.len())
    }

    fn decode(
        bytes: &[u8],
        context: &mut Context,
        _seq: u64,
    ) -> Result<(Record, usize), Malformed> {
        if let Some((draw, behind)) = decode_draw(bytes, &mut context.before) {
            return Ok((Record::Draw(draw), bytes.len() - behind.len()));
        }
        let (tag, _): (u32, _) = read(bytes)?;
        match tag & ((1 << KIND_BITS) - 1) {
            KIND_NEXT_DRAW => {
                return Err(Malformed("a draw follows one that is not there".into()));
            }
            KIND_DRAW => return Err(Malformed("a draw is cut off".into())),
            _ => {}
        }
        match tag {
            KIND_POOL => one(bytes, Record::Pool),
            KIND_REQUESTS_RESERVED => one(bytes, |upto| Record::RequestsReserved { upto }),
            KIND_DRAWS => one(bytes, Record::Draws),
            KIND_SETTLED => one(bytes, Record::Settled),
            KIND_VOIDED => one(bytes, Record::Voided),
            KIND_CHANGED => one(bytes, Record::Changed),
            KIND_REMEMBER => one(bytes, Record::Remember),
            KIND_SENT => one(bytes, Record::Sent),
            KIND_RECEIVED => one(bytes, Record::Received),
            KIND_DELIVERED => one(bytes, |(peer, upto)| Record::Delivered { peer, upto }),
            KIND_AVAILABILITY => one(bytes, Record::Availability),
            _ => Err(Malformed(format!("no record begins with {tag:#x}"))),
        }
    }

    fn encode_block(out: &mut [u8], header: &BlockHeader) -> u32 {
        out[..4].copy_from_slice(BLOCK_MAGIC);
        let length =
            bincode::encode_into_slice(header, &mut out[4..Self::BLOCK_HEADER_BYTES - 4], CONFIG)
                .expect("a block header has a fixed size");
        debug_assert_eq!(length, Self::BLOCK_HEADER_BYTES - 8);
        let crc = crc32c::crc32c(&out[..4 + length]);
        out[4 + length..Self::BLOCK_HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        crc
    }

    fn decode_block(bytes: &[u8]) -> Option<(BlockHeader, u32)> {
        let (body, crc) = bytes
            .get(..Self::BLOCK_HEADER_BYTES)?
            .split_last_chunk::<4>()?;
        let crc = u32::from_le_bytes(*crc);
        let body_after_magic = body.strip_prefix(BLOCK_MAGIC)?;
        if crc32c::crc32c(body) != crc {
            return None;
        }
        Some((read(body_after_magic).ok()?.0, crc))
    }

    fn encode_segment(out: &mut [u8], header: &SegmentHeader) -> u32 {
        out.fill(0);
        out[..8].copy_from_slice(SEGMENT_MAGIC);
        let length = 8 + bincode::encode_into_slice(header, &mut out[8..], CONFIG)
            .expect("a segment header is smaller than a unit");
        let crc = crc32c::crc32c(&out[..length]);
        out[length..length + 4].copy_from_slice(&crc.to_le_bytes());
        crc
    }

    fn decode_segment(unit: &[u8]) -> Result<(SegmentHeader, u32), HeaderError> {
        let body = unit
            .strip_prefix(SEGMENT_MAGIC)
            .ok_or(HeaderError::Unreadable)?;
        let (version, _): (u32, _) = read(body).map_err(|_| HeaderError::Unreadable)?;
        let (header, length): (SegmentHeader, _) =
            read(body).map_err(|_| HeaderError::Unreadable)?;
        let newer = version > FORMAT_VERSION && version < 1 << 16;
        canonical::<Self>(unit, header).ok_or_else(|| {
            let mut again = [0; WRITE_UNIT];
            let has_its_checksum = |header| {
                let crc = Self::encode_segment(&mut again, &header);
                body[length..].starts_with(&crc.to_le_bytes())
            };
            if newer && !of_known_versions(header).any(has_its_checksum) {
                HeaderError::Future(version)
            } else {
                HeaderError::Unreadable
            }
        })
    }
}

/// The draw at the beginning, if there is one, and what comes behind it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as it does")]
fn decode_draw<'a>(bytes: &'a [u8], before: &mut Before) -> Option<(DrawRecord, &'a [u8])> {
    let (tag, behind) = bytes.split_first_chunk()?;
    let tag = u32::from_le_bytes(*tag);
    let (kind, above) = (tag & ((1 << KIND_BITS) - 1), tag >> KIND_BITS);
    let (draw, behind) = match kind {
        KIND_NEXT_DRAW => {
            let item = if above == NO_PRIZE_SHORT {
                NO_PRIZE
            } else {
                above
            };
            (before.next(item)?, behind)
        }
        KIND_DRAW => {
            let (item, behind) = behind.split_first_chunk()?;
            let (request, behind) = behind.split_first_chunk()?;
            let draw = DrawRecord {
                pool: above,
                item: u32::from_le_bytes(*item),
                request: u64::from_le_bytes(*request),
            };
            (draw, behind)
        }
        _ => return None,
    };
    before.follow(draw);
    Some((draw, behind))
}

/// A header is what it seems only if writing it again gives the same bytes: so that no bit of the
/// unit goes unchecked.
pub(super) fn canonical<C: Codec>(
    unit: &[u8],
    header: SegmentHeader,
) -> Option<(SegmentHeader, u32)> {
    let mut again = [0; WRITE_UNIT];
    let crc = C::encode_segment(&mut again, &header);
    let is_known = (1..=FORMAT_VERSION).contains(&header.version);
    (is_known && unit == again).then_some((header, crc))
}

/// A header as this version and those before it would have written it. If one of them has the checksum
/// that stands there, nothing but the number of the version was damaged: it is no header of a newer
/// version.
pub(super) fn of_known_versions(header: SegmentHeader) -> impl Iterator<Item = SegmentHeader> {
    (1..=FORMAT_VERSION).map(move |version| SegmentHeader { version, ..header })
}

/// The checksum of a header is that of its binary form, in every format.
pub(super) fn checksum(header: &impl Encode) -> u32 {
    let mut bytes = [0; 128];
    let length = bincode::encode_into_slice(header, &mut bytes, CONFIG).expect("headers are short");
    crc32c::crc32c(&bytes[..length])
}

/// Encodes into a fresh vector. (Snapshots.)
pub(crate) fn encode_to_vec(value: &impl Encode) -> Vec<u8> {
    // Counted first: to grow on the way takes up to three times the memory.
    let mut size = SizeWriter::default();
    bincode::encode_into_writer(value, &mut size, CONFIG).expect("counting does not fail");
    let mut out = Vec::with_capacity(size.bytes_written);
    append(&mut out, value);
    out
}

/// Decodes a value that takes up all of `bytes`, allocating no more than a fixed multiple of them.
pub(crate) fn bounded_decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, Malformed> {
    let (value, length) = bounded_read(bytes)?;
    if length == bytes.len() {
        Ok(value)
    } else {
        Err(Malformed("there are bytes after its end".into()))
    }
}

/// Decodes the value at the beginning of `bytes`, allocating no more than a fixed multiple of all of
/// them.
fn bounded_read<T: Decode<()>>(bytes: &[u8]) -> Result<(T, usize), Malformed> {
    // A collection is claimed before it is allocated. The limit is a constant, so there are a few
    // of them.
    macro_rules! read_within {
        ($limit:expr) => {
            bincode::decode_from_slice(bytes, CONFIG.with_limit::<{ $limit }>())
        };
    }
    let read = match bytes.len() {
        0..=0xFF => read_within!(EXPANSION_MAX << 8),
        0x100..=0xFFF => read_within!(EXPANSION_MAX << 12),
        0x1000..=0xFFFF => read_within!(EXPANSION_MAX << 16),
        0x1_0000..=0xF_FFFF => read_within!(EXPANSION_MAX << 20),
        0x10_0000..=0xFF_FFFF => read_within!(EXPANSION_MAX << 24),
        0x100_0000..=0xFFF_FFFF => read_within!(EXPANSION_MAX << 28),
        0x1000_0000..=0xFFFF_FFFF => read_within!(EXPANSION_MAX << 32),
        _ => read_within!(EXPANSION_MAX << 40),
    };
    read.map_err(|error| Malformed(error.to_string()))
}

/// Takes bytes from the beginning.
#[inline]
fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (first, behind) = bytes.split_first_chunk()?;
    *bytes = behind;
    Some(*first)
}

/// Takes the byte that says whether something follows.
#[inline]
fn take_flag(bytes: &mut &[u8]) -> Option<bool> {
    match take(bytes)? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// Writes bytes to the place `at`, which moves on.
#[inline]
fn put<const LENGTH: usize>(out: &mut [u8], at: &mut usize, bytes: [u8; LENGTH]) {
    out[*at..*at + LENGTH].copy_from_slice(&bytes);
    *at += LENGTH;
}

fn append(out: &mut Vec<u8>, value: impl Encode) {
    bincode::encode_into_std_write(value, out, CONFIG).expect("writing into memory does not fail");
}

/// Reads numbers, which allocates nothing.
fn read<T: Decode<()>>(bytes: &[u8]) -> Result<(T, usize), Malformed> {
    bincode::decode_from_slice(bytes, CONFIG).map_err(|error| Malformed(error.to_string()))
}

/// Reads a record of a kind that is one value.
fn one<T: Decode<()>>(
    bytes: &[u8],
    make: impl FnOnce(T) -> Record,
) -> Result<(Record, usize), Malformed> {
    let ((_, value), length): ((u32, T), _) = bounded_read(bytes)?;
    Ok((make(value), length))
}
