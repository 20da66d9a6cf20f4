//! What is refused, with which words, and where.

use proptest::prelude::*;

use super::*;

use ConfigFormat::{Json, Toml};

/// The mistakes of a text, as "line:column message".
fn mistakes(text: &str, format: ConfigFormat) -> Vec<String> {
    let error = ConfigFile::parse(text, format).expect_err("it has mistakes");
    error.to_string().lines().map(str::to_owned).collect()
}

/// Asserts that the mistakes stand at these places and have these words.
fn assert_mistakes(text: &str, format: ConfigFormat, expected: &[(&str, &str)]) {
    let found = mistakes(text, format);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (place, words)) in found.iter().zip(expected) {
        assert!(found.starts_with(&format!("{place}: ")), "{found}");
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn every_mistake_of_toml_is_reported_with_its_place() {
    let text = r#"
engin = 1
[engine]
shard = 2
storage = "file"
clients_max = 0
seed = -1
pin = "yes"
[wal]
storage = "urin"
segment_bytes = "64XB"
block_bytes = 5000
commit_delay = "5"
snapshot_records = 1e6
ring_slots = 4
[[pool]]
name = "p"
items = [
  { id = "a", weight = -1 },
  { id = "a", weight = 1.5 },
  { id = "b", weight = 99999999999999999999 },
  { id = "c", weigth = 1 },
  { weight = 1, stock = -1 },
  { id = "d", weight = "7" },
  7,
]
[[pool]]
name = "p"
items = []
[[pool]]
on_exhausted = "never"
[[pool]]
name = "zero"
items = [{ id = "a", weight = 0 }]
[[pool]]
name = "over"
items = [{ id = "a", weight = 18446744073709551615 }, { id = "b", weight = 1 }]
"#;
    assert_mistakes(
        text,
        Toml,
        &[
            ("2:1", "did you mean \"engine\"?"),
            ("4:1", "did you mean \"shards\"?"),
            ("5:1", "it belongs to [wal]"),
            ("6:15", "clients_max = 0 is out of bounds"),
            ("7:8", "seed = -1 is negative"),
            ("8:7", "pin takes true or false, not a string"),
            ("10:11", "`uring`"),
            ("11:17", "such as 4096"),
            ("12:15", "a multiple of 4096"),
            ("13:16", "200us"),
            ("14:20", "without a fraction or an exponent"),
            ("15:1", "it belongs to [engine]"),
            ("19:24", "weight = -1 is negative"),
            ("20:3", "two items with the id \"a\""),
            ("20:24", "multiply every weight"),
            ("21:24", "too large"),
            ("22:3", "has no weight"),
            ("22:15", "did you mean \"weight\"?"),
            ("23:3", "has no id"),
            ("23:25", "leave it out for an unlimited item"),
            ("24:24", "leave out the quotes"),
            ("25:3", "an item must be a table, not a whole number"),
            ("28:8", "pool \"p\" has no items"),
            ("28:8", "a pool \"p\" in line 17 already"),
            ("30:1", "this pool has no name"),
            ("31:16", "`renormalise`"),
            ("33:8", "sum to 0"),
            ("36:8", "sum to more than"),
        ],
    );
}

#[test]
fn every_mistake_of_json_is_reported_with_its_place() {
    let text = r#"{
  "engine": {"shards": 0, "shards": 1, "idle": null},
  "wal": [],
  "comit": 1,
  "pool": [
    {"name": "p", "items": [{"id": "a", "weight": 1e3}, {"id": "b", "weight": 1, "stock": 1.0}]},
    {"name": "q", "items": {"id": "a"}},
    3
  ],
  "catalog": [
    {"item_id": "a", "quantity": -2, "probability": 1},
    {"item_id": "b", "quantity": -1, "probability": -1},
    {"item_id": 3, "quantity": 1}
  ]
}"#;
    assert_mistakes(
        text,
        Json,
        &[
            ("2:27", "the key \"shards\" stands here twice"),
            ("2:48", "idle takes a string, not null"),
            ("3:10", "wal must be a table, not a list"),
            ("4:3", "the keys here are engine"),
            ("6:51", "multiply every weight"),
            ("6:91", "without a fraction"),
            ("7:28", "items must be a list"),
            ("8:5", "a pool must be a table"),
            ("11:34", "only -1 is allowed"),
            ("12:53", "probability = -1 is negative"),
            ("13:5", "has no probability"),
            ("13:17", "item_id takes a string"),
        ],
    );
}

#[test]
fn a_mistake_of_syntax_stops_it_with_its_place() {
    for (text, format, place) in [
        ("[engine]\nshards = \n", Toml, "2:"),
        ("[engine]\npin = true\npin = true\n", Toml, "3:1: "),
        ("{\n \"engine\": {},\n}", Json, "3:"),
        ("{\"pool\": [] // none\n}", Json, "1:"),
        ("{\"engine\": {\"idle\": \"\\ud800\"}}", Json, "1:21: "),
        ("", Json, "1:1: "),
        ("[]", Json, "1:1: "),
    ] {
        let found = mistakes(text, format);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(place), "{found:?}");
    }
}

#[test]
fn a_setting_that_contradicts_a_default_is_reported_where_it_stands() {
    let text = "[wal]\nblock_bytes = \"16MiB\"\nsegment_bytes = \"64KiB\"\n";
    assert_mistakes(text, Toml, &[("3:17", "at least twice block_bytes")]);
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [17, 100, 100_000] {
        let nested = |open: &str, close: &str| open.repeat(depth) + &close.repeat(depth);
        let texts = [
            (format!("a = {}", nested("[", "]")), Toml),
            (
                format!("a = {}1{}", "{a=".repeat(depth), "}".repeat(depth)),
                Toml,
            ),
            (format!("{}a = 1", "a.".repeat(depth)), Toml),
            (format!("[{}a]", "a.".repeat(depth)), Toml),
            (format!("{{\"a\": {}}}", nested("[", "]")), Json),
            (
                format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
                Json,
            ),
            (nested("[", "]"), Json),
        ];
        for (text, format) in texts {
            assert_eq!(mistakes(&text, format).len(), 1);
        }
    }
}

/// Text that is made of the pieces of config files, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let spaced = r#"[ ] { } [[pool]] [engine] [wal] , = : " ' """ \u "pool": "catalog": "items":
        name items id "id" weight stock -1 1e5 99999999999999999999999999999999999999999999 0x10
        1979-05-27 null true nan a.b.c é #"#;
    let mut all: Vec<_> = spaced.split_whitespace().collect();
    all.extend(["\n", "\r", " ", "\u{feff}"]);
    prop::collection::vec(prop::sample::select(all), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![".{0,200}", pieces()]) {
        for format in [Toml, Json] {
            if let Err(error) = ConfigFile::parse(&text, format) {
                prop_assert!(!error.mistakes.is_empty());
                let _ = error.to_string();
            }
        }
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(
        at in any::<prop::sample::Index>(),
        drop in 0..6usize,
        put in pieces(),
    ) {
        let chars: Vec<_> = EXAMPLE.chars().collect();
        let at = at.index(chars.len());
        let (before, after) = chars.split_at(at);
        let text: String = before.iter().copied()
            .chain(put.chars())
            .chain(after.iter().copied().skip(drop))
            .collect();
        let _ = ConfigFile::parse(&text, Toml);
    }
}
