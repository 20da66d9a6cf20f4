//! `odds`: now, and at every point that the log holds.

use std::fs;

use serde_json::Value;

use crate::support::Place;

const POOL: &str = r#"
[[pool]]
name = "banner"
on_exhausted = "no_prize"
items = [{ id = "gold", weight = 1, stock = 3 }, { id = "dust", weight = 3, stock = 20 }]
"#;

#[test]
fn the_odds_at_every_point_are_those_of_the_draws_so_far() {
    let place = Place::with(POOL);
    place.draw(&["--count", "12", "--shards", "1"]).ends(0);
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    let (mut gold, mut dust, mut drawn) = (3, 20, 0);
    for record in &log {
        match record["item"].as_str() {
            Some("gold") => gold -= 1,
            Some("dust") => dust -= 1,
            _ => {}
        }
        drawn += u64::from(record["type"] == "draw");
        if drawn == 0 {
            continue;
        }
        let seq = record["seq"].to_string();
        let at = ["--pool", "banner", "--at", &seq, "--json"];
        let odds = place.data("odds", &at).ends(0).json();
        let pool = &odds["pools"][0];
        assert_eq!(pool["items"][0]["remaining"], gold);
        assert_eq!(pool["items"][1]["remaining"], dust);
        assert_eq!(pool["total_weight"], 4);
        let share = if gold > 0 { 0.25 } else { 0.0 };
        assert_eq!(pool["items"][0]["probability"], share);
        assert_eq!(pool["no_prize_probability"], 0.25 - share);
    }
    assert_eq!(drawn, 12);
    let now = place.data("odds", &["--json"]).ends(0).json();
    assert_eq!(now["pools"][0]["items"][1]["remaining"], dust);
    assert_eq!(now["pools"][0]["seq"], Value::Null);
    let page = place.data("odds", &[]).ends(0).out;
    assert!(page.contains("75.000000 %"), "{page}");
}

#[test]
fn a_point_that_cannot_be_told_is_named() {
    let place = Place::with(POOL);
    place.draw(&["--count", "5", "--shards", "1"]).ends(0);
    let late = ["--pool", "banner", "--at", "999999"];
    let said = place.data("odds", &late).ends(1);
    assert!(said.err.contains("999999"), "{}", said.err);
    assert!(said.err.contains("does not go on behind"), "{}", said.err);
    assert!(!said.err.contains("older segments"), "{}", said.err);
    let early = place
        .data("odds", &["--pool", "banner", "--at", "0"])
        .ends(1);
    assert!(early.err.contains("not registered yet"), "{}", early.err);
    place.data("odds", &["--pool", "other"]).ends(2);
    let said = place.data("odds", &["--at", "1"]).ends(2);
    let says = "as in --pool \"banner\" --at 1; there are: banner";
    assert!(said.err.contains(says), "{}", said.err);
}

#[test]
fn what_was_retired_cannot_be_told_any_more() {
    let place = Place::with(POOL);
    for _ in 0..3 {
        place.draw(&["--count", "3", "--shards", "1"]).ends(0);
        place.data("snapshot", &[]).ends(0);
    }
    let said = place
        .data("odds", &["--pool", "banner", "--at", "2"])
        .ends(1);
    assert!(said.err.contains("leads from record"), "{}", said.err);
    let state = place.data("state", &["--json"]).ends(0).json();
    let last = state["shards"][0]["seq"].to_string();
    place
        .data("odds", &["--pool", "banner", "--at", &last])
        .ends(0);
}

#[test]
fn segments_from_the_archive_lead_back() {
    let place = Place::with(POOL);
    let archive = place.text("archive");
    let flags = ["--count", "3", "--shards", "1", "--archive-dir", &archive];
    for _ in 0..4 {
        place.draw(&flags).ends(0);
    }
    let at = ["--pool", "banner", "--at", "5", "--json"];
    let said = place.data("odds", &at).ends(1);
    assert!(said.err.contains("copied back into"), "{}", said.err);
    for entry in fs::read_dir(place.path("archive/shard-000")).expect("a shelf") {
        let entry = entry.expect("an entry");
        let to = place.path("data/shard-000").join(entry.file_name());
        fs::copy(entry.path(), to).expect("it can be copied");
    }
    let odds = place.data("odds", &at).ends(0).json();
    assert_eq!(odds["pools"][0]["total_weight"], 4);
    place.data("verify", &[]).ends(0);
}

#[test]
fn of_a_pool_on_all_shards_the_home_shards_log_tells_the_odds() {
    let place = Place::with(POOL);
    let load = [
        "--count",
        "400",
        "--shards",
        "2",
        "--placement",
        "all_shards",
    ];
    place.draw(&load).ends(4);
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    let ran_out = |item: &str| {
        let found = log
            .iter()
            .find(|record| record["type"] == "availability" && record["item"] == item);
        let record = found.expect("both ran out");
        assert_eq!(record["in_stock"], false);
        record["seq"].as_u64().unwrap()
    };
    let (gold, dust) = (ran_out("gold"), ran_out("dust"));
    let odds = |seq: u64| {
        let at = ["--pool", "banner", "--at", &seq.to_string(), "--json"];
        place.data("odds", &at).ends(0).json()["pools"][0].clone()
    };
    let first = odds(gold.min(dust) - 1);
    assert_eq!(first["items"][0]["probability"], 0.25);
    assert_eq!(first["items"][0].get("remaining"), None, "{first}");
    let between = odds(gold.max(dust) - 1);
    let (left, weight) = if gold < dust { (1, 3) } else { (0, 1) };
    assert_eq!(between["items"][left]["weight"], weight);
    assert_eq!(between["items"][1 - left]["remaining"], 0);
    assert_eq!(between["total_weight"], 4, "no prize has the rest");
    assert_eq!(odds(gold.max(dust))["total_weight"], 0);
    let seq = (gold.max(dust) - 1).to_string();
    let page = place.data("odds", &["--pool", "banner", "--at", &seq]);
    assert!(page.ends(0).out.contains(" some\n"));
}
