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
            applied["pools"][0]["changes"][0],
            json!({"retire": {"item": "iron"}})
        );
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
        .replace("PLACEMENT", "");
    let said = apply(&place, &fewer, &[]).ends(2);
    assert!(said.err.contains("got 50 units so far"), "{}", said.err);
    assert_eq!(items(&place), before);
    let nowhere = tombola(&[
        "apply",
        &place.text("wanted.toml"),
        "--data",
        &place.text("none"),
    ]);
    nowhere.ends(2);
}
