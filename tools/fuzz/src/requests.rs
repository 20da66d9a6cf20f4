//! Lines of requests, as `tombola draw --requests` takes them.

use std::{io::BufReader, sync::LazyLock};

use serde_json::{Map, Value, json};
use tombola::{Engine, PoolDefinition};
use tombola_cli::request_line::{Asked, How, LINE_BYTES_MAX, Pools, next, parse};

/// Names that may be asked for; one has to be escaped.
const NAMES: [&str; 2] = ["banner", "a \"drum\"\\ü"];
/// So much is said of a line at most.
const REASON_BYTES_MAX: usize = 4096;

static POOLS: LazyLock<Pools> = LazyLock::new(|| {
    let engine = Engine::in_memory().shards(1).pin(false).open().unwrap();
    let register = |name| {
        let pool = PoolDefinition::new(name).unlimited("dust", 1);
        engine.register(pool).unwrap()
    };
    Pools::new(&NAMES.map(register))
});

/// The input is a file of requests.
pub(crate) fn run(data: &[u8]) {
    // Smaller than a line, so that lines come in pieces.
    let mut reader = BufReader::with_capacity(64, data);
    let mut line = Vec::new();
    let mut bytes = 0;
    while let Some(fits) = next(&mut reader, &mut line).unwrap() {
        bytes += line.len();
        assert!(line.len() as u64 <= LINE_BYTES_MAX + 1);
        if fits {
            self::line(&line);
        }
    }
    assert!(bytes <= data.len());
}

fn line(line: &[u8]) {
    match parse(line, &POOLS) {
        Ok(asked) => {
            let fields: Map<String, Value> = serde_json::from_slice(line).unwrap();
            let again = written(&fields, asked);
            assert_eq!(
                parse(&again, &POOLS),
                Ok(asked),
                "{}",
                String::from_utf8_lossy(&again)
            );
        }
        Err(reason) => {
            assert!(!reason.is_empty() && reason.len() <= REASON_BYTES_MAX);
            assert!(!reason.contains(char::is_control), "{reason:?}");
        }
    }
}

/// A line that asks for the same.
fn written(fields: &Map<String, Value>, asked: Asked) -> Vec<u8> {
    let again = match asked {
        Asked::Settle { how, request } => match how {
            How::Confirm => json!({ "confirm": request }),
            How::Void => json!({ "void": request }),
        },
        Asked::Draw { key, .. } => {
            let mut fields = fields.clone();
            if let Some(key) = key {
                fields.insert("key".into(), format!("{key:#x}").into());
            }
            fields.retain(|_, value| !value.is_null());
            fields.into()
        }
    };
    again.to_string().into_bytes()
}
