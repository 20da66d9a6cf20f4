//! Every answer is told, whatever else goes wrong: pools that are closed, readers that go away.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{BANNER, Place, bounded, tombola};

const SHUT: &str = r#"
[[pool]]
name = "open"
items = [{ id = "a", weight = 1 }]

[[pool]]
name = "shut"
GATE
items = [{ id = "b", weight = 1 }]
"#;

#[test]
fn what_was_drawn_beside_a_closed_pool_is_answered_and_counted() {
    for (gate, outcome, says) in [
        ("open = false", "closed", "has no open = false"),
        (
            "closes_at = 2020-01-01T00:00:00Z",
            "closed",
            "no draws since 2020-01-01T00:00:00Z; give it a later closes_at",
        ),
        (
            "opens_at = 2090-01-01T00:00:00Z",
            "not_yet_open",
            "no draws before 2090-01-01T00:00:00Z; give it an earlier opens_at",
        ),
    ] {
        for multi in [&[][..], &["--multi", "5"]] {
            let place = Place::with(&SHUT.replace("GATE", gate));
            let flags = ["--count", "10000", "--shards", "1", "--clients", "2"];
            let said = place.draw(&[&flags, multi].concat()).ends(1);
            assert!(said.err.contains(says), "{}", said.err);
            let report = said.json();
            assert_eq!(report["unanswered"], 0);
            assert_eq!(report["sold_out"], false);
            assert!(report["refused"].as_u64() > Some(0));
            let acks = place.acks();
            let refused: Vec<_> = acks.iter().filter(|ack| ack["seq"].is_null()).collect();
            assert_eq!(report["refused"].as_u64(), Some(refused.len() as u64));
            assert!(refused.iter().all(|ack| ack["outcome"] == outcome));
            let units = if multi.is_empty() { 1 } else { 5 };
            let answered = (acks.len() - refused.len()) as u64 * units;
            assert_eq!(report["draws"].as_u64(), Some(answered));
            let state = place.data("state", &["--json"]).ends(0).json();
            assert_eq!(state["pools"][0]["items"][0]["drawn"], answered);
            assert_eq!(state["pools"][1]["items"][0]["drawn"], 0);
        }
    }
}

#[test]
fn a_pool_that_closes_meanwhile_ends_the_run_in_good_order() {
    let now = std::time::SystemTime::now();
    let second = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is later");
    let closes = tombola::config::Moment((second.as_secs() + 2) * 1000);
    let place = Place::with(&SHUT.replace("GATE", &format!("closes_at = {closes}")));
    let said = place
        .draw(&["--count", "100000000", "--rate", "20000", "--shards", "1"])
        .ends(1);
    assert!(said.err.contains("no draws since"), "{}", said.err);
    let report = said.json();
    assert_eq!(report["unanswered"], 0);
    let acks = place.acks();
    let drawn = acks.iter().filter(|ack| ack["seq"].is_u64()).count() as u64;
    assert_eq!(report["draws"].as_u64(), Some(drawn));
    let state = place.data("state", &["--json"]).ends(0).json();
    let of = |pool: usize| state["pools"][pool]["items"][0]["drawn"].as_u64();
    assert_eq!(
        of(0).zip(of(1)).map(|(one, other)| one + other),
        Some(drawn)
    );
}

#[test]
fn acks_that_cannot_be_written_leave_nothing_uncounted() {
    let place = Place::with(BANNER);
    fs::create_dir(place.path("data")).expect("a directory");
    std::os::unix::fs::symlink("/dev/full", place.path("acks")).expect("a link");
    let said = place.draw(&["--count", "50000", "--shards", "1"]).ends(1);
    assert!(said.err.contains("cannot write to"), "{}", said.err);
    let report = said.json();
    assert_eq!(report["unanswered"], 0);
    let state = place.data("state", &["--json"]).ends(0).json();
    let items = state["pools"][0]["items"].as_array().expect("a list");
    let drawn: u64 = items.iter().filter_map(|item| item["drawn"].as_u64()).sum();
    assert_eq!(report["draws"].as_u64(), Some(drawn));
}

#[test]
fn a_reader_of_answers_that_goes_away_is_a_failure() {
    let place = Place::with(BANNER);
    let mut child = bounded()
        .args(["draw", &place.text("pools.toml"), "--requests", "-"])
        .args(["--data", &place.text("data"), "--shards", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut asks = child.stdin.take().expect("it is piped");
    let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
    let request = b"{\"pool\":\"banner\"}\n";
    asks.write_all(request).expect("it is read");
    let mut first = String::new();
    answers.read_line(&mut first).expect("a line");
    drop(answers);
    // It ends by itself, though there could be more to ask.
    while child.try_wait().expect("a child").is_none() {
        let _ = asks.write_all(request);
        thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("the reader of the answers has gone"),
        "{told}"
    );
    assert!(!told.contains("have no answer"), "{told}");
    place.data("verify", &[]).ends(0);
}

/// Which fields each line of JSON that begins like an answer has.
fn fields(text: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut line = String::new();
    for part in text.lines().map(str::trim) {
        if line.is_empty() && !part.starts_with("{\"request\"") {
            continue;
        }
        line += part;
        // In the help a long one is broken into two.
        if let Ok(Value::Object(fields)) = serde_json::from_str(&line) {
            found.insert(fields.into_iter().map(|(name, _)| name).collect());
            line.clear();
        }
    }
    found
}

#[test]
fn every_kind_of_line_is_in_the_help() {
    let documented = fields(&tombola(&["draw", "--help"]).ends(0).out);
    let place = Place::with(
        "[[pool]]\nname = \"p\"\non_exhausted = \"no_prize\"\nitems = [
            { id = \"a\", weight = 1, stock = 9 }, { id = \"b\", weight = 1, stock = 60 }]",
    );
    place.draw(&["--count", "30", "--shards", "1"]).ends(0);
    place.draw(&["--count", "20", "--multi", "5"]).ends(0);
    let lines = "{\"pool\":\"p\"}\n{\"pool\":\"p\",\"key\":7,\"hold_ms\":600000}\n{\"void\":1}\n";
    fs::write(place.path("requests"), lines).expect("written");
    place.draw(&["--requests", &place.text("requests")]).ends(0);
    place.draw(&["--count", "1000", "--multi", "5"]).ends(4);
    place.draw(&["--count", "1"]).ends(4);
    let written = fields(&place.read("acks"));
    assert!(written.len() >= 7, "{written:?}");
    for line in &written {
        // What only some answers have stands in one line of the help with all the others.
        let is_there = documented.iter().any(|told| {
            line == told
                || line.iter().all(|field| told.contains(field))
                    && told.iter().any(|field| field == "held_until_ms")
        });
        assert!(is_there, "{line:?} is not among {documented:?}");
    }
}
