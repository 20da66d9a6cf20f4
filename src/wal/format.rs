//! How records and headers look on disk: one codec a format, and what they share.

mod binary;
mod digits;
mod draw_line;
mod jsonl;
mod line;
mod line_parts;
mod text;

pub use binary::Binary;
pub(crate) use binary::{bounded_decode, encode_to_vec};
pub use jsonl::Jsonl;
pub use line::Line;

use self::draw_line::Head;
use super::{
    block::BlockHeader,
    record::{DrawRecord, DrawsRecord, Record},
    segment::SegmentHeader,
};
use crate::{config::LogFormat, storage::WRITE_UNIT};

/// What a format does. Everything here works on bytes in memory.
pub trait Codec {
    /// A block header takes exactly so many bytes.
    const BLOCK_HEADER_BYTES: usize;
    /// No draw takes more.
    const DRAW_BYTES_MAX: usize;
    /// What a unit that nothing was written to is filled with, up to its last byte.
    const FILL: u8;
    /// The last byte of such a unit.
    const FILL_LAST: u8;

    /// Writes a draw to the beginning of `out`, which has at least `DRAW_BYTES_MAX` bytes; returns
    /// its length. What is behind it there may be overwritten, too. `context` goes along from one draw
    /// of a block to the next.
    fn encode_draw(out: &mut [u8], context: &mut Context, seq: u64, draw: DrawRecord) -> usize;
    /// Writes draws that were made together to the beginning of `out`, which has at least
    /// [`DrawsRecord::bytes_max`] bytes; returns their length.
    fn encode_draws(out: &mut [u8], seq: u64, draws: &DrawsRecord) -> usize;
    /// Appends a record.
    fn encode(out: &mut Vec<u8>, seq: u64, record: &Record);
    /// Reads the record at the beginning of `bytes`, and its length. `context` goes along from one
    /// record of a block to the next.
    fn decode(bytes: &[u8], context: &mut Context, seq: u64) -> Result<(Record, usize), Malformed>;
    /// Reads draws at the beginning of `bytes` as long as they are what
    /// [`encode_draw`](Self::encode_draw) may have written, the first of them for the number `seq`, and
    /// there is room in `draws`; returns how many they are, and their length.
    /// [`decode`](Self::decode) would tell the same, at several times the cost; what comes behind them is
    /// left to it.
    fn decode_draws(
        bytes: &[u8],
        context: &mut Context,
        seq: u64,
        draws: &mut [DrawRecord],
    ) -> (usize, usize);
    /// Reads draws that were made together at the beginning of `bytes`, in place of what is in `draws`;
    /// returns their length. `None` leaves it to [`decode`](Self::decode), which would tell the same and
    /// allocates.
    fn decode_draws_together(_bytes: &[u8], _draws: &mut DrawsRecord) -> Option<usize> {
        None
    }
    /// Writes a block header into `out`, `BLOCK_HEADER_BYTES` long; returns its checksum.
    fn encode_block(out: &mut [u8], header: &BlockHeader) -> u32;
    /// Reads a block header and its checksum; `None` where the bytes are not one.
    fn decode_block(bytes: &[u8]) -> Option<(BlockHeader, u32)>;
    /// Writes a segment header into `out`, a write unit long; returns its checksum.
    fn encode_segment(out: &mut [u8], header: &SegmentHeader) -> u32;
    /// Reads a segment header and its checksum.
    fn decode_segment(unit: &[u8]) -> Result<(SegmentHeader, u32), HeaderError>;
}

/// What a draw can be written in fewer bytes with, or in less time: the draw before, in the same block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    before: Before,
    /// Of the text formats.
    head: Head,
}

impl Default for Context {
    /// No draw was before.
    fn default() -> Self {
        Self {
            before: Before::NOTHING,
            head: Head::NEW,
        }
    }
}

impl Context {
    /// Something else comes between the draw before and the next one.
    pub(super) fn forget(&mut self) {
        self.before = Before::NOTHING;
    }
}

/// The draw before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    /// The pool; no pool has the greatest number.
    pool: u32,
    /// The request that would be the next one.
    next_request: u64,
}

impl Before {
    const NOTHING: Self = Self {
        pool: u32::MAX,
        next_request: 0,
    };

    /// Whether a draw is from the same pool as the one before it, for the request after that one.
    #[inline]
    fn is_followed_by(&self, draw: DrawRecord) -> bool {
        (self.pool, self.next_request) == (draw.pool, draw.request)
    }

    /// This draw was the last.
    #[inline]
    fn follow(&mut self, draw: DrawRecord) {
        self.pool = draw.pool;
        self.next_request = draw.request.wrapping_add(1);
    }

    /// The draw of an item that follows; `None` where no draw was before.
    #[inline]
    fn next(&self, item: u32) -> Option<DrawRecord> {
        (self.pool != u32::MAX).then_some(DrawRecord {
            pool: self.pool,
            item,
            request: self.next_request,
        })
    }
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

/// A segment header that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// It is none, or its checksum is wrong.
    Unreadable,
    /// It has this version, which is newer than this build.
    Future(u32),
}

