//! The description of a data directory, `engine.json`.

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
    if let Ok(examined) = &examined {
        let whole = text(examined.engine, examined.shards.len());
        let said: serde_json::Value = serde_json::from_slice(data).unwrap();
        assert_eq!(
            said,
            serde_json::from_str::<serde_json::Value>(&whole).unwrap()
        );
    }
    verdict::check(&place);
}
