//! Damage is found, told with its place, refused, and given up only on request.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{BANNER, Place, tombola};

/// Turns a byte over.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 0x55;
    fs::write(path, bytes).expect("it can be written");
}

/// A directory that was never closed, with a byte of an early block turned over.
fn damaged() -> Place {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "1"]);
    // The second block: records that were acknowledged long before the crash.
    let segment = place.segment(0, 1);
    let shown = tombola(&["inspect", segment.to_str().expect("a plain path"), "--json"]);
    let blocks: Vec<Value> = shown
        .json_lines()
        .into_iter()
        .filter(|line| line["type"] == "block" && line["count"].as_u64() > Some(0))
        .collect();
    let offset = blocks[blocks.len() / 2]["offset"]
        .as_u64()
        .expect("a number");
    flip(&segment, offset as usize + 200);
    place
}

#[test]
fn verify_names_the_place() {
    let place = damaged();
    let before = place.files();
    let said = place.data("verify", &["--json"]).ends(3);
    let verdict = said.json();
    assert_eq!(verdict["ok"], false);
    let finding = &verdict["findings"][0];
    assert_eq!(finding["shard"], 0);
    assert_eq!(finding["segment"], "segment-000000000001.log");
    assert!(
        finding["offset"]
            .as_u64()
            .is_some_and(|at| at > 0 && at % 4096 == 0)
    );
    assert!(finding["first_seq"].as_u64() > Some(1));
    assert_eq!(finding["kind"], "block");
    assert!(finding["message"].is_string());
    assert!(said.err.contains("--accept-loss"), "{}", said.err);
    let text = place.data("verify", &[]).ends(3).out;
    assert!(
        text.contains("segment-000000000001.log at offset"),
        "{text}"
    );
    assert!(place.files() == before);
}

#[test]
fn damage_is_refused_and_the_files_stay_as_they_were() {
    let place = damaged();
    let before = place.files();
    let acks = place.acks().len();
    for said in [
        place.draw(&["--count", "1"]),
        place.data("recover", &[]),
        place.data("recover", &["--json"]),
        place.data("snapshot", &[]),
        place.data("state", &[]),
        place.data("log", &[]),
    ] {
        let said = said.ends(3);
        assert!(said.err.contains("damaged"), "{}", said.err);
    }
    assert!(place.files() == before);
    assert_eq!(place.acks().len(), acks);
}

#[test]
fn an_accepted_loss_is_told_exactly() {
    let place = damaged();
    let whole = fs::read(place.segment(0, 1)).expect("the segment");
    let recovery = place
        .data("recover", &["--accept-loss", "--json"])
        .ends(0)
        .json();
    let accepted = &recovery["accepted"][0];
    let kept = Path::new(accepted["kept"].as_str().expect("a path"));
    let kept = fs::read(kept.join("segment-000000000001.log")).expect("the damaged file");
    assert!(kept == whole);
    let gap = &accepted["lost"][0];
    let (first, last) = (gap["first_seq"].as_u64(), gap["last_seq"].as_u64());
    assert!(first > Some(1) && first <= last);
    let gone = last.zip(first).map(|(last, first)| last - first + 1);
    place.data("verify", &[]).ends(0);
    let state = place.data("state", &["--json"]).ends(0).json();
    let items = state["pools"][0]["items"].as_array().expect("a list");
    let drawn: u64 = items.iter().filter_map(|item| item["drawn"].as_u64()).sum();
    assert!(drawn + gone.unwrap_or(0) >= place.acks().len() as u64);
    place.draw(&["--count", "10"]).ends(0);
    // Nothing is wrong any more, so there is nothing to accept.
    let again = place.data("recover", &["--accept-loss"]).ends(0).out;
    assert!(!again.contains("gone"), "{again}");
}

#[test]
fn people_read_what_is_gone() {
    let place = damaged();
    let page = place.data("recover", &["--accept-loss"]).ends(0).out;
    assert!(page.contains("the sequence numbers"), "{page}");
    assert!(page.contains("are kept in"), "{page}");
}

