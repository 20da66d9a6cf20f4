//! The tables `[[pool]]`, and what is common to all pools of a file.

use std::collections::HashMap;

use super::{
    mistake::Mistakes,
    tree::{Entry, Node, Value},
    value::{self, unknown_key},
};
use crate::pool::{ItemDefinition, PoolDefinition, PoolError};

const POOL_KEYS: [&str; 7] = [
    "name",
    "on_exhausted",
    "placement",
    "open",
    "opens_at",
    "closes_at",
    "items",
];
const ITEM_KEYS: [&str; 3] = ["id", "weight", "stock"];
/// Stands for a name that is missing or wrong, so that the rest of its pool is checked all the
/// same.
const NAMELESS: &str = "?";

/// The pools so far, and where each stands.
#[derive(Default)]
pub(super) struct Pools {
    pools: Vec<PoolDefinition>,
    places: HashMap<String, usize>,
}

/// A pool as it is read.
pub(super) struct Draft {
    pub(super) pool: PoolDefinition,
    /// Where the pool stands.
    pub(super) at: usize,
    /// Where each of its items stands.
    pub(super) item_places: Vec<usize>,
    /// Whether everything could be read, so that the sum of its weights means something.
    pub(super) complete: bool,
}

impl Pools {
    /// Reads the list of pools.
    pub(super) fn read(&mut self, node: Node<'_>, mistakes: &mut Mistakes<'_>) {
        for node in node.into_list("pool", mistakes) {
            let before = mistakes.count();
            let at = node.at();
            let entries = node.into_table("a pool", mistakes);
            if mistakes.count() == before {
                self.pool(entries, at, mistakes);
            }
        }
    }

    fn pool(&mut self, entries: Vec<Entry<'_>>, mut at: usize, mistakes: &mut Mistakes<'_>) {
        let before = mistakes.count();
        value::repeated_keys(&entries, mistakes);
        let mut name = None;
        let mut pool = PoolDefinition::new(NAMELESS);
        let mut item_places = Vec::new();
        for entry in entries {
            match entry.key.as_ref() {
                "name" => {
                    at = entry.node.at();
                    name = Some(value::text(&entry, mistakes));
                }
                "on_exhausted" => {
                    if let Some(on_exhausted) = value::choice(&entry, mistakes) {
                        pool.on_exhausted = on_exhausted;
                    }
                }
                "placement" => {
                    if let Some(placement) = value::choice(&entry, mistakes) {
                        pool.placement = placement;
                    }
                }
                "open" => pool.is_open = value::boolean(&entry, mistakes).unwrap_or(true),
                "opens_at" => pool.opens_at_ms = moment(&entry, mistakes),
                "closes_at" => pool.closes_at_ms = moment(&entry, mistakes),
                "items" => {
                    for node in entry.node.into_list("items", mistakes) {
                        let at = node.at();
                        if let Some(item) = item(node, mistakes) {
                            pool.items.push(&item);
                            item_places.push(at);
                        }
                    }
                }
                _ => unknown_key(&entry, "a pool", &POOL_KEYS, mistakes),
            }
        }
        match name {
            Some(Some(name)) => pool.name = name,
            Some(None) => {}
            None => mistakes.add(at, "this pool has no name; give it one: name = \"…\""),
        }
        let complete = mistakes.count() == before;
        let draft = Draft {
            pool,
            at,
            item_places,
            complete,
        };
        self.add(draft, mistakes);
    }

    /// Checks a pool and adds it.
    pub(super) fn add(&mut self, draft: Draft, mistakes: &mut Mistakes<'_>) {
        let Draft {
            pool,
            at,
            item_places,
            complete,
        } = draft;
        for (item, error) in pool.mistakes(mistakes.room()) {
            // With an item missing or its weight unknown these would only mislead.
            let depends_on_all = matches!(
                error,
                PoolError::Empty { .. }
                    | PoolError::ZeroWeight { .. }
                    | PoolError::WeightOverflow { .. }
            );
            if complete || !depends_on_all {
                mistakes.add(item.map_or(at, |index| item_places[index]), error);
            }
        }
        if pool.name != NAMELESS || complete {
            let first = *self.places.entry(pool.name.clone()).or_insert(at);
            if first != at {
                let line = mistakes.source.line(first);
                let name = &pool.name;
                mistakes.add(
                    at,
                    format_args!(
                        "there is a pool \"{name}\" in line {line} already; rename one of them"
                    ),
                );
            }
        }
        self.pools.push(pool);
    }

    pub(super) fn finish(self) -> Vec<PoolDefinition> {
        self.pools
    }
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
    let (mut id, mut weight, mut stock) = (None, None, None);
    for entry in entries {
        match entry.key.as_ref() {
            "id" => id = Some(value::text(&entry, mistakes)),
            "weight" => weight = Some(value::number(&entry, mistakes)),
            "stock" => stock = self::stock(&entry, mistakes),
            _ => unknown_key(&entry, "an item", &ITEM_KEYS, mistakes),
        }
    }
    if id.is_none() {
        mistakes.add(at, "this item has no id; give it one: id = \"…\"");
    }
    if weight.is_none() {
        mistakes.add(at, "this item has no weight; give it one: weight = 1");
    }
    Some(ItemDefinition {
        id: id.flatten()?,
        weight: weight.flatten().unwrap_or(0),
        stock,
    })
}

/// `None` is no limit, or a mistake that is noted.
fn moment(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    match entry.node.value {
        Value::Null => None,
        _ => value::moment(entry, mistakes),
    }
}

fn stock(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    match entry.node.value {
        Value::Null => None,
        Value::Integer(number) if number < 0 => {
            let written = entry.node.written(mistakes.source);
            mistakes.add(
                entry.node.at(),
                format_args!("stock = {written} is negative; leave it out for an unlimited item"),
            );
            None
        }
        _ => value::number(entry, mistakes),
    }
}
