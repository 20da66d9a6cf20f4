//! The verbs that read, and those that open and close: what they show, and that they change nothing
//! they should not.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{BANNER, Place, tombola};

fn drawn(count: &str, more: &[&str]) -> Place {
    let place = Place::with(BANNER);
    place
        .draw(&[&["--count", count, "--shards", "2"], more].concat())
        .ends(0);
    place
}

#[test]
fn state_has_the_promised_shape() {
    let place = drawn("50", &[]);
    let state = place.data("state", &["--json"]).ends(0).json();
    let gold = &state["pools"][0]["items"][0];
    let units = gold["drawn"].as_u64().expect("a number");
    assert_eq!(
        *gold,
        json!({"item": "gold", "weight": 10, "initial": 100, "restocked": 0,
            "drawn": units, "held": 0, "voided": 0, "remaining": 100 - units, "retired": false})
    );
    let dust = &state["pools"][0]["items"][1];
    assert_eq!(dust["initial"], Value::Null);
    assert_eq!(dust["remaining"], Value::Null);
    assert_eq!(dust["drawn"], 50 - units);
    let shards = state["shards"].as_array().expect("a list");
    assert_eq!(shards.len(), 2);
    let busy = shards
        .iter()
        .find(|shard| shard["seq"].as_u64() >= Some(50));
    assert_eq!(
        busy.map(|shard| shard["seq"] == shard["snapshot_seq"]),
        Some(true)
    );
    let page = place.data("state", &[]).ends(0).out;
    assert!(
        page.contains("unlimited") && page.contains("shard 1:"),
        "{page}"
    );
}

#[test]
fn log_is_in_order_and_has_every_kind_of_record() {
    let place = drawn("50", &[]);
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    let place_of = |line: &Value| (line["shard"].as_u64(), line["seq"].as_u64());
    assert!(log.is_sorted_by(|one, other| place_of(one) < place_of(other)));
    let of = |kind: &str| log.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("draw"), of("pool")), (50, 1));
    assert!(of("requests_reserved") > 0);
    let text = place.data("log", &[]).ends(0).out;
    assert_eq!(text.lines().count(), log.len());
    assert!(text.contains("pool \"banner\" item \"dust\""), "{text}");
}

/// A place where requests were answered that are no plain draws, on two shards.
fn asked() -> Place {
    let place = Place::with(
        r#"
        [[pool]]
        name = "banner"
        placement = "all_shards"
        opens_at = 2020-01-01T00:00:00Z
        items = [{ id = "gold", weight = 1, stock = 7 }, { id = "dust", weight = 1, stock = 5 }]
        "#,
    );
    let requests = [
        r#"{"pool": "banner", "count": 3, "key": "0x1f"}"#,
        r#"{"pool": "banner", "count": 2, "hold_ms": 900000}"#,
        r#"{"pool": "banner", "count": 50, "partial": true, "key": 5}"#,
    ];
    fs::write(place.path("requests.jsonl"), requests.join("\n")).expect("written");
    let file = place.text("requests.jsonl");
    place.draw(&["--requests", &file, "--shards", "2"]).ends(0);
    place
}

#[test]
fn state_counts_what_is_held_and_puts_the_shards_together() {
    let place = asked();
    let state = place.data("state", &["--json"]).ends(0).json();
    assert_eq!(state["pools"].as_array().map(Vec::len), Some(1));
    let pool = &state["pools"][0];
    assert_eq!(pool["opens_at_ms"], 1_577_836_800_000_u64);
    let sum = |what: &str| -> u64 {
        let items = pool["items"].as_array().expect("items").iter();
        items
            .map(|item| item[what].as_u64().expect("a number"))
            .sum()
    };
    assert_eq!(
        ["initial", "drawn", "held", "remaining"].map(sum),
        [12, 10, 2, 0]
    );
    let page = place.data("state", &[]).ends(0).out;
    assert!(page.contains("held"), "{page}");
}

#[test]
fn log_names_what_requests_got_and_what_shards_sent_each_other() {
    let place = asked();
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    let of = |kind: &str| -> Vec<&Value> {
        let lines = log.iter().filter(|line| line["type"] == kind);
        lines.collect()
    };
    let draws = of("draws");
    assert_eq!(draws.len(), 3);
    let keyed = draws.iter().find(|line| line["key"] == "0x1f");
    let keyed = keyed.expect("the first request");
    let items = keyed["items"].as_array().expect("items");
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item == "gold" || item == "dust"));
    assert!(draws.iter().any(|line| line["held_until_ms"].is_u64()));
    assert_eq!(of("sent").len(), of("received").len());
    for transfer in of("sent") {
        assert!(transfer["item"].is_string() && transfer["units"].is_u64());
    }
    let page = place.data("log", &[]).ends(0).out;
    for told in [" key 0x1f", " of 50 asked for", " held until "] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[test]