#[test]
fn inspect_goes_on_behind_damage() {
    let place = damaged();
    let segment = place.segment(0, 1);
    let segment = segment.to_str().expect("a plain path");
    let lines = tombola(&["inspect", segment, "--json"])
        .ends(3)
        .json_lines();
    let kinds: Vec<_> = lines
        .iter()
        .filter_map(|line| line["type"].as_str())
        .collect();
    let broken = kinds
        .iter()
        .position(|kind| *kind == "broken")
        .expect("it is shown");
    assert!(kinds[broken..].contains(&"draw"));
    assert_eq!(lines.last().map(|end| end["damaged"] == true), Some(true));
    let text = tombola(&["inspect", segment]).ends(3).out;
    assert!(text.contains("broken at"), "{text}");
}

#[test]
fn the_log_says_when_records_are_missing_though_a_snapshot_has_them() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "1000", "--shards", "1"]).ends(0);
    let segment = place.segment(0, 1);
    flip(&segment, 4096 + 200);
    place.data("state", &[]).ends(0);
    let said = place.data("log", &["--json"]).ends(3);
    assert!(said.json_lines().len() < 1000);
    assert!(
        said.err.contains("segment-000000000001.log"),
        "{}",
        said.err
    );
}

#[test]
fn a_truncated_segment_is_refused() {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "1"]);
    let segment = place.segment(0, 1);
    let file = fs::File::options()
        .write(true)
        .open(&segment)
        .expect("the segment");
    file.set_len(8192).expect("it can be cut");
    let before = place.files();
    let said = place.draw(&["--count", "1"]).ends(3);
    assert!(said.err.contains("cut off"), "{}", said.err);
    let verdict = place.data("verify", &["--json"]).ends(3).json();
    assert_eq!(verdict["findings"][0]["kind"], "truncated");
    assert!(place.files() == before);
    tombola(&["inspect", segment.to_str().expect("a plain path")]).ends(3);
}

#[test]
fn a_damaged_description_is_a_finding() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "10"]).ends(0);
    flip(&place.path("data/engine.json"), 20);
    let verdict = place.data("verify", &["--json"]).ends(3).json();
    assert_eq!(verdict["findings"][0]["segment"], "engine.json");
}

/// Whatever is damaged: `verify` says so exactly if `recover` refuses it, neither changes a byte, and
/// what is refused opens once the loss is accepted.
#[test]
fn verify_and_recover_agree() {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "1"]);
    let whole = place.files();
    let (mut opened, mut refused) = (0, 0);
    let segment = place.segment(0, 1);
    let description = place.path("data/engine.json");
    let length = fs::metadata(&segment).expect("the segment").len();
    let used = whole_blocks_end(&segment);
    // In the header, in the first blocks, in the last one, and in what was never written.
    let places = [
        8,
        100,
        4096,
        4096 + 300,
        8192 + 40,
        used - 1,
        used + 5000,
        length - 1,
    ];
    let harmed = places.map(|at| (&segment, at as usize));
    let described = [(&description, 12), (&description, 60)];
    for (file, at) in harmed.into_iter().chain(described) {
        flip(file, at);
        let before = place.files();
        let what = format!("{} at {at}", file.display());
        let verified = place.data("verify", &["--json"]);
        assert!(place.files() == before, "{what}: verify changes nothing");
        let verdict = verified.json();
        let is_lost = |finding: &Value| finding["recoverable"] == false;
        let findings = verdict["findings"].as_array().expect("a list");
        let recovered = place.data("recover", &["--json"]);
        if findings.iter().any(is_lost) {
            assert_eq!((verified.code, verdict["ok"] == false), (3, true), "{what}");
            let refuses = [2, 3].contains(&recovered.code);
            assert!(refuses, "{what}: {} {}", recovered.code, recovered.err);
            assert!(place.files() == before, "{what}: recover changes nothing");
            place.data("recover", &["--accept-loss"]).ends(0);
            refused += 1;
        } else {
            assert_eq!(
                (verified.code, recovered.code),
                (0, 0),
                "{what}: {}",
                recovered.err
            );
            opened += 1;
        }
        place.data("verify", &[]).ends(0);
        fs::remove_dir_all(place.path("data")).expect("it is there");
        for (name, bytes) in &whole {
            let path = place.path("data").join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("it can be made");
            fs::write(path, bytes).expect("it can be written");
        }
    }
    assert!(opened > 0 && refused > 5, "{opened} and {refused}");
}

