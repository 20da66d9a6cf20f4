//! JSON Lines: a segment that `jq` and `grep` read from its first byte to its last.

use super::{
    Codec, Context, HeaderError, Malformed,
    binary::canonical,
    draw_line::DrawLine,
    text::{self, RecordLine},
};
use crate::wal::{
    block::BlockHeader,
    record::{DrawRecord, DrawsRecord, Record},
    segment::SegmentHeader,
};

const DRAW_BYTES_MAX: usize = 112;

const DRAW: DrawLine<DRAW_BYTES_MAX> = DrawLine {
    seq: br#"{"type":"draw","seq":"#,
    request: br#","request":"#,
    pool: br#","pool":"#,
    item: br#","item":"#,
    no_prize: b"null",
    end: b"}\n",
};

/// The JSON Lines codec.
pub struct Jsonl;

impl Codec for Jsonl {
    const BLOCK_HEADER_BYTES: usize = text::BLOCK_HEADER_BYTES;
    const DRAW_BYTES_MAX: usize = DRAW_BYTES_MAX;
    const FILL: u8 = b' ';
    const FILL_LAST: u8 = b'\n';

    #[inline]
    fn encode_draw(out: &mut [u8], context: &mut Context, seq: u64, draw: DrawRecord) -> usize {
        DRAW.encode(out, context, seq, draw)
    }

    fn encode_draws(out: &mut [u8], seq: u64, draws: &DrawsRecord) -> usize {
        text::encode_draws(b"", out, seq, draws)
    }

    fn encode(out: &mut Vec<u8>, seq: u64, record: &Record) {
        serde_json::to_writer(&mut *out, &RecordLine::new(seq, record))
            .expect("writing into memory does not fail");
        out.push(b'\n');
    }

    fn decode_draws(
        bytes: &[u8],
        context: &mut Context,
        seq: u64,
        draws: &mut [DrawRecord],
    ) -> (usize, usize) {
        DRAW.decode_draws(bytes, context, seq, draws)
    }

    fn decode(
        bytes: &[u8],
        _context: &mut Context,
        seq: u64,
    ) -> Result<(Record, usize), Malformed> {
        let line = text::first_line(bytes)?;
        let record: RecordLine<'_> =
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
