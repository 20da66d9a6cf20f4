//! Flags over environment over file over defaults; `config`.

use std::fs;

use assert_cmd::Command;

use crate::support::{BANNER, Place, said, tombola};

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let config = format!("[engine]\nshards = 1\n[wal]\nformat = \"line\"\n{BANNER}");
    let shards = |environment: Option<&str>, flag: Option<&str>| {
        let place = Place::with(&config);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tombola"));
        command.args(["draw", &place.text("pools.toml"), "--json", "--count", "10"]);
        command.args(["--data", &place.text("data"), "--segment-bytes", "1MiB"]);
        if let Some(number) = environment {
            command.env("TOMBOLA_SHARDS", number);
        }
        if let Some(number) = flag {
            command.args(["--shards", number]);
        }
        let report = said(&mut command).ends(0).json();
        assert_eq!(report["format"], "line");
        report["shards"].as_u64()
    };
    assert_eq!(shards(None, None), Some(1));
    assert_eq!(shards(Some("2"), None), Some(2));
    assert_eq!(shards(Some("2"), Some("3")), Some(3));
}

#[test]
fn a_setting_out_of_bounds_is_refused() {
    let place = Place::with(BANNER);
    for (flag, value, says) in [
        ("--shards", "0", "shards"),
        ("--segment-bytes", "5000", "segment_bytes"),
        ("--segment-bytes", "big", "is not a size"),
        ("--commit-delay", "2s", "commit_delay"),
        ("--commit-delay", "2", "200us or 1ms"),
        ("--commit-records", "5", "commit_records"),
        ("--storage", "tape", "uring"),
        ("--clients", "65", "add --clients-max 65"),
        ("--clients", "0", "zero"),
        ("--rate", "0", "zero"),
    ] {
        let said = place.draw(&["--count", "1", flag, value]).ends(2);
        assert!(said.err.contains(says), "{flag} {value}: {}", said.err);
        assert_eq!(said.out, "");
    }
}

#[test]
fn the_example_checks_out_in_both_forms() {
    let place = Place::with(&tombola(&["config", "example"]).ends(0).out);
    let config = place.text("pools.toml");
    tombola(&["config", "check", &config]).ends(0);
    let json = tombola(&["config", "example", "--json"]).ends(0).out;
    fs::write(place.path("pools.json"), json).expect("it can be written");
    let config = place.text("pools.json");
    let verdict = tombola(&["config", "check", &config, "--json"])
        .ends(0)
        .json();
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["pools"][0]["pool"], "banner");
}

#[test]
fn the_files_that_come_along_check_out() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/pools");
    let mut files = 0;
    for entry in fs::read_dir(directory).expect("the pool files") {
        let path = entry.expect("an entry").path();
        let path = path.to_str().expect("a plain path");
        tombola(&["config", "check", path]).ends(0);
        files += 1;
    }
    assert!(files >= 4);
}

#[test]
fn the_old_catalogue_is_a_pool() {
    let place = Place::with("");
    let catalog = r#"{"catalog":[{"item_id":"gold","quantity":3,"probability":10},
        {"item_id":"dust","quantity":-1,"probability":90}]}"#;
    fs::write(place.path("summer.json"), catalog).expect("it can be written");
    let config = place.text("summer.json");
    let data = place.text("data");
    tombola(&["config", "check", &config]).ends(0);
    tombola(&["draw", &config, "--data", &data, "--count", "200"]).ends(0);
    let state = place.data("state", &["--json"]).ends(0).json();
    let pool = &state["pools"][0];
    assert_eq!(pool["pool"], "summer");
    assert_eq!(pool["items"][0]["initial"], 3);
    assert!(pool["items"][1]["initial"].is_null());
}
