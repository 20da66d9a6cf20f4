//! `apply`: what differs is shown, item by item, and is what is changed.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Place, tombola};

const BEFORE: &str = r#"
[[pool]]
name = "banner"
PLACEMENT
items = [
  { id = "gold", weight = 1, stock = 50 },
  { id = "iron", weight = 3, stock = 50 },
  { id = "dust", weight = 6 },
]

[[pool]]
name = "old"
items = [{ id = "x", weight = 1 }]
"#;

const AFTER: &str = r#"
[[pool]]
name = "banner"
PLACEMENT
open = false
closes_at = 2040-01-01T00:00:00Z
items = [
  { id = "gold", weight = 2, stock = 80 },
  { id = "ruby", weight = 1, stock = 3 },
  { id = "dust", weight = 6 },
]

[[pool]]
name = "new"
items = [{ id = "y", weight = 1, stock = 1 }]
"#;

fn apply(place: &Place, config: &str, more: &[&str]) -> crate::support::Said {
    fs::write(place.path("wanted.toml"), config).expect("written");
    let (config, data) = (place.text("wanted.toml"), place.text("data"));
    tombola(&[&["apply", &config, "--data", &data], more].concat())
}

fn items(place: &Place) -> Vec<Value> {
    let state = place.data("state", &["--json"]).ends(0).json();
    let pools = state["pools"].as_array().expect("pools").iter();
    pools
        .flat_map(|pool| pool["items"].as_array().expect("items").clone())
        .collect()
}

#[test]
fn the_difference_is_shown_and_applied_once() {
    for placement in ["", "placement = \"all_shards\""] {
        let (before, after) = [BEFORE, AFTER]
            .map(|config| config.replace("PLACEMENT", placement))
            .into();
        let place = Place::with(&before);
        place.draw(&["--count", "40", "--shards", "2"]).ends(0);
        let files = place.files();
        let page = apply(&place, &after, &["--dry-run"]).ends(0).out;
        assert_eq!(
            page,
            "pool \"banner\" changes\n\
             \x20 - iron: retired\n\
             \x20 ~ gold: weight 1 -> 2\n\
             \x20 ~ gold: stock 50 -> 80, 30 more\n\
             \x20 + ruby: weight 1, stock 3\n\
             \x20 ~ takes draws until 2040-01-01T00:00:00Z\n\
             \x20 ~ closed\n\
             pool \"new\" is new\n\
             \x20 + y: weight 1, stock 1\n\
             pool \"old\" is not in the file, and stays as it is\n\
             not applied (--dry-run): 1 new pool, 1 changed pool\n"
        );
        assert_eq!(place.files(), files, "a dry run changes nothing");

        let applied = apply(&place, &after, &["--json"]).ends(0).json();
        assert_eq!(applied["applied"], true);
        assert_eq!(applied["pools"][0]["what"], "changed");
        assert_eq!(
            applied["pools"][0]["changes"],
            json!([
                {"retire": {"item": "iron", "was": {"weight": 3, "stock": 50}}},
                {"weight": {"item": "gold", "weight": 2, "was": 1}},
                {"restock": {"item": "gold", "units": 30, "was": 50}},
                {"add": {"item": {"id": "ruby", "weight": 1, "stock": 3}}},
                {"window": {"opens_at_ms": null, "closes_at_ms": 2_208_988_800_000_u64,
                    "was": {"opens_at_ms": null, "closes_at_ms": null}}},
                "close"
            ])
        );
        let added = json!([{"add": {"item": {"id": "y", "weight": 1, "stock": 1}}}]);
        assert_eq!(applied["pools"][1]["changes"], added);
        assert_eq!(applied["pools"][2]["what"], "not_in_file");
        let found = items(&place);
        let gold = found
            .iter()
            .find(|item| item["item"] == "gold")
            .expect("gold");
        assert_eq!(gold["restocked"], 30);
        assert_eq!(gold["weight"], 2);
        let sum = |what: &str| gold[what].as_u64().expect("a number");
        assert_eq!(sum("drawn") + sum("remaining"), 80);
        let iron = found
            .iter()
            .find(|item| item["item"] == "iron")
            .expect("iron");
        assert_eq!(iron["retired"], true);
        assert!(found.iter().any(|item| item["item"] == "y"));

        let again = apply(&place, &after, &[]).ends(0).out;
        assert!(again.ends_with("nothing to change\n"), "{again}");
        let again = apply(&place, &after, &["--json"]).ends(0).json();
        assert_eq!(again["applied"], false);
        assert_eq!(items(&place), found);
        place.data("verify", &[]).ends(0);
    }
}

#[test]
fn what_cannot_be_changed_is_told_before_anything_is() {
    let place = Place::with(&BEFORE.replace("PLACEMENT", ""));
    place.draw(&["--count", "4", "--shards", "1"]).ends(0);
    let before = items(&place);
    let fewer = AFTER
        .replace("stock = 80", "stock = 49")
        .replace("weight = 6", "weight = 6, stock = 1")
        .replace("PLACEMENT", "placement = \"all_shards\"");
    let old = "[[pool]]\nname = \"old\"\non_exhausted = \"no_prize\"\n\
        items = [{ id = \"x\", weight = 1 }]\n";
    let said = apply(&place, &format!("{fewer}{old}"), &[]).ends(2);
    for told in [
        "item \"gold\" of pool \"banner\" got 50 units so far",
        "item \"dust\" of pool \"banner\" cannot change between",
        "pool \"banner\" has the placement one_shard, which cannot become all_shards",
        "pool \"old\" has on_exhausted renormalise, which cannot become no_prize",
    ] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    assert_eq!(items(&place), before);
}

#[test]
fn a_directory_that_is_not_there_or_empty_is_made() {
    let wanted = AFTER.replace("PLACEMENT", "");
    for is_there in [false, true] {
        let place = Place::with("");
        let data = place.path("data");
        if is_there {
            fs::create_dir(&data).expect("a directory");
        }
        let page = apply(&place, &wanted, &["--dry-run"]).ends(0).out;
        assert!(page.contains("would be made"), "{page}");
        assert!(
            page.contains("pool \"banner\" is new\n  + gold: weight 2, stock 80\n"),
            "{page}"
        );
        assert!(page.ends_with("(--dry-run): 2 new pools, 0 changed pools\n"));
        assert_eq!(data.exists(), is_there);
        assert!(!is_there || place.files().is_empty());
        let applied = apply(&place, &wanted, &["--json", "--shards", "2"]);
        let applied = applied.ends(0).json();
        assert_eq!(applied["new_directory"], true);
        assert_eq!(applied["applied"], true);
        assert_eq!(items(&place).len(), 4);
        let again = apply(&place, &wanted, &["--json"]).ends(0).json();
        assert_eq!(again["new_directory"], false);
        assert_eq!(again["applied"], false);
    }
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let place = Place::with("");
    fs::create_dir(place.path("data")).expect("a directory");
    fs::write(place.path("data/holiday.jpg"), "a beach").expect("a file");
    for flags in [&["--dry-run"][..], &[]] {
        let said = apply(&place, &AFTER.replace("PLACEMENT", ""), flags).ends(2);
        assert!(
            said.err.contains("not a tombola data directory"),
            "{}",
            said.err
        );
    }
    assert_eq!(place.files().len(), 1);
}
