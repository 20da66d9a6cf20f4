//! `PoolDefinition::changes_to`: what it says can be done, and leads to the pool that was wanted;
//! what it refuses could not have been done.

mod common;

use std::collections::HashSet;

use proptest::{collection::vec, option, prelude::*};
use tombola::{Error, ItemDefinition, OnExhausted, PoolDefinition};

const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A pool of some of the items, in some order; small numbers meet often, large ones leave no room.
fn pool() -> impl Strategy<Value = PoolDefinition> {
    let weight = prop_oneof![4 => 0..4u64, 1 => Just(u64::MAX / 2), 1 => Just(u64::MAX - 3)];
    let stock = option::weighted(0.8, prop_oneof![4 => 0..4u64, 1 => Just(u64::MAX - 1)]);
    let items = vec((weight, stock, any::<bool>()), IDS.len());
    let order = Just(IDS.to_vec()).prop_shuffle();
    let time = || option::weighted(0.3, 1..4u64);
    (items, order, any::<bool>(), any::<bool>(), time(), time())
        .prop_map(|(items, order, is_open, has_no_prizes, opens, closes)| {
            let items = order
                .iter()
                .zip(items)
                .filter(|(_, (.., is_there))| *is_there);
            let on_exhausted = if has_no_prizes {
                OnExhausted::NoPrize
            } else {
                OnExhausted::Renormalise
            };
            let pool = PoolDefinition {
                is_open,
                on_exhausted,
                items: items
                    .map(|(id, (weight, stock, _))| ItemDefinition {
                        id: *id,
                        weight,
                        stock,
                    })
                    .collect(),
                ..PoolDefinition::new("p")
            };
            pool.window(opens, closes)
        })
        .prop_filter("it can be registered", |pool| pool.validate().is_ok())
}

/// Whether units that came in would have to go, or a kind of stock would have to change.
fn is_impossible(now: &PoolDefinition, wanted: &PoolDefinition) -> bool {
    let item = |id: &str| now.items.iter().find(|item| item.id == id);
    now.on_exhausted != wanted.on_exhausted
        || wanted.items.iter().any(|wanted| match item(wanted.id) {
            Some(now) => match (now.stock, wanted.stock) {
                (Some(now), Some(wanted)) => wanted < now,
                (now, wanted) => now != wanted,
            },
            None => false,
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000 * common::long() as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_pool_becomes_what_is_wanted_or_cannot(now in pool(), wanted in pool(), and_then in pool()) {
        let engine = common::in_memory(1).open().unwrap();
        let handle = engine.register(now.clone()).unwrap();
        let (mut now, mut retired) = (now, HashSet::new());
        for wanted in [wanted, and_then] {
            let gone: HashSet<&str> = retired.iter().map(String::as_str).collect();
            let changes = now.changes_to(&wanted, &gone);
            let comes_back = wanted.items.iter().any(|item| gone.contains(item.id));
            let is_impossible = comes_back || is_impossible(&now, &wanted);
            prop_assert_eq!(changes.is_err(), is_impossible, "{:?}", changes);
            // The engine knows by itself what was retired, and what order the items have.
            let told = engine.changes_to(&wanted).ok();
            prop_assert_eq!(told.as_ref().map(Vec::len), changes.as_ref().ok().map(Vec::len));
            let changes = told.ok_or(());
            let Ok(changes) = changes else {
                break;
            };
            prop_assert_eq!(changes.is_empty(), now.difference(&wanted).is_none());
            engine.edit(handle.id(), &changes).unwrap();
            let as_wanted = engine.register(wanted.clone()).unwrap();
            prop_assert_eq!(as_wanted.id(), handle.id());
            if !changes.is_empty() {
                let conflicts = matches!(engine.register(now.clone()), Err(Error::PoolConflict { .. }));
                prop_assert!(conflicts);
            }
            let kept = |id: &String| wanted.items.iter().any(|item| item.id == id);
            let ids = now.items.iter().map(|item| item.id.to_owned());
            retired.extend(ids.filter(|id| !kept(id)));
            now = wanted;
        }
    }
}
