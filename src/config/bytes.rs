use std::{fmt, str::FromStr};

const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("bytes", 1),
];

/// A number of bytes, written as people write it: `4096`, `64MiB`, `256 KiB`, `1GB`.
///
/// `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024; `kB`, `MB`, `GB` and `TB` are powers of 1000.
/// Upper and lower case are the same. It is displayed in the largest binary unit that it is a
/// multiple of.
///
/// ```
/// use tombola::config::ByteSize;
///
/// assert_eq!("256 KiB".parse(), Ok(ByteSize(262_144)));
/// assert_eq!("1GB".parse(), Ok(ByteSize(1_000_000_000)));
/// assert_eq!(ByteSize(64 << 20).to_string(), "64MiB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByteSizeError {
    /// It is not a whole number with a unit.
    #[error(
        "\"{0}\" is not a size; write a whole number of bytes or one with a unit, \
         such as 4096, \"256KiB\", \"64MiB\" or \"1GB\""
    )]
    Syntax(String),
    /// It is more than 64 bits hold.
    #[error("\"{0}\" is more than {max} bytes; write a smaller size", max = u64::MAX)]
    TooLarge(String),
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quoted = || text.chars().take(40).collect();
        let trimmed = text.trim();
        let digits_end = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '_')
            .unwrap_or(trimmed.len());
        let (digits, unit) = trimmed.split_at(digits_end);
        let unit = unit.trim_start();
        let factor = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let digits = digits.replace('_', "");
        let (Some(&(_, factor)), false) = (factor, digits.is_empty()) else {
            return Err(ByteSizeError::Syntax(quoted()));
        };
        // There is at least one digit and nothing else, so only the size can be wrong with it.
        digits
            .parse()
            .ok()
            .and_then(|count: u64| count.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| ByteSizeError::TooLarge(quoted()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, shift) = match self.0.trailing_zeros() {
            40..64 => ("TiB", 40),
            30..40 => ("GiB", 30),
            20..30 => ("MiB", 20),
            10..20 => ("KiB", 10),
            _ => ("", 0),
        };
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1_000_000", 1_000_000),
            ("64MiB", 64 << 20),
            ("256 KiB", 256 << 10),
            (" 2gib ", 2 << 30),
            ("1GB", 1_000_000_000),
            ("3kB", 3000),
            ("7 bytes", 7),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn says_what_is_accepted() {
        for text in [
            "", "MiB", "_", "1.5MiB", "-1", "1e6", "64 XiB", "6 4", "64M", "٣",
        ] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.to_string().contains("such as 4096"), "{error}");
        }
        for text in ["18446744073709551616", "20000000TiB"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.to_string().contains("smaller"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(bytes: u64, shift in 0..64u32) {
            let size = ByteSize(bytes << shift);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn never_panics(text in ".{0,20}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
