//! Config files in both syntaxes, and the sizes and moments in them.

use std::str::FromStr;

use serde_json::{Value, json};
use tombola::{
    ConfigFile, PoolDefinition,
    config::{ByteSize, ConfigError, ConfigFormat, Moment},
};

/// No more mistakes are told.
const MISTAKES_MAX: usize = 1001;
/// The last moment of the year 9999, behind which no text has one.
const MOMENT_MAX: u64 = 253_402_300_799_999;

/// TOML.
pub(crate) fn toml(data: &[u8]) {
    file(data, ConfigFormat::Toml);
}

/// JSON.
pub(crate) fn json(data: &[u8]) {
    file(data, ConfigFormat::Json);
}

fn file(data: &[u8], format: ConfigFormat) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match ConfigFile::parse(text, format) {
        Ok(file) => {
            file.config.validate().unwrap();
            for pool in &file.pools {
                pool.validate().unwrap();
            }
            let pools: Vec<Value> = file.pools.iter().map(written).collect();
            let again = json!({ "pool": pools }).to_string();
            let again = ConfigFile::parse(&again, ConfigFormat::Json);
            assert_eq!(
                again.unwrap().pools,
                file.pools,
                "written again, other pools"
            );
        }
        Err(error) => assert_told(&error, text),
    }
}

fn assert_told(error: &ConfigError, text: &str) {
    assert!((1..=MISTAKES_MAX).contains(&error.mistakes.len()));
    let lines = text.split('\n').count();
    for mistake in &error.mistakes {
        assert!(!mistake.message.is_empty());
        assert_eq!(mistake.line.is_some(), mistake.column.is_some());
        let line = mistake.line.unwrap_or(1);
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
        assert!(mistake.column != Some(0) && mistake.column <= Some(text.len() + 2));
    }
    assert!(!error.to_string().is_empty());
}

/// A pool as a config file has it.
fn written(pool: &PoolDefinition) -> Value {
    let moment = |at: Option<u64>| at.map(|at| Moment(at).to_string());
    let items: Vec<Value> = pool
        .items
        .iter()
        .map(|item| json!({ "id": item.id, "weight": item.weight, "stock": item.stock }))
        .collect();
    json!({
        "name": pool.name,
        "on_exhausted": serde_json::to_value(pool.on_exhausted).unwrap(),
        "placement": serde_json::to_value(pool.placement).unwrap(),
        "open": pool.is_open,
        "opens_at": moment(pool.opens_at_ms),
        "closes_at": moment(pool.closes_at_ms),
        "items": items,
    })
}

/// A size or a moment.
pub(crate) fn value(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    there_and_back::<ByteSize>(text);
    if let Ok(moment) = text.parse::<Moment>() {
        // An offset may put a moment into the year 10000, which has no text.
        if moment.0 <= MOMENT_MAX {
            there_and_back::<Moment>(text);
        }
    }
    let mut number = [0; 8];
    let length = data.len().min(8);
    number[..length].copy_from_slice(&data[..length]);
    let number = u64::from_le_bytes(number);
    assert_eq!(ByteSize(number).to_string().parse(), Ok(ByteSize(number)));
    let moment = Moment(number % (MOMENT_MAX + 1));
    assert_eq!(moment.to_string().parse(), Ok(moment));
    assert!(Moment(number).to_string().ends_with('Z'));
}

/// What was read is displayed as something that is read as the same.
fn there_and_back<T>(text: &str)
where
    T: FromStr + ToString + PartialEq + std::fmt::Debug,
    T::Err: std::error::Error + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string().parse(), Ok(value)),
        Err(error) => assert!(error.to_string().len() < 400, "{error}"),
    }
}
