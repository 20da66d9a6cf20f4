//! Decimal numbers, up to eight digits at once in the bytes of a word, the first one in the lowest.

const ZEROS: u64 = u64::from_le_bytes(*b"00000000");
const DIGITS: usize = 8;
/// The first number that has more digits.
const MORE: u64 = 100_000_000;

/// Two digits of every number below a hundred.
pub(super) const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// The powers of ten up to the first number that has more digits.
const TENS: [u64; DIGITS + 1] = {
    let mut tens = [1; DIGITS + 1];
    let mut power = 1;
    while power <= DIGITS {
        tens[power] = tens[power - 1] * 10;
        power += 1;
    }
    tens
};

/// The digits of a number, as numbers, with leading zeros. All of them are split at once: fours,
/// then pairs, then digits, each part with room for what it is multiplied with.
#[inline]
fn split(number: u64) -> u64 {
    debug_assert!(number < MORE);
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// The number that so many of such digits make, one to eight.
#[inline]
fn join(digits: u64, length: usize) -> u64 {
    let digits = digits << (8 * (DIGITS - length));
    let pairs = ((digits * 10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = ((pairs * 100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000) + (fours >> 32)) & 0xffff_ffff
}

/// Writes a number to the beginning of `out` and returns its length. What it overwrites is never
/// less than eight bytes.
#[inline]
pub(super) fn write(out: &mut [u8], number: u64) -> usize {
    if number >= MORE {
        return write_more(out, number);
    }
    let digits = split(number);
    // The last digit is written in any case.
    let leading = (digits | (1 << 56)).trailing_zeros() & !7;
    out[..DIGITS].copy_from_slice(&((digits | ZEROS) >> leading).to_le_bytes());
    DIGITS - leading as usize / 8
}

#[inline(never)]
fn write_more(out: &mut [u8], number: u64) -> usize {
    let length = write(out, number / MORE);
    let digits = split(number % MORE) | ZEROS;
    out[length..length + DIGITS].copy_from_slice(&digits.to_le_bytes());
    length + DIGITS
}

/// The number at the beginning, as [`write`] writes it, without leading zeros, and what comes
/// behind it.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match read_some(bytes) {
        Some((number, DIGITS)) => read_more(number, &bytes[DIGITS..]),
        Some((number, length)) => Some((number, &bytes[length..])),
        None => None,
    }
}

/// The same for a number of less than eight digits, with its length.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as it does")]
pub(super) fn read_short(bytes: &[u8]) -> Option<(u32, usize)> {
    let (number, length) = read_some(bytes)?;
    (length < DIGITS).then_some((number as u32, length))
}

#[inline(never)]
fn read_more(number: u64, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut rest) = (number, bytes);
    loop {
        let (digits, length) = some_digits(rest);
        number = number.checked_mul(TENS[length])?;
        if length > 0 {
            number = number.checked_add(join(digits, length))?;
        }
        rest = &rest[length..];
        if length < DIGITS {
            return Some((number, rest));
        }
    }
}

/// The number that up to eight digits at the beginning make, without leading zeros, and how many they
/// are.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as it does")]
fn read_some(bytes: &[u8]) -> Option<(u64, usize)> {
    let (digits, length) = some_digits(bytes);
    let leads_with_zero = digits as u8 == 0;
    if length == 0 || (leads_with_zero && length > 1) {
        return None;
    }
    Some((join(digits, length), length))
}

/// Up to eight digits at the beginning, as numbers, with something else behind them, and how many they
/// are.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as it does")]
fn some_digits(bytes: &[u8]) -> (u64, usize) {
    let word = match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes),
    };
    let digits = word ^ ZEROS;
    // The highest bit of every byte that is no digit: of more than nine.
    let others = (((digits & !HIGH) + NINE_TO_HIGH) | digits) & HIGH;
    (digits, others.trailing_zeros() as usize / 8)
}

const HIGH: u64 = u64::from_le_bytes([0x80; DIGITS]);
/// Added to a digit, this stays below the highest bit; added to anything more, it does not.
const NINE_TO_HIGH: u64 = u64::from_le_bytes([0x7f - 9; DIGITS]);

/// Less than a word, and something behind it that is no digit.
#[cold]
#[inline(never)]
fn last_word(bytes: &[u8]) -> u64 {
    let mut word = [0; DIGITS];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn written(number: u64) -> String {
        let mut out = [0xee; 20];
        let length = write(&mut out, number);
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    /// Of every length about as many.
    fn numbers() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift)
    }

    #[test]
    fn the_digits_of_each_half_are_split_and_joined() {
        for number in 0..10_000 {
            for number in [number, number * 10_000, number * 10_001] {
                assert_eq!(written(number), number.to_string());
                assert_eq!(join(split(number), DIGITS), number);
            }
        }
        for (number, pair) in PAIRS.iter().enumerate() {
            assert_eq!(pair[..], *format!("{number:02}").as_bytes());
        }
    }

    #[test]
    fn powers_of_ten_and_what_is_beside_them() {
        let powers = (0..20).map(|power| 10u64.pow(power));
        let numbers = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in numbers.chain([u64::MAX - 1, u64::MAX]) {
            assert_eq!(written(number), number.to_string());
            let text = number.to_string();
            assert_eq!(read(text.as_bytes()), Some((number, &b""[..])));
        }
        assert_eq!(read(b"18446744073709551616"), None);
        assert_eq!(read(b"99999999999999999999"), None);
        assert_eq!(read(b"100000000000000000000000000000000"), None);
    }

    /// The way in which it is read elsewhere.
    fn expected(bytes: &[u8]) -> Option<(u64, &[u8])> {
        let length = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = bytes.split_at(length);
        let number: u64 = std::str::from_utf8(digits).unwrap().parse().ok()?;
        (number.to_string().as_bytes() == digits).then_some((number, rest))
    }

    proptest! {
        #[test]
        fn numbers_are_written_and_come_back(number in numbers(), tail in any::<Vec<u8>>()) {
            prop_assert_eq!(written(number), number.to_string());
            let bytes = [number.to_string().as_bytes(), &tail].concat();
            prop_assert_eq!(read(&bytes), expected(&bytes));
        }

        #[test]
        fn whatever_stands_there_is_read_like_elsewhere(
            bytes in prop::collection::vec(prop_oneof![4 => b'0'..=b'9', 1 => any::<u8>()], 0..30),
        ) {
            prop_assert_eq!(read(&bytes), expected(&bytes));
        }
    }
}