/// Runs `$body` with `$codec` standing for the codec of a [`LogFormat`].
macro_rules! with_codec {
    ($format:expr, $codec:ident => $body:expr) => {
        match $format {
            $crate::config::LogFormat::Bincode => {
                type $codec = $crate::wal::format::Binary;
                $body
            }
            $crate::config::LogFormat::Jsonl => {
                type $codec = $crate::wal::format::Jsonl;
                $body
            }
            $crate::config::LogFormat::Line => {
                type $codec = $crate::wal::format::Line;
                $body
            }
        }
    };
}
pub(crate) use with_codec;

/// Reads the first unit of a segment: its format, header and the header's checksum.
pub(crate) fn decode_segment(unit: &[u8]) -> Result<(LogFormat, SegmentHeader, u32), HeaderError> {
    let format = match unit.first() {
        Some(b'T') => LogFormat::Bincode,
        Some(b'{') => LogFormat::Jsonl,
        Some(b'#') => LogFormat::Line,
        _ => return Err(HeaderError::Unreadable),
    };
    let (header, crc) = with_codec!(format, C => C::decode_segment(unit))?;
    Ok((format, header, crc))
}

/// Turns whole units into fill.
pub(crate) fn fill(format: LogFormat, chunk: &mut [u8]) {
    for unit in chunk.chunks_mut(WRITE_UNIT) {
        with_codec!(format, C => pad::<C>(unit));
    }
}

/// Fills what is left of a unit.
pub(crate) fn pad<C: Codec>(rest: &mut [u8]) {
    if let Some((last, body)) = rest.split_last_mut() {
        body.fill(C::FILL);
        *last = C::FILL_LAST;
    }
}

/// Whether this is the rest of a unit, filled.
pub(crate) fn is_padding<C: Codec>(rest: &[u8]) -> bool {
    rest.split_last().is_none_or(|(last, body)| {
        // Bytes are all alike if each is like the one before it. Recovery goes through whole
        // segments of fill, and comparing slices is many times as fast as looking at each byte.
        let alike = body
            .split_first()
            .is_none_or(|(first, others)| *first == C::FILL && *others == body[..others.len()]);
        *last == C::FILL_LAST && alike
    })
}

/// Whether these whole units are fill of some format.
pub(crate) fn is_fill(bytes: &[u8]) -> bool {
    bytes
        .chunks(WRITE_UNIT)
        .all(|unit| is_padding::<Binary>(unit) || is_padding::<Jsonl>(unit))
}

/// Fixed-width hexadecimal in the text formats: such numbers do not fit into a JSON reader's
/// floating-point ones.
pub(crate) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) trait Hex: Copy + std::fmt::LowerHex {
        const DIGITS: usize;
        /// The number that has these digits, as many as there have to be.
        fn from_hex(digits: &[u8]) -> Option<Self>;
        /// A digit, the last one being number 0.
        fn digit(self, number: usize) -> usize;
    }

    macro_rules! hex {
        ($($type:ty)*) => {$(
            impl Hex for $type {
                const DIGITS: usize = size_of::<$type>() * 2;
                fn from_hex(digits: &[u8]) -> Option<Self> {
                    let mut digits_read = digits.iter().map(|digit| match digit {
                        b'0'..=b'9' => Some(<$type>::from(digit - b'0')),
                        b'a'..=b'f' => Some(<$type>::from(digit - b'a' + 10)),
                        _ => None,
                    });
                    let number = digits_read.try_fold(0, |number, digit| Some(number << 4 | digit?));
                    number.filter(|_| digits.len() == Self::DIGITS)
                }
                fn digit(self, number: usize) -> usize {
                    (self >> (4 * number) & 0xf) as usize
                }
            }
        )*};
    }
    hex!(u32 u64 u128);

    /// The same for what may be missing.
    pub(crate) mod optional {
        use super::{Deserialize, Deserializer, Error, Hex, Serializer};

        #[expect(clippy::ref_option, reason = "this is how serde gives it")]
        pub(crate) fn serialize<T: Hex, S: Serializer>(
            value: &Option<T>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, T: Hex, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<T>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| {
                T::from_hex(text.as_bytes()).ok_or_else(|| {
                    D::Error::custom("a hexadecimal number of full width is expected")
                })
            })
            .transpose()
        }
    }

    pub(crate) fn serialize<T: Hex, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:0width$x}", width = T::DIGITS))
    }

    pub(crate) fn deserialize<'de, T: Hex, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::from_hex(text.as_bytes())
            .ok_or_else(|| D::Error::custom("a hexadecimal number of full width is expected"))
    }
}

/// Lists of items in the text formats: `null` for a draw without a prize.
pub(crate) mod prizes {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::wal::record::NO_PRIZE;

    pub(crate) fn serialize<S: Serializer>(
        items: &[u32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(items.iter().map(|item| (*item != NO_PRIZE).then_some(item)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u32>, D::Error> {
        let items = Vec::<Option<u32>>::deserialize(deserializer)?;
        Ok(items
            .into_iter()
            .map(|item| item.unwrap_or(NO_PRIZE))
            .collect())
    }
}

#[cfg(test)]
mod tests;
