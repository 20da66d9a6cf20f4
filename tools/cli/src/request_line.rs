//! A line of `tombola draw --requests`, read as a request.

mod fields;

use std::{
    collections::HashMap,
    io::{self, BufRead, Read as _},
    time::Duration,
};

use tombola::{COUNT_MAX, PoolHandle, PoolId, Request, RequestId};

use fields::{Fields, wrong};

/// The longest line, in bytes: enough for the longest name, however it is escaped.
pub const LINE_BYTES_MAX: u64 = 16 << 10;

/// So much of what is wrong is told.
const REASON_CHARS_MAX: usize = 240;

/// Reads the next line; `false` for one that is too long, and is left out. `None` is the end.
///
/// # Errors
/// Where it cannot be read.
pub fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut bounded = reader.by_ref().take(LINE_BYTES_MAX + 1);
    if bounded.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let fits = line.ends_with(b"\n") || line.len() as u64 <= LINE_BYTES_MAX;
    if !fits {
        reader.skip_until(b'\n')?;
    }
    Ok(Some(fits))
}

/// The pools that may be asked for, by name.
#[derive(Debug)]
pub struct Pools(HashMap<String, PoolId>);

impl Pools {
    /// These.
    pub fn new(pools: &[PoolHandle]) -> Self {
        let named = |pool: &PoolHandle| (pool.definition().name.clone(), pool.id());
        Self(pools.iter().map(named).collect())
    }
}

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A request.
    Draw {
        /// What it asks for.
        request: Request,
        /// The key it has.
        key: Option<u128>,
    },
    /// Something about an earlier one.
    Settle {
        /// What.
        how: How,
        /// Its number.
        request: RequestId,
    },
}

/// What is to be done with what a request drew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// What it holds is handed out.
    Confirm,
    /// What it drew comes back.
    Void,
}

const FIELDS: [&str; 8] = [
    "pool", "count", "key", "hold_ms", "partial", "retry", "confirm", "void",
];
const TAKES_KEY: &str = "\"0x\" with up to 32 hex digits, or a whole number below 2^128";
const TAKES_BOOL: &str = "true or false";

/// Reads a line.
///
/// # Errors
/// Says what is wrong with it, on one line.
pub fn parse(line: &[u8], pools: &Pools) -> Result<Asked, String> {
    read(line, pools).map_err(|reason| shortened(&reason))
}

