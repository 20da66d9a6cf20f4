//! The catalogue of the Go service that this engine succeeds, which loads as a pool.
//!
//! ```json
//! {"catalog": [{"item_id": "gold", "quantity": 100, "probability": 10}]}
//! ```
//!
//! A `quantity` of -1 is unlimited. The pool is called like the file, without its extension, and
//! `catalog` where there is no file.

use super::{
    mistake::Mistakes,
    pools::{Draft, Pools},
    tree::{Entry, Node, Value},
    value::{self, unknown_key},
};
use crate::pool::{ItemDefinition, PoolDefinition};

const ITEM_KEYS: [&str; 3] = ["item_id", "quantity", "probability"];

/// Reads the list of items into a pool of the given name.
pub(super) fn read(entry: Entry<'_>, name: &str, pools: &mut Pools, mistakes: &mut Mistakes<'_>) {
    let before = mistakes.count();
    let at = entry.at();
    let mut pool = PoolDefinition::new(name);
    let mut item_places = Vec::new();
    for node in entry.node.into_list("catalog", mistakes) {
        let at = node.at();
        if let Some(item) = item(node, mistakes) {
            pool.items.push(&item);
            item_places.push(at);
        }
    }
    let complete = mistakes.count() == before;
    let draft = Draft {
        pool,
        at,
        item_places,
        complete,
    };
    pools.add(draft, mistakes);
}

/// `None` for an item that cannot be told by its id; whatever is wrong is noted.
fn item(node: Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<ItemDefinition> {
    let at = node.at();
    let before = mistakes.count();
    let entries = node.into_table("an item", mistakes);
    if mistakes.count() > before {
        return None;
    }
    value::repeated_keys(&entries, mistakes);
    let (mut id, mut quantity, mut probability) = (None, None, None);
    for entry in entries {
        match entry.key.as_ref() {
            "item_id" => id = Some(value::text(&entry, mistakes)),
            "quantity" => quantity = Some(self::quantity(&entry, mistakes)),
            "probability" => probability = Some(value::number(&entry, mistakes)),
            _ => unknown_key(&entry, "an item of the catalogue", &ITEM_KEYS, mistakes),
        }
    }
    let missing = [
        ("item_id", id.is_none()),
        ("quantity", quantity.is_none()),
        ("probability", probability.is_none()),
    ];
    for (key, _) in missing.into_iter().filter(|&(_, missing)| missing) {
        mistakes.add(
            at,
            format_args!("this item of the catalogue has no {key}; give it one"),
        );
    }
    Some(ItemDefinition {
        id: id.flatten()?,
        weight: probability.flatten().unwrap_or(0),
        stock: quantity.flatten(),
    })
}

/// `None` is unlimited, or a mistake that is noted.
fn quantity(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    match entry.node.value {
        Value::Integer(-1) => None,
        Value::Integer(number) if number < 0 => {
            let written = entry.node.written(mistakes.source);
            mistakes.add(
                entry.node.at(),
                format_args!(
                    "quantity = {written} is negative; only -1 is allowed, for an unlimited item"
                ),
            );
            None
        }
        _ => value::number(entry, mistakes),
    }
}
