//! One short text line a record: `d 17 3 0 4` is record 17, request 3, pool 0, item 4 (`-` for no
//! prize). Headers are comments: `# ` and a JSON object. What is no draw is `r ` and a JSON object.

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

const HEADER: &[u8] = b"# ";
const RECORD: &[u8] = b"r ";

const DRAW_BYTES_MAX: usize = 80;

const DRAW: DrawLine<DRAW_BYTES_MAX> = DrawLine {
    seq: b"d ",
    request: b" ",
    pool: b" ",
    item: b" ",
    no_prize: b"-",
    end: b"\n",
};

/// The line codec.
pub struct Line;

impl Codec for Line {
    const BLOCK_HEADER_BYTES: usize = text::BLOCK_HEADER_BYTES;
    const DRAW_BYTES_MAX: usize = DRAW_BYTES_MAX;
    const FILL: u8 = b' ';
    const FILL_LAST: u8 = b'\n';

    #[inline]
    fn encode_draw(out: &mut [u8], context: &mut Context, seq: u64, draw: DrawRecord) -> usize {
        DRAW.encode(out, context, seq, draw)
    }

    fn encode_draws(out: &mut [u8], seq: u64, draws: &DrawsRecord) -> usize {
        text::encode_draws(RECORD, out, seq, draws)
    }

    fn encode(out: &mut Vec<u8>, seq: u64, record: &Record) {
        if let Record::Draw(draw) = record {
            let mut line = [0; Self::DRAW_BYTES_MAX];
            let length = Self::encode_draw(&mut line, &mut Context::default(), seq, *draw);
            out.extend_from_slice(&line[..length]);
        } else {
            out.extend_from_slice(RECORD);
            serde_json::to_writer(&mut *out, &RecordLine::new(seq, record))
                .expect("writing into memory does not fail");
            out.push(b'\n');
        }
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
        if let Some((found, draw, length)) = DRAW.decode(bytes) {
            return Ok((text::in_place(found, seq, Record::Draw(draw))?, length));
        }
        let line = text::first_line(bytes)?;
        let json = line
            .strip_prefix(RECORD)
            .ok_or_else(|| Malformed("a line of no known kind".into()))?;
        let record: RecordLine<'_> =
            serde_json::from_slice(json).map_err(|error| Malformed(error.to_string()))?;
        Ok((record.record(seq)?, line.len() + 1))
    }

    fn encode_block(out: &mut [u8], header: &BlockHeader) -> u32 {
        text::encode_block(HEADER, out, header)
    }

    fn decode_block(bytes: &[u8]) -> Option<(BlockHeader, u32)> {
        text::decode_block(HEADER, bytes)
    }

    fn encode_segment(out: &mut [u8], header: &SegmentHeader) -> u32 {
        text::encode_segment(HEADER, out, header)
    }

    fn decode_segment(unit: &[u8]) -> Result<(SegmentHeader, u32), HeaderError> {
        let header = text::decode_segment(HEADER, unit)?;
        canonical::<Self>(unit, header).ok_or(HeaderError::Unreadable)
    }
}
