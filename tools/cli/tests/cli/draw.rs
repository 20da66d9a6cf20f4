//! `draw`: counts, acknowledgements, going on, selling out.

use std::{
    collections::{HashMap, HashSet},
    fs,
    time::Instant,
};

use serde_json::{Value, json};

use crate::support::{BANNER, Place, tombola};

/// Everything runs out, after 60 draws.
const FINITE: &str = r#"
[[pool]]
name = "a"
items = [{ id = "x", weight = 3, stock = 25 }, { id = "y", weight = 1, stock = 15 }]

[[pool]]
name = "b"
on_exhausted = "no_prize"
items = [{ id = "z", weight = 1, stock = 20 }]
"#;

#[test]
fn the_report_has_the_promised_shape() {
    let place = Place::with(BANNER);
    let report = place
        .draw(&["--count", "2000", "--shards", "1"])
        .ends(0)
        .json();
    assert_eq!(report["draws"], 2000);
    assert_eq!(report["exhausted"], 0);
    assert_eq!(report["format"], "bincode");
    assert_eq!(report["durability"], "device");
    assert_eq!(report["shards"], 1);
    assert!(report["seconds"].as_f64() > Some(0.0));
    assert!(report["draws_per_second"].as_f64() > Some(0.0));
    assert!(report["storage"] == "uring" || report["storage_fallback"].is_string());
    let latency = &report["latency_us"];
    let at = |name: &str| latency[name].as_f64().expect("a number");
    assert!(at("p50") > 0.0 && at("p50") <= at("p90") && at("p90") <= at("p99"));
    assert!(at("p99") <= at("p999") && at("p999") <= at("max"));
    let (gold, dust) = (&report["items"][0], &report["items"][1]);
    assert_eq!(gold["pool"], "banner");
    assert_eq!(gold["item"], "gold");
    assert_eq!(gold["weight"], 10);
    assert_eq!(gold["expected_share"], 0.1);
    assert_eq!(dust["remaining"], Value::Null);
    let drawn = |item: &Value| item["drawn"].as_u64().expect("a number");
    assert_eq!(drawn(gold) + drawn(dust), 2000);
    assert_eq!(gold["remaining"], 100 - drawn(gold));
    let share = gold["share"].as_f64().expect("a number");
    assert!((share - drawn(gold) as f64 / 2000.0).abs() < 1e-12);
}

