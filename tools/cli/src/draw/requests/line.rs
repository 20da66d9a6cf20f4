//! A line of the input, read as a request.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;
use tombola::{COUNT_MAX, PoolHandle, PoolId, Request};

/// So much of what is wrong is told.
const REASON_CHARS_MAX: usize = 240;

/// The pools that may be asked for, by name.
#[derive(Debug)]
pub(super) struct Pools(HashMap<String, PoolId>);

impl Pools {
    pub(super) fn new(pools: &[PoolHandle]) -> Self {
        let named = |pool: &PoolHandle| (pool.definition().name.clone(), pool.id());
        Self(pools.iter().map(named).collect())
    }
}

/// A request, and the key it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) key: Option<u128>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    pool: Cow<'a, str>,
    count: Option<u64>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    hold_ms: Option<u64>,
    partial: Option<bool>,
    retry: Option<bool>,
}

/// Reads a line. The error says what is wrong with it, on one line.
pub(super) fn parse(line: &[u8], pools: &Pools) -> Result<Asked, String> {
    read(line, pools).map_err(|reason| shortened(&reason))
}

fn read(line: &[u8], pools: &Pools) -> Result<Asked, String> {
    let Line {
        pool,
        count,
        key,
        hold_ms,
        partial,
        retry,
    } = serde_json::from_slice(line).map_err(|error| {
        let error = error
            .to_string()
            .replace(" at line 1 column ", ", at column ");
        format!("this is no request: {error}; write {{\"pool\":\"…\"}}, see --help")
    })?;
    let Some(id) = pools.0.get(pool.as_ref()) else {
        return Err(format!(
            "there is no pool \"{pool}\"; add it to the config file, or name one that is there"
        ));
    };
    let count = count.unwrap_or(1);
    let Some(count) = u8::try_from(count)
        .ok()
        .filter(|count| (1..=COUNT_MAX).contains(count))
    else {
        return Err(format!("count is {count}; it takes 1 to {COUNT_MAX}"));
    };
    let key = key.map(|key| self::key(key.get())).transpose()?;
    let mut request = Request::from(*id)
        .count(count)
        .partial(partial.unwrap_or(false))
        .retry(retry.unwrap_or(false));
    if let Some(key) = key {
        request = request.key(key);
    }
    if let Some(hold_ms) = hold_ms {
        request = request.hold_for(Duration::from_millis(hold_ms));
    }
    Ok(Asked { request, key })
}

/// A number, or a text with one: not every language writes numbers of 128 bits.
fn key(written: &str) -> Result<u128, String> {
    let text = written.trim_matches('"');
    let is_text = text.len() < written.len();
    let number = match text.strip_prefix("0x") {
        Some(digits) if is_text && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u128::from_str_radix(digits, 16).ok()
        }
        None if text.bytes().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        format!(
            "the key {written} is none; write \"0x\" with up to 32 hex digits, or a whole number below 2^128"
        )
    })
}

/// Whatever stands in the line, what is said about it is one line that can be read.
fn shortened(reason: &str) -> String {
    let mut text = String::new();
    for c in reason.chars().take(REASON_CHARS_MAX) {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    if reason.chars().nth(REASON_CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use tombola::{Engine, PoolDefinition};

    use super::*;

    fn pools() -> (Request, Pools) {
        let engine = Engine::in_memory().shards(1).pin(false).open().unwrap();
        let pool = PoolDefinition::new("banner").unlimited("dust", 1);
        let pool = engine.register(pool).unwrap();
        (Request::from(&pool), Pools::new(&[pool]))
    }

    #[test]
    fn every_field_is_read() {
        let (plain, pools) = pools();
        let read = |line: &str| parse(line.as_bytes(), &pools);
        let asked = |request, key| Ok(Asked { request, key });
        assert_eq!(read(r#"{"pool":"banner"}"#), asked(plain, None));
        let nulls = r#"{"pool":"b\u0061nner","count":null,"key":null,"hold_ms":null}"#;
        assert_eq!(read(nulls), asked(plain, None));
        let all =
            r#"{"pool":"banner","count":10,"key":"0x1f","hold_ms":5,"partial":true,"retry":true}"#;
        let request = plain.count(10).partial(true).retry(true);
        let request = request.key(31).hold_for(Duration::from_millis(5));
        assert_eq!(read(all), asked(request, Some(31)));
    }

    #[test]
    fn keys_are_hex_or_decimal() {
        assert_eq!(key("31"), Ok(31));
        assert_eq!(key("\"31\""), Ok(31));
        assert_eq!(key("\"0x1F\""), Ok(31));
        assert_eq!(key("\"0xffffffffffffffffffffffffffffffff\""), Ok(u128::MAX));
        assert_eq!(
            key("340282366920938463463374607431768211455"),
            Ok(u128::MAX)
        );
        for wrong in [
            "340282366920938463463374607431768211456",
            "\"0x1ffffffffffffffffffffffffffffffff\"",
            "\"0x\"",
            "\"0x+1\"",
            "\"\"",
            "\"x1\"",
            "-1",
            "1.5",
            "1e3",
            "true",
            "[]",
        ] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let (_, pools) = pools();
        for (line, says) in [
            ("", "this is no request"),
            ("nonsense", "this is no request"),
            ("[]", "this is no request"),
            ("{}", "missing field `pool`"),
            (r#"{"pool":"banner"} {}"#, "trailing"),
            (r#"{"pool":"banner","cuont":1}"#, "unknown field `cuont`"),
            (r#"{"pool":"banner","pool":"banner"}"#, "duplicate field"),
            (r#"{"pool":"other"}"#, "there is no pool \"other\""),
            (r#"{"pool":"banner","count":0}"#, "count is 0"),
            (r#"{"pool":"banner","count":101}"#, "count is 101"),
            (r#"{"pool":"banner","count":-1}"#, "this is no request"),
            (
                r#"{"pool":"banner","key":"gold"}"#,
                "the key \"gold\" is none",
            ),
        ] {
            let said = parse(line.as_bytes(), &pools).unwrap_err();
            assert!(said.contains(says), "{line}: {said}");
        }
        let long = format!("{{\"{}\":1}}", "\\n".repeat(5000));
        let said = parse(long.as_bytes(), &pools).unwrap_err();
        assert!(!said.contains('\n') && said.len() < 1000, "{said}");
        assert!(parse(b"{\"pool\":\"\xff\"}", &pools).is_err());
    }
}
