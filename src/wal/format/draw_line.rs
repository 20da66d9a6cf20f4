//! A draw's line in the text formats, written and read without building anything, for there are
//! millions of them.

use super::{Context, digits};
use crate::wal::record::{DrawRecord, NO_PRIZE};

/// No line of a draw is longer, in whatever format.
const LINE_BYTES_MAX: usize = 112;

/// How a draw's line looks: what stands before each of its numbers, and at its end. No line has more
/// than `BYTES_MAX` bytes.
pub(super) struct DrawLine<const BYTES_MAX: usize> {
    pub(super) seq: &'static [u8],
    pub(super) request: &'static [u8],
    pub(super) pool: &'static [u8],
    pub(super) item: &'static [u8],
    /// Stands for the item of a draw that answered "no prize".
    pub(super) no_prize: &'static [u8],
    pub(super) end: &'static [u8],
}

/// A draw's line up to its item, from which the next ones are made as long as both sequence number and
/// request count on: all that has to be done then is to write their last two digits. It is made anew where
/// they do not, so what is written never depends on what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The last two digits of sequence number and request are those of any line since it was made.
    text: [u8; LINE_BYTES_MAX],
    length: usize,
    /// Where the pool begins.
    pool_at: usize,
    pool: u32,
    seq: Counter,
    request: Counter,
    /// How often both numbers have counted on since it was made, and how often they can without a change
    /// before their last two digits.
    count: u8,
    count_max: u8,
}

/// A number that counts on: as it was at first, its last two digits, and where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    first: u64,
    low: u8,
    low_at: usize,
}

impl Counter {
    const NEW: Self = Self {
        first: 0,
        low: 0,
        low_at: 0,
    };

    /// Writes a number to `out` at `at`; returns its end, and how often it can count on.
    fn begin(&mut self, out: &mut [u8], at: usize, number: u64) -> (usize, u8) {
        let length = digits::write(&mut out[at..], number);
        let end = at + length;
        let low = (number % 100) as u8;
        if length < 2 {
            *self = Self::NEW;
            return (end, 0);
        }
        *self = Self {
            first: number,
            low,
            low_at: end - 2,
        };
        (end, u64::from(99 - low).min(u64::MAX - number) as u8)
    }

    #[inline]
    fn write_low(&self, line: &mut [u8], count: u8) {
        let low = digits::PAIRS[usize::from(self.low + count)];
        line[self.low_at..self.low_at + 2].copy_from_slice(&low);
    }
}

impl Head {
    /// Nothing was written.
    pub(super) const NEW: Self = Self {
        text: [0; LINE_BYTES_MAX],
        length: 0,
        pool_at: 0,
        pool: 0,
        seq: Counter::NEW,
        request: Counter::NEW,
        count: 0,
        count_max: 0,
    };

    /// Goes on to the line of the next request, if that has this sequence number; returns the request. The
    /// last two digits are to be written then.
    #[inline]
    fn count_on(&mut self, seq: u64) -> Option<u64> {
        let count = self.count + 1;
        if count > self.count_max || self.seq.first + u64::from(count) != seq {
            return None;
        }
        self.count = count;
        Some(self.request.first + u64::from(count))
    }
}

