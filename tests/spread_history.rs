//! What the odds of a pool on all shards were: the log of its home shard says when an item ran out
//! on all shards, and when it came back.

mod common;

use std::{path::Path, time::Instant};

use common::{FORMATS, LIMIT, STORAGES, examine};
use tombola::{
    Durability, Engine, LogFormat, Odds, OnExhausted, Placement, PoolChange, PoolDefinition,
    Request, StorageKind, recovery,
};

fn open(directory: &Path, storage: StorageKind, format: LogFormat) -> Engine {
    common::builder(directory)
        .shards(3)
        .storage(storage)
        .format(format)
        .durability(Durability::Kernel)
        .open()
        .unwrap()
}

fn weights(odds: &Odds) -> (u64, u64, Vec<u64>) {
    let items = odds.items.iter().map(|item| item.weight).collect();
    (odds.total_weight, odds.no_prize_weight, items)
}

/// What the home shard's log says of the odds after a record.
fn logged(directory: &Path, home: usize, seq: u64) -> Option<(u64, u64, Vec<u64>)> {
    let state = recovery::state_at(directory, home, seq).ok()?;
    let mut pools = state.pools().iter();
    let pool = pools.find(|pool| pool.is_registered() && pool.definition().name == "banner")?;
    Some(weights(&pool.odds(seq, 0)))
}

fn home_of(directory: &Path) -> usize {
    let examined = recovery::examine(directory, recovery::Depth::Needed).unwrap();
    let pool = examined.shards[0].partition.pools();
    pool[0].home_shard().unwrap()
}

/// Waits until the log says what the odds are.
fn agree(engine: &Engine, directory: &Path, home: usize, pool: tombola::PoolId) {
    let begun = Instant::now();
    let now = weights(&engine.odds(pool).unwrap());
    loop {
        let seq = engine.stats().unwrap().shards[home].durable_seq;
        let said = logged(directory, home, seq);
        if said.as_ref() == Some(&now) {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "{said:?} is logged, {now:?} is so");
    }
}

#[test]
fn every_change_of_the_odds_is_in_the_log_of_the_home_shard() {
    for (number, storage) in STORAGES.into_iter().enumerate() {
        let format = FORMATS[number];
        let on_exhausted = [OnExhausted::Renormalise, OnExhausted::NoPrize][number % 2];
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        let mut engine = open(directory, storage, format);
        let definition = PoolDefinition::new("banner")
            .placement(Placement::AllShards)
            .on_exhausted(on_exhausted)
            .item("crown", 1, 1)
            .item("ring", 5, 3)
            .item("sword", 50, 60)
            .unlimited("coin", 7);
        let pool = engine.register(definition).unwrap().id();
        let home = home_of(directory);
        for key in 0..40 {
            let mut client = engine.client().unwrap();
            let request = Request::from(pool).count(9).partial(true).key(key);
            let answer = client.draw(request, LIMIT).unwrap();
            agree(&engine, directory, home, pool);
            if key % 7 == 3 {
                engine.void(&answer).unwrap();
                agree(&engine, directory, home, pool);
            }
            if key % 11 == 10 {
                let restock = PoolChange::Restock {
                    item: "ring".into(),
                    units: 2,
                };
                let weight = PoolChange::Weight {
                    item: "coin".into(),
                    weight: key as u64,
                };
                engine.edit(pool, &[restock, weight]).unwrap();
                agree(&engine, directory, home, pool);
            }
            if key % 9 == 8 {
                drop(client);
                drop(engine);
                engine = open(directory, storage, format);
                agree(&engine, directory, home, pool);
            }
        }
        let odds = weights(&engine.odds(pool).unwrap());
        drop(engine);
        let examined = examine(directory);
        let last = examined.shards[home].next_seq - 1;
        assert_eq!(logged(directory, home, last), Some(odds));
        let mut changes: Vec<_> = (1..=last)
            .filter_map(|seq| logged(directory, home, seq))
            .collect();
        changes.dedup();
        assert!(changes.len() > 8, "{changes:?}");
    }
}
