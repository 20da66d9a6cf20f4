//! The description of a data directory, `engine.json`.

use serde_json::Value;
use tombola::recovery::{self, Depth};

use crate::{
    place::{Files, Place},
    recipe, verdict,
};

/// A description with its checksum.
pub(crate) fn text(engine: u128, shards: usize) -> String {
    let crc = crc32c::crc32c(format!("1 {engine:032x} {shards}").as_bytes());
    format!(r#"{{"version":1,"engine":"{engine:032x}","shards":{shards},"crc":"{crc:08x}"}}"#)
}

/// The input is the description of a directory with two empty shards.
pub(crate) fn run(data: &[u8]) {
    let mut files: Files = recipe::lay(&[1 << 2]);
    files.insert("engine.json".into(), data.to_vec());
    let place = Place::with(&files);
    let examined = recovery::examine(place.directory(), Depth::Needed);
    // A newer version may say more, and of that a reader does not even look whether it is text.
    if let Ok(examined) = &examined
        && let Ok(said) = serde_json::from_slice::<Value>(data)
    {
        let whole = text(examined.engine, examined.shards.len());
        let whole: Value = serde_json::from_str(&whole).unwrap();
        for (key, value) in whole.as_object().unwrap() {
            assert_eq!(said.get(key), Some(value), "{key}");
        }
    }
    verdict::check(&place);
}