impl<const BYTES_MAX: usize> DrawLine<BYTES_MAX> {
    /// Writes the line; returns its length. What it overwrites are always `BYTES_MAX` bytes.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the pieces are constants only where it is inlined"
    )]
    pub(super) fn encode(
        &self,
        out: &mut [u8],
        context: &mut Context,
        seq: u64,
        draw: DrawRecord,
    ) -> usize {
        let head = &mut context.head;
        let counts_on = head.count_on(seq) == Some(draw.request);
        if !counts_on {
            self.begin(head, seq, draw);
        } else if draw.pool != head.pool {
            self.begin_pool(head, draw.pool);
        }
        let out: &mut [u8; BYTES_MAX] = out.first_chunk_mut().expect("there is room for a line");
        out.copy_from_slice(&head.text[..BYTES_MAX]);
        if counts_on {
            head.seq.write_low(out, head.count);
            head.request.write_low(out, head.count);
        }
        let mut at = head.length;
        at += if draw.item == NO_PRIZE {
            out[at..at + self.no_prize.len()].copy_from_slice(self.no_prize);
            self.no_prize.len()
        } else {
            digits::write(&mut out[at..], u64::from(draw.item))
        };
        out[at..at + self.end.len()].copy_from_slice(self.end);
        at + self.end.len()
    }

    #[inline(never)]
    fn begin(&self, head: &mut Head, seq: u64, draw: DrawRecord) {
        let put = |text: &mut [u8], at: usize, piece: &[u8]| {
            text[at..at + piece.len()].copy_from_slice(piece);
            at + piece.len()
        };
        let at = put(&mut head.text, 0, self.seq);
        let (at, seq_left) = head.seq.begin(&mut head.text, at, seq);
        let at = put(&mut head.text, at, self.request);
        let (at, request_left) = head.request.begin(&mut head.text, at, draw.request);
        (head.count, head.count_max) = (0, seq_left.min(request_left));
        head.pool_at = put(&mut head.text, at, self.pool);
        self.begin_pool(head, draw.pool);
    }

    #[inline(never)]
    fn begin_pool(&self, head: &mut Head, pool: u32) {
        head.pool = pool;
        let at = head.pool_at + digits::write(&mut head.text[head.pool_at..], u64::from(pool));
        head.text[at..at + self.item.len()].copy_from_slice(self.item);
        head.length = at + self.item.len();
    }

    /// Reads a line exactly as [`encode`](Self::encode) writes it: its sequence number, the draw
    /// and its length.
    #[inline(never)]
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<(u64, DrawRecord, usize)> {
        let (seq, rest) = digits::read(bytes.strip_prefix(self.seq)?)?;
        let (request, rest) = digits::read(rest.strip_prefix(self.request)?)?;
        let (pool, rest) = digits::read(rest.strip_prefix(self.pool)?)?;
        let rest = rest.strip_prefix(self.item)?;
        let (item, rest) = match digits::read(rest) {
            Some((item, rest)) => (u32::try_from(item).ok()?, rest),
            None => (NO_PRIZE, rest.strip_prefix(self.no_prize)?),
        };
        let rest = rest.strip_prefix(self.end)?;
        let draw = DrawRecord {
            pool: u32::try_from(pool).ok()?,
            item,
            request,
        };
        Some((seq, draw, bytes.len() - rest.len()))
    }

    /// The line that counts on from the one before it.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the pieces are constants only where it is inlined"
    )]
    fn decode_next<'a>(
        &self,
        bytes: &'a [u8],
        head: &mut Head,
        seq: u64,
    ) -> Option<(DrawRecord, &'a [u8])> {
        let request = head.count_on(seq)?;
        head.seq.write_low(&mut head.text, head.count);
        head.request.write_low(&mut head.text, head.count);
        let rest = match bytes.strip_prefix(&head.text[..head.length]) {
            Some(rest) => rest,
            None => self.decode_pool(bytes, head)?,
        };
        let (item, rest) = match digits::read_short(rest) {
            Some((item, length)) => (item, &rest[length..]),
            None => (NO_PRIZE, rest.strip_prefix(self.no_prize)?),
        };
        let rest = rest.strip_prefix(self.end)?;
        let draw = DrawRecord {
            pool: head.pool,
            item,
            request,
        };
        Some((draw, rest))
    }

    /// The pool is another one; what comes behind it.
    #[inline(never)]
    fn decode_pool<'a>(&self, bytes: &'a [u8], head: &mut Head) -> Option<&'a [u8]> {
        let (pool, rest) = digits::read(bytes.strip_prefix(&head.text[..head.pool_at])?)?;
        self.begin_pool(head, u32::try_from(pool).ok()?);
        rest.strip_prefix(self.item)
    }

    /// Reads lines as long as they are exactly what [`encode`](Self::encode) writes for draws from
    /// `seq` on, and there is room; returns how many they are, and their length.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the pieces are constants only where it is inlined"
    )]
    pub(super) fn decode_draws(
        &self,
        bytes: &[u8],
        context: &mut Context,
        seq: u64,
        draws: &mut [DrawRecord],
    ) -> (usize, usize) {
        let head = &mut context.head;
        let (mut count, mut rest) = (0, bytes);
        while count < draws.len() {
            let seq = seq.wrapping_add(count as u64);
            if let Some((draw, behind)) = self.decode_next(rest, head, seq) {
                (draws[count], rest) = (draw, behind);
            } else if let Some((found, draw, length)) = self.decode(rest)
                && found == seq
            {
                self.begin(head, seq, draw);
                (draws[count], rest) = (draw, &rest[length..]);
            } else {
                break;
            }
            count += 1;
        }
        (count, bytes.len() - rest.len())
    }
}