fn read(line: &[u8], pools: &Pools) -> Result<Asked, String> {
    let fields = Fields::read(line, &FIELDS)?;
    for (name, how) in [("confirm", How::Confirm), ("void", How::Void)] {
        let takes = "the number of a request, as its answer has it";
        if let Some(request) = fields.get(name, takes)? {
            if let Some(other) = fields.names().find(|other| *other != name) {
                return Err(format!("\"{name}\" stands alone; leave \"{other}\" out"));
            }
            return Ok(Asked::Settle { how, request });
        }
    }
    let Some(pool) = fields.get::<String>("pool", "the name of a pool")? else {
        return Err("\"pool\" is missing; write {\"pool\":\"…\"}, see --help".into());
    };
    let Some(id) = pools.0.get(&pool) else {
        return Err(format!(
            "there is no pool \"{pool}\"; add it to the config file, or name one that is there"
        ));
    };
    let takes = format!("1 to {COUNT_MAX}");
    let count = fields.get("count", &takes)?.unwrap_or(1);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(wrong("count", &count.to_string(), &takes));
    }
    let partial = fields.get("partial", TAKES_BOOL)?;
    let retry = fields.get("retry", TAKES_BOOL)?;
    let mut request = Request::from(*id)
        .count(count)
        .partial(partial.unwrap_or(false))
        .retry(retry.unwrap_or(false));
    let key = fields.raw("key").map(key).transpose()?;
    if let Some(key) = key {
        request = request.key(key);
    }
    let takes = "whole milliseconds, from 1 to ten years";
    if let Some(hold_ms) = fields.get("hold_ms", takes)? {
        request = request.hold_for(Duration::from_millis(hold_ms));
    }
    Ok(Asked::Draw { request, key })
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
    number.ok_or_else(|| wrong("key", written, TAKES_KEY))
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
    use std::io::BufReader;

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
        let asked = |request, key| Ok(Asked::Draw { request, key });
        assert_eq!(read(r#"{"pool":"banner"}"#), asked(plain, None));
        let nulls = r#"{"pool":"b\u0061nner","count":null,"key":null,"hold_ms":null}"#;
        assert_eq!(read(nulls), asked(plain, None));
        let all =
            r#"{"pool":"banner","count":10,"key":"0x1f","hold_ms":5,"partial":true,"retry":true}"#;
        let request = plain.count(10).partial(true).retry(true);
        let request = request.key(31).hold_for(Duration::from_millis(5));
        assert_eq!(read(all), asked(request, Some(31)));
        let settle = |how| Ok(Asked::Settle { how, request: 17 });
        assert_eq!(read(r#"{"confirm":17}"#), settle(How::Confirm));
        assert_eq!(read(r#"{"void":17,"pool":null}"#), settle(How::Void));
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
            ("", "ends too early"),
            ("nonsense", "wrong at column 2"),
            (r#"{"pool":"banner""#, "ends too early"),
            ("[]", "a request is a JSON object"),
            (r#"["banner",10]"#, "a request is a JSON object"),
            ("5", "a request is a JSON object"),
            ("{}", "\"pool\" is missing"),
            (r#"{"pool":null}"#, "\"pool\" is missing"),
            (
                r#"{"pool":5}"#,
                "\"pool\" is 5; it takes the name of a pool",
            ),
            (r#"{"pool":"banner"} {}"#, "wrong at column 19"),
            (
                r#"{"pool":"banner","cuont":1}"#,
                "no \"cuont\" in a request; there are: pool, count",
            ),
            (
                r#"{"pool":"banner","pool":"banner"}"#,
                "\"pool\" is there twice",
            ),
            (r#"{"pool":"other"}"#, "there is no pool \"other\""),
            (
                r#"{"pool":"banner","count":0}"#,
                "\"count\" is 0; it takes 1 to 100",
            ),
            (r#"{"pool":"banner","count":101}"#, "\"count\" is 101;"),
            (r#"{"pool":"banner","count":-1}"#, "\"count\" is -1;"),
            (r#"{"pool":"banner","count":"5"}"#, "\"count\" is \"5\";"),
            (
                r#"{"pool":"banner","retry":1}"#,
                "\"retry\" is 1; it takes true or false",
            ),
            (
                r#"{"pool":"banner","hold_ms":1.5}"#,
                "\"hold_ms\" is 1.5; it takes whole milliseconds",
            ),
            (
                r#"{"pool":"banner","key":"gold"}"#,
                "\"key\" is \"gold\"; it takes \"0x\" with",
            ),
            (r#"{"void":"x"}"#, "\"void\" is \"x\"; it takes the number"),
            (
                r#"{"void":5,"pool":"banner"}"#,
                "\"void\" stands alone; leave \"pool\" out",
            ),
            (r#"{"confirm":5,"void":5}"#, "\"confirm\" stands alone"),
        ] {
            let said = parse(line.as_bytes(), &pools).unwrap_err();
            assert!(said.contains(says), "{line}: {said}");
            for ours in ["expected", "u64", "Line", "field", "`"] {
                assert!(!said.contains(ours), "{line}: {said}");
            }
        }
        let long = format!("{{\"{}\":1}}", "\\n".repeat(5000));
        let said = parse(long.as_bytes(), &pools).unwrap_err();
        assert!(!said.contains('\n') && said.len() < 1000, "{said}");
        assert!(parse(b"{\"pool\":\"\xff\"}", &pools).is_err());
    }

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(LINE_BYTES_MAX as usize);
        let text = format!("{long}\n{long}{long}y\n\nlast");
        let mut reader = BufReader::with_capacity(100, text.as_bytes());
        let mut line = Vec::new();
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line.len(), long.len() + 1);
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(false));
        assert!(line.len() <= long.len() + 1);
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"\n");
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"last");
        assert_eq!(next(&mut reader, &mut line).unwrap(), None);
    }
}
