//! JSON Lines: a segment that `jq` and `grep` read from its first byte to its last.

use super::{
    Codec, HeaderError, Malformed,
    binary::canonical,
    text::{self, Fields, RecordLine},
};
use crate::wal::{
    block::BlockHeader,
    record::{DrawRecord, NO_PRIZE, Record},
    segment::SegmentHeader,
};

/// The JSON Lines codec.
pub struct Jsonl;

impl Codec for Jsonl {
    const BLOCK_HEADER_BYTES: usize = text::BLOCK_HEADER_BYTES;
    const DRAW_BYTES_MAX: usize = 112;
    const FILL: u8 = b' ';
    const FILL_LAST: u8 = b'\n';

    #[inline]
    fn encode_draw(out: &mut [u8], seq: u64, draw: DrawRecord) -> usize {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        let mut digits = itoa::Buffer::new();
        put(br#"{"type":"draw","seq":"#);
        put(digits.format(seq).as_bytes());
        put(br#","request":"#);
        put(digits.format(draw.request).as_bytes());
        put(br#","pool":"#);
        put(digits.format(draw.pool).as_bytes());
        put(br#","item":"#);
        if draw.item == NO_PRIZE {
            put(b"null");
        } else {
            put(digits.format(draw.item).as_bytes());
        }
        put(b"}\n");
        at
    }

    fn encode(out: &mut Vec<u8>, seq: u64, record: &Record) {
        serde_json::to_writer(&mut *out, &RecordLine::new(seq, record))
            .expect("writing into memory does not fail");
        out.push(b'\n');
    }

    fn decode(bytes: &[u8], seq: u64) -> Result<(Record, usize), Malformed> {
        if let Some((found, draw, length)) = draw(bytes) {
            return Ok((text::in_place(found, seq, Record::Draw(draw))?, length));
        }
        let line = text::first_line(bytes)?;
        let record: RecordLine =
            serde_json::from_slice(line).map_err(|error| Malformed(error.to_string()))?;
        Ok((record.record(seq)?, line.len() + 1))
    }

    fn encode_block(out: &mut [u8], header: &BlockHeader) -> u32 {
        text::encode_block(b"", out, header)
    }

    fn decode_block(bytes: &[u8]) -> Option<(BlockHeader, u32)> {
        text::decode_block(b"", bytes)
    }

    fn encode_segment(out: &mut [u8], header: &SegmentHeader) -> u32 {
        text::encode_segment(b"", out, header)
    }

    fn decode_segment(unit: &[u8]) -> Result<(SegmentHeader, u32), HeaderError> {
        let header = text::decode_segment(b"", unit)?;
        canonical::<Self>(unit, header).ok_or(HeaderError::Unreadable)
    }
}

/// A draw exactly as `encode_draw` writes it; anything else is left to the JSON reader.
fn draw(bytes: &[u8]) -> Option<(u64, DrawRecord, usize)> {
    let mut fields = Fields(bytes);
    let seq = fields.number(br#"{"type":"draw","seq":"#)?;
    let request = fields.number(br#","request":"#)?;
    let pool = fields.number(br#","pool":"#)?;
    let item = fields.item(br#","item":"#, b"null")?;
    Some((
        seq,
        DrawRecord {
            pool,
            item,
            request,
        },
        fields.end(b"}\n", bytes)?,
    ))
}
