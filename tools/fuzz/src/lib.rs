//! Everything that decodes what somebody else may have written, tried with whatever bytes: records,
//! headers, segments, snapshots, whole data directories, config files and lines of requests.
//!
//! A target is a function that takes bytes and panics if something does not hold that has to hold of
//! all bytes: that a decoder ends with a value or a reason, that what it read can be written and read
//! again, that a verdict comes out twice the same, that reading changes nothing. The test `corpora`
//! runs them on a stable toolchain; `fuzz` has the programs that cargo-fuzz builds of them. How much
//! they allocate is counted by the test.

mod bytes;
#[allow(dead_code, reason = "only the test that makes fixtures writes them")]
#[path = "../../../tests/common/compact.rs"]
mod compact;
mod config;
mod damaged;
mod description;
mod format;
mod header;
mod log;
mod place;
mod recipe;
mod record;
mod requests;
pub mod seeds;
mod segment;
mod snapshot;
mod verdict;

/// Something that is tried with whatever bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its corpus.
    pub name: &'static str,
    /// Panics if something does not hold.
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("record_bincode", record::bincode),
    target("record_jsonl", record::jsonl),
    target("record_line", record::line),
    target("block_header", header::block),
    target("segment_header", header::segment),
    target("segment", segment::run),
    target("snapshot", snapshot::whole),
    target("snapshot_content", snapshot::content),
    target("description", description::run),
    target("log", log::run),
    target("directory", damaged::run),
    target("config_toml", config::toml),
    target("config_json", config::json),
    target("config_value", config::value),
    target("requests", requests::run),
];

/// Runs the target of a name.
///
/// # Panics
/// If there is none, or something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target
        .unwrap_or_else(|| panic!("there is no target {name}"))
        .run)(data);
}