fn names_are_known_when_the_registration_is_retired() {
    let place = drawn("50", &[]);
    for _ in 0..3 {
        place.draw(&["--count", "50"]).ends(0);
    }
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    assert!(log.iter().all(|line| line["type"] != "pool"));
    let draws: Vec<_> = log.iter().filter(|line| line["type"] == "draw").collect();
    assert!(!draws.is_empty());
    assert!(
        draws
            .iter()
            .all(|line| line["pool"] == "banner" && line["item"].is_string())
    );
}

#[test]
fn reading_changes_nothing() {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "2"]);
    let before = place.files();
    for verb in ["state", "log", "verify"] {
        place.data(verb, &[]).ends(0);
        place.data(verb, &["--json"]).ends(0);
        assert!(place.files() == before, "{verb} changed a file");
    }
}

#[test]
fn verify_finds_nothing_wrong() {
    let place = drawn("50", &[]);
    let verdict = place.data("verify", &["--json"]).ends(0).json();
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["findings"], json!([]));
    let shard = verdict["pools"][0]["shard"].clone();
    let banner = |from: &str| json!([{"shard": shard, "pool": "banner", "counted_from": from, "mistakes": []}]);
    assert_eq!(verdict["pools"], banner("log"));
    let page = place.data("verify", &[]).ends(0).out;
    assert!(page.contains("counted from the log, in: banner"), "{page}");
    assert!(page.ends_with("ok\n"));
    // The next close makes a second snapshot, and the registration is retired.
    place.draw(&["--count", "50"]).ends(0);
    let verdict = place.data("verify", &["--json"]).ends(0).json();
    assert_eq!(verdict["pools"], banner("state"));
    let page = place.data("verify", &[]).ends(0).out;
    assert!(
        page.contains("only the state's sums were checked, in: banner"),
        "{page}"
    );
}

#[test]
fn recover_tells_what_it_did() {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "1"]);
    let acks = place.acks().len() as u64;
    let recovery = place.data("recover", &["--json"]).ends(0).json();
    assert_eq!(recovery["ok"], true);
    assert_eq!(recovery["accepted"], json!([]));
    let shard = &recovery["shards"][0];
    assert_eq!(shard["snapshot_seq"], 0);
    assert_eq!(shard["seq"], shard["replayed"]);
    assert!(shard["replayed"].as_u64() > Some(acks));
    // Closed now: a snapshot holds it all.
    let again = place.data("recover", &[]).ends(0).out;
    assert!(again.contains(", 0 records replayed"), "{again}");
}

#[test]
fn snapshot_covers_everything_and_retires() {
    let place = Place::with(BANNER);
    place.crash(&["--shards", "1"]);
    let made = place.data("snapshot", &["--json"]).ends(0).json();
    let shard = &made["shards"][0];
    assert_eq!(shard["seq"], shard["snapshot_seq"]);
    place.data("snapshot", &[]).ends(0);
    assert!(!place.segment(0, 1).exists());
    place.data("verify", &[]).ends(0);
    place.draw(&["--count", "10"]).ends(0);
}

#[test]
fn retired_segments_go_to_the_archive() {
    let place = drawn("50", &["--format", "jsonl"]);
    let archive = place.text("archive");
    for _ in 0..2 {
        place.data("snapshot", &["--archive-dir", &archive]).ends(0);
    }
    let archived = |shard: usize| {
        let shelf = place.path(&format!("archive/shard-{shard:03}"));
        fs::read_dir(shelf).expect("a shelf for each shard").count()
    };
    assert!(archived(0) + archived(1) > 0);
}

#[test]
fn inspect_shows_a_segment() {
    for format in ["bincode", "jsonl", "line"] {
        let place = Place::with(BANNER);
        place
            .draw(&["--count", "50", "--shards", "1", "--format", format])
            .ends(0);
        let segment = place.segment(0, 1);
        let segment = segment.to_str().expect("a plain path");
        let lines = tombola(&["inspect", segment, "--json"])
            .ends(0)
            .json_lines();
        assert_eq!(lines[0]["type"], "segment");
        assert_eq!(lines[0]["format"], format);
        assert_eq!(lines[0]["header"]["segment"], 1);
        let draws = lines.iter().filter(|line| line["type"] == "draw");
        assert_eq!(draws.count(), 50);
        let blocks = lines.iter().filter(|line| line["type"] == "block").count();
        let end = lines.last().expect("a line");
        assert_eq!(end["type"], "end");
        assert_eq!(end["blocks"].as_u64(), Some(blocks as u64));
        assert_eq!(
            (&end["sealed"], &end["damaged"]),
            (&json!(true), &json!(false))
        );
        let text = tombola(&["inspect", segment]).ends(0).out;
        assert!(text.contains("sealed, whole"), "{text}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "20000"]).ends(0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tombola"))
        .args(["log", &place.text("data"), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.read_line(&mut first).expect("a line");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
