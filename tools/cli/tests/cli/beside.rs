//! The verbs that read, beside an engine that draws.

use serde_json::Value;

use crate::support::{BANNER, Place, tombola};

fn total(state: &Value) -> u64 {
    let items = state["pools"][0]["items"].as_array().expect("a list");
    items.iter().filter_map(|item| item["drawn"].as_u64()).sum()
}

#[test]
fn they_show_what_is_durable_at_that_moment() {
    let place = Place::with(BANNER);
    // Small segments and frequent snapshots: files come and go while they are read.
    let drawing = place.start_drawing(&[
        "--shards",
        "2",
        "--segment-bytes",
        "128KiB",
        "--block-bytes",
        "16KiB",
        "--snapshot-records",
        "3000",
    ]);
    let mut before = 0;
    for _ in 0..5 {
        let acknowledged = place.acks().len() as u64;
        let drawn = total(&place.data("state", &["--json"]).ends(0).json());
        assert!(
            drawn >= acknowledged && drawn >= before,
            "{drawn} {acknowledged} {before}"
        );
        before = drawn;
        place.data("verify", &[]).ends(0);
        let log = place.data("log", &["--json"]).ends(0).json_lines();
        let place_of = |line: &Value| (line["shard"].as_u64(), line["seq"].as_u64());
        assert!(log.is_sorted_by(|one, other| place_of(one) < place_of(other)));
        assert!(log.iter().any(|line| line["type"] == "draw"));
    }
    drawing.signal("TERM");
    let report = drawing.wait().ends(0).json();
    assert!(report["draws"].as_u64() >= Some(before));
}

#[test]
fn those_that_open_are_told_that_it_is_in_use() {
    let place = Place::with(BANNER);
    let drawing = place.start_drawing(&[]);
    for verb in ["recover", "snapshot"] {
        let said = place.data(verb, &[]).ends(1);
        assert!(
            said.err.contains("in use by another engine"),
            "{}",
            said.err
        );
    }
    let said = place.data("recover", &["--accept-loss"]).ends(1);
    assert!(said.err.contains("in use"), "{}", said.err);
    let said = place.draw(&["--count", "1"]).ends(1);
    assert!(said.err.contains("in use"), "{}", said.err);
    drawing.kill();
    place.draw(&["--count", "1"]).ends(0);
}

#[test]
fn the_segment_that_is_being_written_is_not_called_damaged() {
    let place = Place::with(BANNER);
    // One large segment, so that it stays the one that is written.
    let drawing = place.start_drawing(&["--shards", "1", "--segment-bytes", "64MiB"]);
    let segment = place.text("data/shard-000/segment-000000000001.log");
    for _ in 0..10 {
        let lines = tombola(&["inspect", &segment, "--json"])
            .ends(0)
            .json_lines();
        assert!(lines.iter().any(|line| line["type"] == "draw"));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    drawing.signal("TERM");
    drawing.wait().ends(0);
}