#[test]
fn people_get_a_table() {
    let place = Place::with(BANNER);
    let (config, data) = (place.text("pools.toml"), place.text("data"));
    let said = tombola(&["draw", &config, "--data", &data, "--count", "1500"]).ends(0);
    assert!(said.out.contains("by weight"), "{}", said.out);
    assert!(said.out.contains("1 500 draws in"), "{}", said.out);
    assert!(said.out.contains("p99.9"), "{}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn every_acknowledgement_is_in_the_log() {
    let second = BANNER.replace("\"banner\"", "\"the \\\"other\\\" one\"");
    let place = Place::with(&format!("{BANNER}{second}"));
    let options = ["--count", "5000", "--clients", "3", "--shards", "2"];
    place.draw(&options).ends(0);
    let acks = place.acks();
    assert_eq!(acks.len(), 5000);
    let logged: HashMap<u64, Value> = place
        .data("log", &["--json"])
        .ends(0)
        .json_lines()
        .into_iter()
        .filter(|line| line["type"] == "draw")
        .map(|line| (line["request"].as_u64().expect("a number"), line))
        .collect();
    assert_eq!(logged.len(), 5000);
    let mut pools = HashSet::new();
    for ack in &acks {
        let mut logged = logged[&ack["request"].as_u64().expect("a number")].clone();
        logged.as_object_mut().expect("an object").remove("type");
        assert_eq!(*ack, logged);
        pools.insert(ack["pool"].as_str());
    }
    assert_eq!(pools, [Some("banner"), Some("the \"other\" one")].into());
    let first = place
        .read("acks")
        .lines()
        .next()
        .expect("a line")
        .to_owned();
    assert!(
        first.starts_with("{\"request\":") && first.contains(",\"shard\":"),
        "{first}"
    );
}

#[test]
fn pools_get_the_same_number_of_draws() {
    let second = BANNER.replace("\"banner\"", "\"other\"");
    let place = Place::with(&format!("{BANNER}{second}"));
    place.draw(&["--count", "10"]).ends(0);
    let of = |name: &str| {
        place
            .acks()
            .iter()
            .filter(|ack| ack["pool"] == name)
            .count()
    };
    assert_eq!((of("banner"), of("other")), (5, 5));
}

#[test]
fn run_again_it_goes_on() {
    let place = Place::with(BANNER);
    for _ in 0..3 {
        place.draw(&["--count", "400"]).ends(0);
    }
    let requests: Vec<u64> = place
        .acks()
        .iter()
        .map(|ack| ack["request"].as_u64().expect("a number"))
        .collect();
    assert_eq!(requests.len(), 1200);
    assert!(requests.is_sorted_by(|one, other| one < other));
    let state = place.data("state", &["--json"]).ends(0).json();
    let items = state["pools"][0]["items"].as_array().expect("a list");
    let drawn: u64 = items.iter().filter_map(|item| item["drawn"].as_u64()).sum();
    assert_eq!(drawn, 1200);
    let gold = &items[0];
    let (drawn, left) = (gold["drawn"].as_u64(), gold["remaining"].as_u64());
    assert_eq!(drawn.zip(left).map(|(drawn, left)| drawn + left), Some(100));
    let report = place.draw(&["--count", "100"]).ends(0).json();
    assert_eq!(report["draws"], 100);
    let total: u64 = report["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["drawn_total"].as_u64())
        .sum();
    assert_eq!(total, 1300);
}

#[test]
fn it_goes_on_after_a_crash_and_cuts_half_a_line() {
    let place = Place::with(BANNER);
    place.crash(&[]);
    let mut acks = place.read("acks");
    let whole = acks.lines().filter(|line| line.ends_with('}')).count();
    if acks.ends_with('\n') {
        acks += "{\"request\":99";
        fs::write(place.path("acks"), &acks).expect("it can be written");
    }
    let said = place.draw(&["--count", "300"]).ends(0);
    assert!(said.err.contains("ends within a line"), "{}", said.err);
    let acks = place.acks();
    assert_eq!(acks.len(), whole + 300);
    let requests: HashSet<_> = acks.iter().map(|ack| ack["request"].as_u64()).collect();
    assert_eq!(requests.len(), acks.len());
}

#[test]
fn sold_out_is_told_and_every_unit_is_drawn_once() {
    let place = Place::with(FINITE);
    let said = place
        .draw(&["--count", "100", "--clients", "2", "--shards", "2"])
        .ends(4);
    assert!(
        said.err.contains("sold out after 60 of 100"),
        "{}",
        said.err
    );
    let report = said.json();
    assert_eq!(report["draws"], 60);
    assert!(report["exhausted"].as_u64() > Some(0));
    assert_eq!(report["sold_out"], true);
    let left: Vec<_> = report["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["drawn"].clone(), item["remaining"].clone()))
        .collect();
    let gone = |units: u64| (json!(units), json!(0));
    assert_eq!(left, [gone(25), gone(15), gone(20)]);
    let acks = place.acks();
    let refused: Vec<_> = acks.iter().filter(|ack| ack["seq"].is_null()).collect();
    assert_eq!(acks.len() - refused.len(), 60);
    assert_eq!(
        refused.len() as u64,
        report["exhausted"].as_u64().unwrap_or(0)
    );
    for line in refused {
        assert_eq!(line["outcome"], "exhausted");
        assert_eq!(line["item"], Value::Null);
        assert!(
            line.as_object()
                .is_some_and(|line| line.contains_key("item"))
        );
    }
    // It stays sold out.
    let report = place.draw(&["--count", "1"]).ends(4).json();
    assert_eq!(report["draws"], 0);
}

#[test]
fn a_pool_on_all_shards_is_drawn_from_on_each_of_them_to_its_last_unit() {
    let place = Place::with(FINITE);
    let flags = [
        "--placement",
        "all_shards",
        "--shards",
        "2",
        "--clients",
        "2",
    ];
    let flags = [&flags[..], &["--count", "100", "--multi", "2"]].concat();
    let report = place.draw(&flags).ends(4).json();
    let items = report["items"].as_array().expect("items").iter();
    for item in items.filter(|item| !item["item"].is_null()) {
        assert_eq!(item["remaining"], 0, "{item}");
    }
    // It stays where it is.
    let ended = place
        .draw(&["--placement", "one_shard", "--count", "1"])
        .ends(2);
    assert!(ended.err.contains("placement"), "{}", ended.err);
}

#[test]
fn while_one_pool_has_stock_the_count_is_reached() {
    let place = Place::with(&format!("{FINITE}{BANNER}"));
    let report = place.draw(&["--count", "5000"]).ends(0).json();
    assert_eq!(report["draws"], 5000);
    assert!(report["exhausted"].as_u64() > Some(0));
}

#[test]
fn no_prize_is_a_draw() {
    let place = Place::with(
        "[[pool]]\nname = \"p\"\non_exhausted = \"no_prize\"\nitems = [
            { id = \"rare\", weight = 50, stock = 1 }, { id = \"card\", weight = 50 }]",
    );
    let report = place.draw(&["--count", "500"]).ends(0).json();
    let none: Vec<_> = place
        .acks()
        .into_iter()
        .filter(|ack| ack["outcome"] == "no_prize")
        .collect();
    assert!(
        none.iter()
            .all(|ack| ack["item"].is_null() && ack["seq"].is_u64())
    );
    assert_eq!(report["no_prizes"].as_u64(), Some(none.len() as u64));
    let share: f64 = (0..2)
        .filter_map(|item| report["items"][item]["share"].as_f64())
        .sum();
    assert!((share - (500 - none.len()) as f64 / 500.0).abs() < 1e-9);
    let state = place.data("state", &["--json"]).ends(0).json();
    assert_eq!(
        state["pools"][0]["no_prizes"].as_u64(),
        Some(none.len() as u64)
    );
    let log = place.data("log", &["--json"]).ends(0).json_lines();
    let logged = log.iter().filter(|line| line["outcome"] == "no_prize");
    assert_eq!(logged.count(), none.len());
}

#[test]
fn one_pool_can_be_chosen() {
    let place = Place::with(&format!("{FINITE}{BANNER}"));
    let report = place.draw(&["--count", "20", "--pool", "a"]).ends(0).json();
    assert!(place.acks().iter().all(|ack| ack["pool"] == "a"));
    assert_eq!(report["items"].as_array().map(Vec::len), Some(2));
    let said = place.draw(&["--pool", "nope"]).ends(2);
    assert!(
        said.err
            .contains("has no pool \"nope\"; it has: a, b, banner"),
        "{}",
        said.err
    );
}

#[test]
fn a_rate_is_kept() {
    let place = Place::with(BANNER);
    let begun = Instant::now();
    let options = ["--count", "600", "--rate", "2000", "--clients", "2"];
    let report = place.draw(&options).ends(0).json();
    assert_eq!(report["draws"], 600);
    assert!(begun.elapsed().as_secs_f64() > 0.28);
    assert!(report["draws_per_second"].as_f64() < Some(2200.0));
}

#[test]
fn every_storage_and_format_reads_back() {
    for storage in ["uring", "mmap", "file"] {
        for format in ["bincode", "jsonl", "line"] {
            let place = Place::with(BANNER);
            let options = ["--count", "300", "--storage", storage, "--format", format];
            let kernel = ["--durability", "kernel"];
            place.draw(&[options.as_slice(), &kernel].concat()).ends(0);
            place.data("verify", &[]).ends(0);
            let log = place.data("log", &["--json"]).ends(0).json_lines();
            let draws = log.iter().filter(|line| line["type"] == "draw").count();
            assert_eq!(draws, 300, "{storage} {format}");
        }
    }
}

#[test]
fn with_no_storage_nothing_is_kept() {
    let place = Place::with(BANNER);
    let said = place.draw(&["--count", "300", "--storage", "none"]).ends(0);
    assert!(said.err.contains("nothing is kept"), "{}", said.err);
    assert_eq!(said.json()["storage"], "none");
    assert_eq!(said.json()["draws"], 300);
    assert!(!place.path("data").exists());
}
