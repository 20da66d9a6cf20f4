//! `tombola simulate`: odds, run-outs, the picture.

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const POOLS: &str = r#"
[[pool]]
name = "banner"
items = [
  { id = "gold", weight = 10, stock = 50 },
  { id = "silver", weight = 30, stock = 600 },
  { id = "dust", weight = 60 },
]

[[pool]]
name = "small"
items = [{ id = "last", weight = 1, stock = 3 }]
"#;

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pools.toml"), POOLS).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn simulate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tombola"))
            .current_dir(self.directory.path())
            .args(["simulate", "pools.toml"])
            .args(arguments)
            .output()
            .unwrap()
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.simulate(&[arguments, &["--json"]].concat());
        let json = serde_json::from_slice(&output.stdout).expect("one JSON object");
        (output.status.code().unwrap(), json)
    }
}

#[test]
fn one_draw_is_one_and_nothing_has_no_sign() {
    let files = Files::new();
    let output = files.simulate(&["--draws", "1", "--pool", "small"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("small: 1 draw; chi-square 0.00,"), "{page}");
}

#[test]
fn a_seed_gives_the_same_sane_odds() {
    let files = Files::new();
    let arguments = ["--draws", "100000", "--seed", "7", "--pool", "banner"];
    let (code, json) = files.json(&arguments);
    assert_eq!(code, 0);
    assert_eq!(json["draws"], 100_000);
    let chi_square = &json["chi_square"];
    assert!(chi_square["statistic"].as_f64().unwrap() > 0.0);
    assert_eq!(chi_square["degrees"], 2);
    let p_value = chi_square["p_value"].as_f64().unwrap();
    assert!((0.001..=1.0).contains(&p_value), "{p_value}");
    assert_eq!(json["pools"][0]["pool"], "banner");
    let (_, again) = files.json(&arguments);
    assert_eq!(again["items"], json["items"]);
}

#[test]
fn items_run_out_in_the_order_of_their_stock() {
    let files = Files::new();
    let (_, json) = files.json(&["--draws", "20000", "--seed", "3", "--pool", "banner"]);
    let items = json["items"].as_array().unwrap();
    let (gold, silver, dust) = (&items[0], &items[1], &items[2]);
    assert_eq!(
        (&gold["item"], &gold["drawn"]),
        (&"gold".into(), &50.into())
    );
    assert_eq!(gold["remaining"], 0);
    let ran_out = |item: &Value| item["ran_out_at"].as_u64();
    assert!((50..2000).contains(&ran_out(gold).unwrap()));
    assert!(ran_out(gold) < ran_out(silver));
    assert_eq!(ran_out(dust), None);
    assert_eq!(dust["remaining"], Value::Null);
    let expected: f64 = items
        .iter()
        .map(|item| item["expected"].as_f64().unwrap())
        .sum();
    assert!((expected - 20_000.0).abs() < 0.01, "{expected}");
    let share = gold["expected_share"].as_f64().unwrap();
    assert!((share - 0.1).abs() < 1e-12, "{share}");
}

#[test]
fn sold_out_is_exit_code_4_with_a_report() {
    let files = Files::new();
    let (code, json) = files.json(&["--draws", "10", "--pool", "small"]);
    assert_eq!(code, 4);
    assert_eq!(json["draws"], 3);
    assert_eq!(json["items"][0]["ran_out_at"], 3);
    // Another pool has enough for all.
    let (code, json) = files.json(&["--draws", "100"]);
    assert_eq!((code, &json["draws"]), (0, &100.into()));
}

#[test]
fn the_picture_is_well_formed() {
    let files = Files::new();
    let output = files.simulate(&["--draws", "5000", "--plot", "odds.svg"]);
    assert!(output.status.success());
    let picture = fs::read_to_string(files.path("odds.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
    for text in ["banner: 4 997 draws", "gold", "expected", "actual"] {
        assert!(picture.contains(text), "{text}");
    }
    let opened = picture.matches("<text").count();
    assert_eq!(opened, picture.matches("</text>").count());
}

#[test]
fn mistakes_are_exit_code_2() {
    let files = Files::new();
    for arguments in [
        ["--draws", "5", "--pool", "none"],
        ["--draws", "0", "--seed", "1"],
        ["--draws", "5", "--shards", "0"],
    ] {
        let output = files.simulate(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
