//! Pools that live on all shards: nothing is lost or doubled, and the odds are those of one shard.

mod common;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    time::Instant,
};

use common::{FORMATS, LIMIT, STORAGES, examine};
use tombola::{
    Client, Completion, Durability, Engine, EngineBuilder, Error, Idle, OnExhausted, Outcome,
    Placement, PoolChange, PoolDefinition, PoolHandle, Request, StorageKind,
};

fn builder(directory: &Path, shards: usize) -> EngineBuilder {
    common::builder(directory)
        .shards(shards)
        .durability(Durability::Kernel)
}

fn in_memory(shards: usize, seed: u64) -> Engine {
    Engine::in_memory()
        .shards(shards)
        .pin(false)
        .idle(Idle::Yield)
        .seed(seed)
        .open()
        .unwrap()
}

/// Rare items and plenty, and one that never runs out where it is asked for.
fn banner() -> PoolDefinition {
    PoolDefinition::new("banner")
        .placement(Placement::AllShards)
        .item("crown", 1, 1)
        .item("ring", 5, 7)
        .item("sword", 50, 90)
        .item("potion", 500, 900)
}

/// Draws with many requests under way until the pool is empty.
fn drain(client: &mut Client, request: Request) -> Vec<Completion> {
    let (mut all, mut empty) = (Vec::new(), false);
    let begun = Instant::now();
    while !empty || client.open_requests() > 0 {
        if !empty {
            let _ = client.submit_batch(&[request; 16]).unwrap();
        }
        client
            .poll_with(|completion| {
                empty |= matches!(completion.outcome, Outcome::Exhausted | Outcome::TooFew);
                all.push(completion);
            })
            .unwrap();
        assert!(
            begun.elapsed() < LIMIT,
            "{} are not answered",
            client.open_requests()
        );
    }
    all
}

/// How often each item was handed out.
fn count(completions: &[Completion]) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for item in completions.iter().flat_map(Completion::items).flatten() {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn stocks(pool: &PoolHandle) -> BTreeMap<u32, u64> {
    let stocks = pool
        .definition()
        .items
        .iter()
        .map(|item| item.stock.unwrap());
    (0..).zip(stocks).collect()
}

#[test]
fn a_drain_hands_out_every_unit_once() {
    for shards in [1, 2, 3] {
        for request in [1, 3] {
            let engine = in_memory(shards, 3);
            let pool = engine.register(banner()).unwrap();
            let mut clients: Vec<_> = (0..2).map(|_| engine.client().unwrap()).collect();
            let request = Request::from(&pool).count(request).partial(true);
            let drained: Vec<Completion> = std::thread::scope(|scope| {
                let threads: Vec<_> = clients
                    .iter_mut()
                    .map(|client| scope.spawn(|| drain(client, request)))
                    .collect();
                threads
                    .into_iter()
                    .flat_map(|thread| thread.join().unwrap())
                    .collect()
            });
            assert_eq!(count(&drained), stocks(&pool), "{shards} shards");
            let stats = engine.stats().unwrap();
            let hand_overs: u64 = stats.shards.iter().map(|shard| shard.hand_overs).sum();
            assert_eq!(hand_overs > 0, shards > 1);
        }
    }
}

#[test]
fn tiny_rings_between_shards_stop_nobody() {
    let engine = Engine::in_memory()
        .shards(3)
        .pin(false)
        .exchange_slots(1)
        .seed(1)
        .open()
        .unwrap();
    let items = (0..200).map(|item| (format!("i{item}"), item % 5 + 1));
    let pool = items.fold(
        PoolDefinition::new("many").placement(Placement::AllShards),
        |pool, (id, stock)| pool.item(id, 1, stock),
    );
    let pool = engine.register(pool).unwrap();
    let drained = drain(&mut engine.client().unwrap(), Request::from(&pool).count(1));
    assert_eq!(count(&drained), stocks(&pool));
}

#[test]
fn what_was_handed_out_is_there_after_every_end() {
    for storage in STORAGES {
        for format in FORMATS {
            let directory = tempfile::tempdir().unwrap();
            let open = || {
                builder(directory.path(), 2)
                    .storage(storage)
                    .format(format)
                    .open()
                    .unwrap()
            };
            let (mut all, mut round) = (Vec::new(), 0);
            loop {
                let engine = open();
                let pool = engine.register(banner()).unwrap();
                let mut client = engine.client().unwrap();
                for _ in 0..40 {
                    let request = Request::from(&pool).count(4).partial(true);
                    all.push(client.draw(request, LIMIT).unwrap());
                }
                let ended = matches!(all.last().unwrap().outcome, Outcome::Exhausted);
                round += 1;
                match round % 3 {
                    0 => engine.shutdown().unwrap(),
                    1 => engine.snapshot().unwrap(),
                    _ => drop(engine),
                }
                let examined = examine(directory.path());
                let state = examined.pools();
                for (item, drawn) in count(&all) {
                    let found = state[0].items().nth(item as usize).unwrap();
                    assert_eq!(found.drawn, drawn, "{storage:?} {format:?} {item}");
                    assert!(found.is_conserved(), "{found:?}");
                }
                if ended {
                    assert_eq!(count(&all), stocks(&pool));
                    break;
                }
            }
        }
    }
}

#[test]
fn a_key_is_known_on_whatever_shard() {
    let directory = tempfile::tempdir().unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let engine = builder(directory.path(), 2).open().unwrap();
        let pool = engine.register(banner()).unwrap();
        let mut client = engine.client().unwrap();
        let got: Vec<Vec<_>> = (0..30u128)
            .map(|key| {
                let request = Request::from(&pool).count(5).key(key);
                let answer = client.draw(request, LIMIT).unwrap();
                assert_eq!(answer.is_replay(), !answers.is_empty());
                answer.items().collect()
            })
            .collect();
        if answers.is_empty() {
            answers = got;
        } else {
            assert_eq!(answers, got);
        }
    }
    let shards: HashSet<usize> = (0..30u128)
        .map(|key| {
            let engine = builder(directory.path(), 2).open().unwrap();
            let pool = engine.register(banner()).unwrap();
            let request = Request::from(&pool).count(5).key(key);
            engine.client().unwrap().draw(request, LIMIT).unwrap().shard
        })
        .take(8)
        .collect();
    assert_eq!(shards.len(), 2, "keys are on both shards");
}

