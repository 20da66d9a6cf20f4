use std::{fmt, str::FromStr};

use ::toml::value::{Datetime, Offset};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A moment, in milliseconds since 1970, written as RFC 3339 has it: `2026-12-01T00:00:00Z`, or
/// with an offset from UTC, `2026-12-01T09:00:00+09:00`. It is displayed in UTC.
///
/// ```
/// use tombola::config::Moment;
///
/// let noon: Moment = "2026-12-01T13:00:00+01:00".parse()?;
/// assert_eq!(noon, Moment(1_796_126_400_000));
/// assert_eq!(noon.to_string(), "2026-12-01T12:00:00Z");
/// # Ok::<(), tombola::config::MomentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MomentError {
    /// It is not a date with a time.
    #[error("\"{0}\" is not a date with a time; write one such as 2026-12-01T00:00:00Z")]
    Syntax(String),
    /// It does not say where on Earth it is that time.
    #[error("\"{0}\" has no offset from UTC; end it with Z for UTC, or with one such as +09:00")]
    NoOffset(String),
    /// It is before 1970.
    #[error("\"{0}\" is before 1970; write a later moment, or leave it out")]
    TooEarly(String),
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quoted = || text.chars().take(40).collect();
        let syntax = || MomentError::Syntax(quoted());
        let parsed: Datetime = text.trim().parse().map_err(|_| syntax())?;
        let (Some(date), Some(time)) = (parsed.date, parsed.time) else {
            return Err(syntax());
        };
        let offset_minutes = match parsed.offset {
            None => return Err(MomentError::NoOffset(quoted())),
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => i64::from(minutes),
        };
        let days = days_from_civil(date.year.into(), date.month.into(), date.day.into());
        let minutes = (days * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute);
        let seconds = (minutes - offset_minutes) * 60 + i64::from(time.second.unwrap_or(0));
        let ms = seconds * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
        u64::try_from(ms)
            .map(Self)
            .map_err(|_| MomentError::TooEarly(quoted()))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (year, month, day) = civil_from_days(days.cast_signed());
        let (minutes, ms) = (ms / 60_000, ms % 60_000);
        let (hour, minute, second, ms) = (minutes / 60, minutes % 60, ms / 1000, ms % 1000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if ms > 0 {
            write!(f, ".{ms:03}")?;
        }
        f.write_str("Z")
    }
}

/// The days from 1970-01-01 to a date of the Gregorian calendar. This and the next are Howard
/// Hinnant's, <https://howardhinnant.github.io/date_algorithms.html>: years begin in March, so that
/// the leap day is their last, and 400 of them are an era of always 146 097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year, month and day that is so many days after 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.25Z", 250),
            ("2000-02-29T23:59:59Z", 951_868_799_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
            ("2026-12-01 00:00:00-05:30", 1_796_103_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Moment(ms)), "{text}");
        }
    }

    #[test]
    fn every_day_there_and_back() {
        let mut before = days_from_civil(1969, 12, 31);
        for year in 1970..2500 {
            for month in 1..=12 {
                for day in 1..=28 {
                    let days = days_from_civil(year, month, day);
                    assert_eq!(civil_from_days(days), (year, month, day));
                    // Between the 28th and the 1st there are at most three more.
                    assert!(days > before && days - before <= 4);
                    before = days;
                }
            }
        }
    }

    #[test]
    fn what_is_displayed_is_read() {
        for ms in [
            0,
            1,
            951_782_400_000,
            1_796_083_199_999,
            253_402_300_799_999,
        ] {
            assert_eq!(Moment(ms).to_string().parse(), Ok(Moment(ms)));
        }
        // What no calendar has is displayed all the same.
        assert!(Moment(u64::MAX).to_string().ends_with('Z'));
    }

    #[test]
    fn mistakes_are_told() {
        for wrong in ["", "soon", "2026-12-01", "00:00:00", "2026-02-30T00:00:00Z"] {
            assert!(
                matches!(wrong.parse::<Moment>(), Err(MomentError::Syntax(_))),
                "{wrong}"
            );
        }
        let said = "2026-12-01T00:00:00".parse::<Moment>().unwrap_err();
        assert!(said.to_string().contains("end it with Z"), "{said}");
        let said = "1969-12-31T23:59:59Z".parse::<Moment>().unwrap_err();
        assert!(said.to_string().contains("before 1970"), "{said}");
    }
}
