//! Turns the values of a config file into Rust's, and notes what is wrong with those that cannot.

use std::time::Duration;

use serde::de::{Deserialize, value::StrDeserializer};

use super::{
    ByteSize, Moment,
    mistake::Mistakes,
    tree::{Entry, Value},
};

/// `None` where there was a mistake, which is noted then.
pub(super) fn text(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    if let Value::Text(text) = &entry.node.value {
        return Some(text.clone().into_owned());
    }
    wrong_kind(entry, "a string", "", mistakes);
    None
}

pub(super) fn boolean(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<bool> {
    if let Value::Bool(value) = entry.node.value {
        return Some(value);
    }
    wrong_kind(entry, "true or false", "", mistakes);
    None
}

/// A whole number of 0 or more.
pub(super) fn number<T: TryFrom<i128>>(
    entry: &Entry<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let key = &entry.key;
    match &entry.node.value {
        Value::Integer(value) => {
            if let Ok(value) = T::try_from(*value) {
                return Some(value);
            }
            let written = entry.node.written(mistakes.source);
            let wrong = if *value < 0 {
                "is negative; it takes a whole number of 0 or more".to_owned()
            } else {
                format!("is too large; the most is {}", u64::MAX)
            };
            mistakes.add(entry.node.at(), format_args!("{key} = {written} {wrong}"));
        }
        Value::Fraction => {
            let written = entry.node.written(mistakes.source);
            let advice = match key.as_ref() {
                "weight" | "probability" => {
                    "; multiply every weight of the pool by the same number"
                }
                _ => "",
            };
            mistakes.add(
                entry.node.at(),
                format_args!("{key} = {written} must be a whole number, without a fraction or an exponent{advice}"),
            );
        }
        Value::Text(text) if text.parse::<u64>().is_ok() => {
            wrong_kind(entry, "a whole number", ": leave out the quotes", mistakes);
        }
        _ => wrong_kind(entry, "a whole number", "", mistakes),
    }
    None
}

pub(super) fn bytes(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    let Value::Text(text) = &entry.node.value else {
        return number(entry, mistakes);
    };
    match text.parse() {
        Ok(ByteSize(bytes)) => Some(bytes),
        Err(error) => {
            mistakes.add(entry.node.at(), format_args!("{}: {error}", entry.key));
            None
        }
    }
}

/// One of the names of an enumeration.
pub(super) fn choice<T: for<'de> Deserialize<'de>>(
    entry: &Entry<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let Value::Text(text) = &entry.node.value else {
        wrong_kind(entry, "a string", "", mistakes);
        return None;
    };
    let from = StrDeserializer::<serde::de::value::Error>::new(text);
    match T::deserialize(from) {
        Ok(value) => Some(value),
        Err(error) => {
            // serde names the variants there are.
            mistakes.add(entry.node.at(), format_args!("{}: {error}", entry.key));
            None
        }
    }
}

/// 0, or a text such as "200us".
pub(super) fn duration(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<Duration> {
    let parsed = match &entry.node.value {
        Value::Integer(0) => Some(Duration::ZERO),
        Value::Text(text) => parse_duration(text),
        _ => None,
    };
    if parsed.is_none() {
        let written = entry.node.written(mistakes.source);
        mistakes.add(
            entry.node.at(),
            format_args!(
                "{} = {written} is not a time; write 0, or a whole number with ns, us, ms or s, such as \"200us\"",
                entry.key
            ),
        );
    }
    parsed
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let count = digits.parse().ok()?;
    match unit.trim_start() {
        "ns" => Some(Duration::from_nanos(count)),
        "us" | "µs" | "μs" => Some(Duration::from_micros(count)),
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        _ => None,
    }
}

/// Milliseconds since 1970: a date with a time, or a text with one.
pub(super) fn moment(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    let parsed = match &entry.node.value {
        Value::Text(text) => text.parse(),
        Value::Date => entry.node.written(mistakes.source).parse(),
        _ => {
            wrong_kind(entry, "a date with a time", "", mistakes);
            return None;
        }
    };
    match parsed {
        Ok(Moment(ms)) => Some(ms),
        Err(error) => {
            mistakes.add(entry.node.at(), format_args!("{}: {error}", entry.key));
            None
        }
    }
}

/// Notes a key that nothing reads, and guesses what was meant.
pub(super) fn unknown_key(
    entry: &Entry<'_>,
    place: &str,
    known: &[&str],
    mistakes: &mut Mistakes<'_>,
) {
    let key: String = entry.key.chars().take(64).collect();
    let nearest = known
        .iter()
        .map(|known| (distance(&key.to_lowercase(), known), known))
        .min();
    let advice = match nearest {
        Some((steps, nearest)) if steps <= 1 + nearest.len() / 4 => {
            format!("did you mean \"{nearest}\"?")
        }
        _ => format!("the keys here are {}", known.join(", ")),
    };
    mistakes.add(
        entry.at(),
        format_args!("unknown key \"{key}\" in {place}; {advice}"),
    );
}

/// Notes that a key stands in a table twice, which JSON lets pass.
pub(super) fn repeated_keys(entries: &[Entry<'_>], mistakes: &mut Mistakes<'_>) {
    // No table has as many known keys as this, so a longer one has mistakes here or unknown keys.
    let entries = &entries[..entries.len().min(32)];
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index]
            .iter()
            .any(|before| before.key == entry.key)
        {
            mistakes.add(
                entry.at(),
                format_args!("the key \"{}\" stands here twice; leave one out", entry.key),
            );
        }
    }
}

fn wrong_kind(entry: &Entry<'_>, takes: &str, advice: &str, mistakes: &mut Mistakes<'_>) {
    let (key, kind) = (&entry.key, entry.node.kind());
    mistakes.add(
        entry.node.at(),
        format_args!("{key} takes {takes}, not {kind}{advice}"),
    );
}

/// How many characters must be put in, left out or changed to make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<_> = (0..=to.chars().count()).collect();
    for (line, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in to.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("shard", "shards"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("200us"), Some(Duration::from_micros(200)));
        assert_eq!(parse_duration("200 µs"), Some(Duration::from_micros(200)));
        assert_eq!(parse_duration("1ms"), Some(Duration::from_millis(1)));
        assert_eq!(parse_duration("1s"), Some(Duration::from_secs(1)));
        for wrong in [
            "",
            "5",
            "us",
            "1.5ms",
            "-1ms",
            "1m",
            "99999999999999999999s",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
