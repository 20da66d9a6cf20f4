//! A pool changes, and what is drawn from it then agrees with the odds that the engine tells.

mod common;

#[path = "common/chi_square.rs"]
mod chi_square;

use chi_square::p_value;
use common::LIMIT;
use tombola::{
    Client, Engine, ItemDefinition, OnExhausted, PoolChange, PoolDefinition, PoolHandle, Request,
};

const DRAWS: usize = 40_000;

/// Draws one and ten at a time; how often each item came, and "no prize" at last.
fn counts(client: &mut Client, pool: &PoolHandle, items: usize) -> Vec<u64> {
    let mut counts = vec![0; items + 1];
    let mut drawn = 0;
    let requests = [Request::from(pool), Request::from(pool).count(10)];
    while drawn < DRAWS * common::long() {
        for request in requests {
            let completion = client.draw(request, LIMIT).unwrap();
            for item in completion.items() {
                counts[item.map_or(items, |item| item as usize)] += 1;
            }
            drawn += completion.items().len();
        }
    }
    counts
}

/// Draws, and compares with the odds as they were told before.
fn assert_odds(engine: &Engine, pool: &PoolHandle, expected: &[u64]) {
    let odds = engine.odds(pool.id()).unwrap();
    let mut weights = vec![0; expected.len()];
    for item in &odds.items {
        weights[item.place as usize] = item.weight;
    }
    *weights.last_mut().unwrap() = odds.no_prize_weight;
    assert_eq!(weights, expected);
    assert_eq!(odds.total_weight, expected.iter().sum::<u64>());
    let mut shares = vec![0.0; expected.len()];
    for item in &odds.items {
        shares[item.place as usize] = odds.probability(item);
    }
    *shares.last_mut().unwrap() = odds.no_prize_probability();
    let mut client = engine.client().unwrap();
    let seen = counts(&mut client, pool, expected.len() - 1);
    let p = p_value(&seen, &shares);
    assert!(p > 0.001, "p = {p}: {seen:?} for {expected:?}");
}

/// An item that is sold out, one of which there is much, one that never runs out.
fn open(mode: OnExhausted) -> (Engine, PoolHandle) {
    let engine = common::in_memory(1).seed(5).open().unwrap();
    let pool = PoolDefinition::new("p")
        .on_exhausted(mode)
        .item("sold out", 30, 0)
        .item("much", 20, u64::MAX / 2)
        .unlimited("dust", 50);
    let pool = engine.register(pool).unwrap();
    (engine, pool)
}

fn weight(item: &str, weight: u64) -> PoolChange {
    let item = item.into();
    PoolChange::Weight { item, weight }
}

fn restock(item: &str, units: u64) -> PoolChange {
    let item = item.into();
    PoolChange::Restock { item, units }
}

#[test]
fn the_odds_follow_every_change() {
    for (mode, nothing) in [(OnExhausted::Renormalise, 0), (OnExhausted::NoPrize, 30)] {
        let (engine, pool) = open(mode);
        let edit = |changes: &[PoolChange]| engine.edit(pool.id(), changes).unwrap();
        assert_odds(&engine, &pool, &[0, 20, 50, nothing]);
        edit(&[weight("much", 45), weight("dust", 5)]);
        assert_odds(&engine, &pool, &[0, 45, 5, nothing]);
        edit(&[restock("sold out", u64::MAX / 2)]);
        assert_odds(&engine, &pool, &[30, 45, 5, 0]);
        edit(&[PoolChange::Retire {
            item: "much".into(),
        }]);
        assert_odds(&engine, &pool, &[30, 0, 5, 0]);
        let item = ItemDefinition {
            id: "new".into(),
            weight: 15,
            stock: None,
        };
        edit(&[PoolChange::Add { item }]);
        assert_odds(&engine, &pool, &[30, 0, 5, 15, 0]);
        // What is in stock, but has no weight, is never drawn.
        edit(&[weight("dust", 0)]);
        assert_odds(&engine, &pool, &[30, 0, 0, 15, 0]);
    }
}

#[test]
fn a_unit_that_comes_back_has_its_odds_again() {
    let engine = common::in_memory(1).seed(3).open().unwrap();
    let pool = PoolDefinition::new("p").item("a", 3, 1).item("b", 7, 1);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    let held = Request::from(&pool).hold_for(LIMIT);
    let mut seen = [0; 2];
    for _ in 0..4_000 * common::long() {
        let first = client.draw(held, LIMIT).unwrap();
        let item = first.items().next().unwrap().unwrap() as usize;
        seen[item] += 1;
        let odds = engine.odds(pool.id()).unwrap();
        assert_eq!(odds.items[item].weight, 0, "it is held");
        engine.void(&first).unwrap();
    }
    let p = p_value(&seen, &[0.3, 0.7]);
    assert!(p > 0.001, "p = {p}: {seen:?}");
}
