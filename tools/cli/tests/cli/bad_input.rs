//! What people get wrong: each is a clear error that says what to do, and nothing is lost.

use std::{fs, path::Path};

use assert_cmd::Command;

use crate::support::{BANNER, Place, said, tombola};

/// A mistake, and what is said about it. The numbers are its line and where on it.
const MISTAKES: [(&str, &str); 9] = [
    ("[[pool]]\nname = \"p\"\nitems = []", "add at least one"),
    (
        "[[pool]]\nname = \"p\"\nitems = [{ id = \"a\", weight = 0 }]",
        "sum to 0",
    ),
    (
        "[[pool]]\nname = \"p\"\nitems = [
          { id = \"a\", weight = 9223372036854775807 },
          { id = \"b\", weight = 9223372036854775807 },
          { id = \"c\", weight = 2 }]",
        "scale them down",
    ),
    (
        "[[pool]]\nname = \"p\"\nitems = [{ id = \"a\", weight = -1 }]",
        ":3:",
    ),
    (
        "[[pool]]\nname = \"p\"\nitems = [{ id = \"a\", weight = 1, stock = -5 }]",
        ":3:",
    ),
    (
        "[[pool]]\nname = \"p\"\nitems = [\n{ id = \"a\", weight = 1 },\n{ id = \"a\", weight = 1 }]",
        ":5:",
    ),
    ("[engine]\nshard = 2", ":2:1: unknown key \"shard\""),
    ("[engine]\nidle = \"rest\"", ":2:"),
    ("[engine\n", ":1:"),
];

#[test]
fn mistakes_in_a_file_are_told_with_their_lines() {
    for (config, says) in MISTAKES {
        let place = Place::with(&format!("{config}\n"));
        let file = place.text("pools.toml");
        let checked = tombola(&["config", "check", &file]).ends(2);
        assert!(checked.out.contains(says), "{config}: {}", checked.out);
        let drawn = place.draw(&[]).ends(2);
        assert!(drawn.err.contains(says), "{config}: {}", drawn.err);
        assert!(!place.path("data").exists());
        let verdict = tombola(&["config", "check", &file, "--json"])
            .ends(2)
            .json();
        assert_eq!(verdict["ok"], false);
        assert!(
            verdict["mistakes"][0]["line"].is_u64(),
            "{config}: {verdict}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let place = Place::with("[engine]\nshards = -1\nfoo = 2\n\n[wal]\nbar = 3\n");
    let file = place.text("pools.toml");
    let verdict = tombola(&["config", "check", &file, "--json"])
        .ends(2)
        .json();
    let lines: Vec<_> = (0..3)
        .map(|at| verdict["mistakes"][at]["line"].as_u64())
        .collect();
    assert_eq!(lines, [Some(2), Some(3), Some(6)]);
}

#[test]
fn a_file_without_pools_or_no_file_is_refused() {
    let place = Place::with("[engine]\nshards = 1\n");
    let said = place.draw(&[]).ends(2);
    assert!(said.err.contains("config example"), "{}", said.err);
    let data = place.text("data");
    let said = tombola(&["draw", &place.text("nope"), "--data", &data]).ends(2);
    assert!(said.err.contains("nope"), "{}", said.err);
}

#[test]
fn a_directory_that_cannot_be_made_or_written() {
    let place = Place::with(BANNER);
    let file = place.text("pools.toml");
    // A file is in the way; that stops even the superuser.
    for data in [format!("{file}/data"), file.clone()] {
        let said = tombola(&["draw", &file, "--data", &data, "--count", "1"]).ends(1);
        assert!(said.err.contains("cannot"), "{}", said.err);
    }
    assert_eq!(place.read("pools.toml"), BANNER);
}

#[test]
fn a_full_directory() {
    let place = Place::with(BANNER);
    // No file may become larger than half a segment; the signal that tells so is ignored.
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_tombola"), "draw"]);
    command.args([&place.text("pools.toml"), "--data", &place.text("data")]);
    command.args(["--segment-bytes", "4MiB", "--idle", "park", "--no-pin"]);
    let said = said(&mut command).ends(1);
    assert!(said.err.contains("cannot prepare"), "{}", said.err);
    place.draw(&["--count", "10"]).ends(0);
}

#[test]
fn acknowledgements_that_cannot_be_written() {
    let place = Place::with(BANNER);
    let (config, data) = (place.text("pools.toml"), place.text("data"));
    let arguments = ["draw", &config, "--data", &data, "--count", "50", "--acks"];
    let said = tombola(&[&arguments, ["/dev/full"].as_slice()].concat()).ends(1);
    assert!(
        said.err.contains("cannot write to /dev/full"),
        "{}",
        said.err
    );
    // What was drawn by then is durable all the same.
    place.data("verify", &[]).ends(0);
}

#[test]
fn a_directory_of_something_else() {
    let place = Place::with(BANNER);
    fs::create_dir(place.path("data")).expect("a directory");
    fs::write(place.path("data/holiday.jpg"), "a beach").expect("a file");
    for verb in ["state", "log", "verify", "recover", "snapshot"] {
        let said = place.data(verb, &[]).ends(2);
        assert!(
            said.err.contains("not a tombola data directory"),
            "{}",
            said.err
        );
    }
    let said = place.draw(&["--count", "1"]).ends(2);
    assert!(
        said.err.contains("for a new one, an empty directory"),
        "{}",
        said.err
    );
    let beach = fs::read_to_string(place.path("data/holiday.jpg"));
    assert_eq!(beach.expect("it is still there"), "a beach");
}

#[test]
fn a_directory_that_is_not_there_is_not_made_by_looking() {
    let place = Place::with(BANNER);
    for verb in ["state", "log", "verify", "recover", "snapshot"] {
        place.data(verb, &[]).ends(2);
        assert!(!place.path("data").exists(), "{verb}");
    }
    let missing = place.text("segment");
    let said = tombola(&["inspect", &missing]).ends(2);
    assert!(said.err.contains("cannot open"), "{}", said.err);
    for (path, says) in [("pools.toml", "is not a segment"), ("", "is a directory")] {
        let said = tombola(&["inspect", &place.text(path)]).ends(2);
        assert!(
            said.err.contains(says) && said.out.is_empty(),
            "{}",
            said.err
        );
    }
}

#[test]
fn an_archive_that_cannot_be_made_is_told_before_anything_is_drawn() {
    let place = Place::with(BANNER);
    // A file is in the way; that stops even the superuser.
    let archive = place.text("pools.toml/archive");
    let said = place.draw(&["--count", "100", "--archive-dir", &archive]);
    let said = said.ends(1);
    assert!(
        said.err.contains("cannot make the directory"),
        "{}",
        said.err
    );
    assert_eq!(place.read("acks"), "");
    let state = place.data("state", &["--json"]).ends(0).json();
    assert_eq!(state["pools"], serde_json::json!([]));
}

#[test]
fn another_number_of_shards_and_another_definition() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "10", "--shards", "2"]).ends(0);
    let said = place.draw(&["--count", "10", "--shards", "3"]).ends(2);
    assert!(said.err.contains("has 2 shards, not 3"), "{}", said.err);
    let changed = BANNER.replace("weight = 10", "weight = 11");
    fs::write(place.path("pools.toml"), changed).expect("it can be written");
    let said = place.draw(&["--count", "10"]).ends(2);
    assert!(said.err.contains("another definition"), "{}", said.err);
    assert!(said.err.contains("use `tombola apply`"), "{}", said.err);
    assert_eq!(place.acks().len(), 10);
}

#[test]
fn a_version_from_the_future() {
    let place = Place::with(BANNER);
    place.draw(&["--count", "10"]).ends(0);
    let path = place.path("data/engine.json");
    let mut meta: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("the description")).expect("JSON");
    meta["version"] = 7.into();
    // With the checksum that it had, it would be this version's, and damaged.
    meta["crc"] = "00000000".into();
    fs::write(&path, meta.to_string()).expect("it can be written");
    let before = place.files();
    for verb in ["state", "log", "verify", "recover", "snapshot"] {
        let said = place.data(verb, &[]).ends(1);
        assert!(said.err.contains("use a newer one"), "{}", said.err);
    }
    let said = place.draw(&["--count", "10"]).ends(1);
    assert!(said.err.contains("format version 7"), "{}", said.err);
    assert_eq!(place.files(), before);
}

#[test]
fn usage_is_told() {
    for arguments in [
        ["draw"].as_slice(),
        &["draw", "pools.toml"],
        &["state"],
        &["inspect"],
        &["nonsense"],
        &[],
    ] {
        let said = tombola(arguments).ends(2);
        assert!(said.err.contains("Usage"), "{}", said.err);
    }
    assert!(!Path::new("data").exists());
}