#[test]
fn changes_reach_all_shards_and_what_is_voided_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path(), 2).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let drained = drain(&mut client, (&pool).into());
    assert_eq!(count(&drained), stocks(&pool));

    let crown = drained
        .iter()
        .find(|completion| completion.outcome == Outcome::Item(0))
        .unwrap();
    engine.void(crown).unwrap();
    let restock = PoolChange::Restock {
        item: "ring".into(),
        units: 3,
    };
    let add = PoolChange::Add {
        item: tombola::ItemDefinition {
            id: "new".into(),
            weight: 1,
            stock: Some(2),
        },
    };
    let changed = engine.edit(pool.id(), &[restock, add]).unwrap();
    assert_eq!(engine.odds(pool.id()).unwrap().items[1].remaining, Some(3));
    // What came back is known everywhere soon, and until then somewhere.
    let mut more = Vec::new();
    let begun = Instant::now();
    while more.len() < 6 {
        assert!(begun.elapsed() < LIMIT);
        let answer = client.draw(&changed, LIMIT).unwrap();
        more.extend(answer.items().flatten());
    }
    more.sort_unstable();
    assert_eq!(more, [0, 1, 1, 1, 4, 4]);

    engine.edit(pool.id(), &[PoolChange::Close]).unwrap();
    for _ in 0..4 {
        let answer = client.draw(&changed, LIMIT).unwrap();
        assert_eq!(answer.outcome, Outcome::Closed);
    }
    drop(engine);
    let engine = builder(directory.path(), 2).open().unwrap();
    assert!(matches!(
        engine.register(banner()),
        Err(Error::PoolConflict { .. })
    ));
    let again = engine.pool("banner").unwrap();
    assert_eq!(again.id(), pool.id());
    assert_eq!(again.definition().items.len(), 5);
    assert_eq!(again.definition().items.at(1).stock, Some(10));
}

#[test]
fn no_shard_stands_in_the_way_of_a_pool_on_another_place() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path(), 2)
        .storage(StorageKind::File)
        .open()
        .unwrap();
    // Several pools before it, so that it cannot have the next place on both shards.
    for name in ["a", "b", "c", "d", "e"] {
        engine
            .register(PoolDefinition::new(name).unlimited("x", 1))
            .unwrap();
    }
    let spread = engine.register(banner()).unwrap();
    let after = engine
        .register(PoolDefinition::new("f").unlimited("y", 1))
        .unwrap();
    let mut client = engine.client().unwrap();
    for pool in [&spread, &after] {
        let answer = client.draw(pool, LIMIT).unwrap();
        assert_eq!(answer.pool, pool.id());
        assert!(matches!(answer.outcome, Outcome::Item(_)));
    }
    engine.shutdown().unwrap();
    let engine = builder(directory.path(), 2).open().unwrap();
    assert_eq!(engine.pools().len(), 7);
}

#[test]
fn the_odds_are_those_of_the_whole_pool() {
    for on_exhausted in [OnExhausted::Renormalise, OnExhausted::NoPrize] {
        let engine = in_memory(2, 5);
        let pool = engine
            .register(banner().on_exhausted(on_exhausted))
            .unwrap();
        let mut client = engine.client().unwrap();
        let mut left = stocks(&pool);
        loop {
            let odds = engine.odds(pool.id()).unwrap();
            let weights = [1, 5, 50, 500];
            for (item, weight) in odds.items.iter().zip(weights) {
                let units = left[&item.place];
                assert_eq!(item.remaining, Some(units));
                assert_eq!(item.weight, if units == 0 { 0 } else { weight });
            }
            let in_stock: u64 = odds.items.iter().map(|item| item.weight).sum();
            let is_whole = on_exhausted == OnExhausted::NoPrize && in_stock > 0;
            assert_eq!(odds.total_weight, if is_whole { 556 } else { in_stock });
            assert_eq!(odds.no_prize_weight, odds.total_weight - in_stock);
            if in_stock == 0 {
                break;
            }
            let request = Request::from(&pool).count(9).partial(true);
            let answer = client.draw(request, LIMIT).unwrap();
            for item in answer.items().flatten() {
                *left.get_mut(&item).unwrap() -= 1;
            }
        }
    }
}