/// Where the last block of a segment ends.
fn whole_blocks_end(segment: &Path) -> u64 {
    let shown = tombola(&["inspect", segment.to_str().expect("a plain path"), "--json"]);
    let lines = shown.json_lines();
    let blocks = lines.iter().filter(|line| line["type"] == "block");
    let last = blocks.filter_map(|block| block["offset"].as_u64()).max();
    last.expect("there are blocks") + 4096
}

#[test]
fn alike_findings_are_one_line_and_all_of_them_in_json() {
    let place = Place::with(BANNER);
    for _ in 0..3 {
        let flags = ["--count", "3000", "--rate", "30000", "--shards", "1"];
        place.draw(&flags).ends(0);
    }
    let shard = place.path("data/shard-000");
    for entry in fs::read_dir(shard).expect("the shard") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "snap") {
            fs::remove_file(path).expect("it can be removed");
        }
    }
    let said = place.data("verify", &[]).ends(3);
    let findings = place.data("verify", &["--json"]).ends(3).json();
    let findings = findings["findings"].as_array().expect("a list").len();
    assert!(findings > 10, "{findings}");
    assert!(said.out.lines().count() < 8, "{}", said.out);
    assert!(said.out.contains(" alike, "), "{}", said.out);
    assert!(said.out.contains("no snapshot is there"), "{}", said.out);
    let counted = format!("{findings} findings");
    assert!(said.err.contains(&counted), "{}", said.err);
    // Those that only warn are as short.
    let state = place.data("state", &[]).ends(3);
    assert!(state.err.lines().count() < 8, "{}", state.err);
}

#[test]
fn a_shard_that_is_missing_has_no_records() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "10", "--shards", "2"]).ends(0);
    fs::remove_dir_all(place.path("data/shard-001")).expect("it can be removed");
    let said = place.data("verify", &[]).ends(3);
    let says = "shard 1: 0 records, and what may have come behind is gone";
    assert!(said.out.contains(says), "{}", said.out);
    let verdict = place.data("verify", &["--json"]).ends(3).json();
    assert_eq!(verdict["shards"][1]["seq"], 0);
    assert_eq!(verdict["shards"][1]["end_is_gone"], true);
    assert_eq!(verdict["shards"][0]["end_is_gone"], false);
}

#[test]
fn recover_tells_each_finding_once() {
    let place = damaged();
    let said = place.data("recover", &[]).ends(3);
    let both = said.out + &said.err;
    assert_eq!(both.matches(" at offset ").count(), 1, "{both}");
    // Where a damaged snapshot is made up for, too.
    let place = Place::with(BANNER);
    for _ in 0..2 {
        place.draw(&["--count", "10", "--shards", "1"]).ends(0);
    }
    let entries = fs::read_dir(place.path("data/shard-000")).expect("the shard");
    let snapshots = entries.map(|entry| entry.expect("an entry").path());
    let newest = snapshots.filter(|path| path.extension().is_some_and(|ending| ending == "snap"));
    flip(&newest.max().expect("a snapshot"), 100);
    let said = place.data("recover", &[]).ends(0);
    let both = said.out + &said.err;
    assert_eq!(both.matches("cannot be used").count(), 1, "{both}");
}
