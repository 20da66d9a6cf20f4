//! Ctrl-C and SIGTERM drain, report and exit 0.

use std::collections::HashSet;

use crate::support::{BANNER, Place};

#[test]
fn what_is_open_is_answered_and_reported() {
    for signal in ["TERM", "INT"] {
        let place = Place::with(BANNER);
        let drawing = place.start_drawing(&["--clients", "2", "--shards", "1"]);
        drawing.signal(signal);
        let said = drawing.wait().ends(0);
        let report = said.json();
        assert_eq!(report["interrupted"], true);
        assert_eq!(report["unanswered"], 0);
        let acks = place.acks();
        assert_eq!(report["draws"].as_u64(), Some(acks.len() as u64));
        // Closed in good order: a snapshot holds everything, and nothing more was drawn.
        let state = place.data("state", &["--json"]).ends(0).json();
        assert_eq!(
            state["shards"][0]["seq"],
            state["shards"][0]["snapshot_seq"]
        );
        let requests = |lines: &[serde_json::Value]| -> HashSet<_> {
            lines
                .iter()
                .filter_map(|line| line["request"].as_u64())
                .collect()
        };
        let log = place.data("log", &["--json"]).ends(0).json_lines();
        let draws: Vec<_> = log
            .into_iter()
            .filter(|line| line["type"] == "draw")
            .collect();
        assert_eq!(requests(&draws), requests(&acks));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let place = Place::with(BANNER);
    let drawing = place.start_drawing(&[]);
    drawing.signal("TERM");
    drawing.signal("TERM");
    // By the signal, or in good order where the first one was quicker.
    let said = drawing.wait();
    assert!(said.code == -1 || said.code == 0, "{}", said.err);
    place.draw(&["--count", "1"]).ends(0);
}
