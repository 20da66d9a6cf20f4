use std::time::Duration;

use super::*;
use crate::config::{Durability, Idle, LogFormat, StorageKind};

use ConfigFormat::{Json, Toml};

#[test]
fn the_example_says_the_defaults() {
    let file = ConfigFile::parse(EXAMPLE, Toml).unwrap();
    assert_eq!(file.config, Config::default());
    assert_eq!(
        file.pools,
        [
            PoolDefinition::new("banner")
                .item("gold", 10, 100)
                .item("silver", 30, 1000)
                .unlimited("dust", 60),
            PoolDefinition::new("raffle")
                .on_exhausted(crate::pool::OnExhausted::NoPrize)
                .item("car", 1, 1)
                .item("mug", 999, 500),
        ]
    );
}

#[test]
fn the_keys_that_the_example_leaves_out_are_read_too() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = ConfigFile::parse(&uncommented, Toml).unwrap().config;
    assert_eq!((config.shards, config.seed), (Some(2), Some(42)));
    assert!(config.archive_dir.is_some());
}

#[test]
fn both_formats_say_the_same() {
    let toml = r#"
        [engine]
        shards = 3
        idle = "park"
        pin = false
        seed = 7
        [wal]
        storage = "mmap"
        format = "jsonl"
        durability = "kernel"
        segment_bytes = 1048576
        block_bytes = "16 KiB"
        commit_delay = "200us"
        commit_records = 10
        archive_dir = "old"
        [[pool]]
        name = "p"
        on_exhausted = "no_prize"
        items = [{ id = "a", weight = 18446744073709551614 }, { id = "b", weight = 1, stock = 0 }]
    "#;
    let json = r#"{
        "engine": {"shards": 3, "idle": "park", "pin": false, "seed": 7},
        "wal": {"storage": "mmap", "format": "jsonl", "durability": "kernel",
            "segment_bytes": 1048576, "block_bytes": "16 KiB", "commit_delay": "200us",
            "commit_records": 10, "archive_dir": "old"},
        "pools": [{"name": "p", "on_exhausted": "no_prize", "items": [
            {"id": "\u0061", "weight": 18446744073709551614, "stock": null},
            {"id": "b", "weight": 1, "stock": 0}]}]
    }"#;
    let file = ConfigFile::parse(toml, Toml).unwrap();
    assert_eq!(ConfigFile::parse(json, Json), Ok(file.clone()));
    let expected = Config {
        shards: Some(3),
        idle: Idle::Park,
        pin: false,
        seed: Some(7),
        storage: StorageKind::Mmap,
        format: LogFormat::Jsonl,
        durability: Durability::Kernel,
        segment_bytes: 1 << 20,
        block_bytes: 16 << 10,
        commit_delay: Duration::from_micros(200),
        commit_records: 10,
        archive_dir: Some("old".into()),
        ..Config::default()
    };
    assert_eq!(file.config, expected);
    assert_eq!(file.pools[0].items.at(0).weight, u64::MAX - 1);
}

#[test]
fn an_empty_file_says_the_defaults() {
    for (text, format) in [
        ("", Toml),
        ("\u{feff}", Toml),
        ("{}", Json),
        ("\u{feff} {}", Json),
    ] {
        assert_eq!(ConfigFile::parse(text, format), Ok(ConfigFile::default()));
    }
}

#[test]
fn the_old_catalogue_loads_as_a_pool() {
    let text = r#"{"catalog":[
        {"item_id":"gold","quantity":100,"probability":10},
        {"item_id":"dust","quantity":-1,"probability":90}]}"#;
    let pool = |name| {
        PoolDefinition::new(name)
            .item("gold", 10, 100)
            .unlimited("dust", 90)
    };
    let parsed = ConfigFile::parse(text, Json).unwrap();
    assert_eq!(parsed.pools, [pool("catalog")]);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("summer.json");
    std::fs::write(&path, text).unwrap();
    assert_eq!(ConfigFile::read(&path).unwrap().pools, [pool("summer")]);
    // Without an extension the first character tells the format.
    let path = dir.path().join("winter");
    std::fs::write(&path, text).unwrap();
    assert_eq!(ConfigFile::read(&path).unwrap().pools, [pool("winter")]);
}

#[test]
fn files_are_read_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    assert!(matches!(ConfigFile::read(&path), Err(Error::Io { .. })));
    assert!(matches!(
        ConfigFile::read(dir.path()),
        Err(Error::Io { .. })
    ));

    std::fs::write(&path, EXAMPLE).unwrap();
    assert_eq!(ConfigFile::read(&path).unwrap().pools.len(), 2);

    std::fs::write(&path, b"[engine]\n# \xff\n").unwrap();
    let error = ConfigFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("a.toml:2:3: this is not UTF-8"), "{error}");

    // A sparse file: it has the size without the bytes.
    let file = File::create(&path).unwrap();
    file.set_len(FILE_BYTES_MAX as u64 + 1).unwrap();
    let error = ConfigFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("larger than 256 MiB"), "{error}");
}

#[test]
fn pools_open_and_close() {
    let toml = r#"
        [[pool]]
        name = "p"
        open = false
        opens_at = 1970-01-01T00:00:01Z
        closes_at = "1970-01-01T01:00:02+01:00"
        items = [{ id = "a", weight = 1 }]
    "#;
    let json = r#"{"pools": [{
        "name": "p", "open": false,
        "opens_at": "1970-01-01T00:00:01Z", "closes_at": "1970-01-01T01:00:02+01:00",
        "items": [{"id": "a", "weight": 1}]
    }]}"#;
    let pool = PoolDefinition::new("p").unlimited("a", 1);
    let pool = pool.closed().window(Some(1000), Some(2000));
    assert_eq!(
        ConfigFile::parse(toml, Toml).unwrap().pools,
        std::slice::from_ref(&pool)
    );
    assert_eq!(ConfigFile::parse(json, Json).unwrap().pools, [pool]);
    let nulls =
        r#"{"pool": [{"name": "p", "opens_at": null, "items": [{"id": "a", "weight": 1}]}]}"#;
    let file = ConfigFile::parse(nulls, Json).unwrap();
    assert_eq!(file.pools[0].opens_at_ms, None);
}

#[test]
fn wrong_times_are_told_with_their_lines() {
    for (written, says) in [
        ("open = \"no\"", "open takes true or false, not a string"),
        (
            "opens_at = 5",
            "opens_at takes a date with a time, not a whole number",
        ),
        (
            "opens_at = 2026-12-01",
            "opens_at: \"2026-12-01\" is not a date with a time",
        ),
        ("closes_at = 2026-12-01T00:00:00", "no offset from UTC"),
        ("closes_at = \"tomorrow\"", "is not a date with a time"),
        ("opens_at = 1969-12-01T00:00:00Z", "is before 1970"),
        (
            "opens_at = 2026-12-02T00:00:00Z\ncloses_at = 2026-12-01T00:00:00Z",
            "closes before it opens",
        ),
    ] {
        let text =
            format!("[[pool]]\nname = \"p\"\n{written}\nitems = [{{ id = \"a\", weight = 1 }}]");
        let error = ConfigFile::parse(&text, Toml).unwrap_err();
        assert_eq!(error.mistakes.len(), 1, "{error}");
        let mistake = &error.mistakes[0];
        assert!(mistake.message.contains(says), "{written}: {error}");
        assert!(mistake.line >= Some(2), "{written}: {error}");
    }
}
