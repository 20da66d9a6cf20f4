//! Requests for several units of a pool on all shards: they collect what is on different shards,
//! and nobody is told anything that is not so.

mod common;

use std::time::Instant;

use common::LIMIT;
use tombola::{
    Client, Engine, Idle, OnExhausted, Outcome, Placement, PoolDefinition, PoolHandle, Request,
};

const SHARDS: usize = 3;

fn engine() -> Engine {
    Engine::in_memory()
        .shards(SHARDS)
        .pin(false)
        .idle(Idle::Yield)
        .seed(7)
        .open()
        .unwrap()
}

/// So many items of one unit each: with the home shard, all of them.
fn singles(name: usize, items: usize, on_exhausted: OnExhausted) -> PoolDefinition {
    let pool = PoolDefinition::new(format!("p{name}"))
        .placement(Placement::AllShards)
        .on_exhausted(on_exhausted);
    (0..items).fold(pool, |pool, item| pool.item(format!("i{item}"), 1, 1))
}

/// What a request brought, and how it ended.
fn draw(client: &mut Client, request: Request) -> (Outcome, usize) {
    let answer = client.draw(request, LIMIT).unwrap();
    let outcome = answer.outcome;
    (outcome, answer.items().flatten().count())
}

#[test]
fn a_request_is_refused_only_if_there_are_too_few() {
    for on_exhausted in [OnExhausted::Renormalise, OnExhausted::NoPrize] {
        let engine = engine();
        let mut client = engine.client().unwrap();
        for name in 0..60 * common::long() {
            let pool = engine.register(singles(name, 40, on_exhausted)).unwrap();
            let (mut left, mut refused, mut key) = (40, 0, name as u128 * 1_000);
            while refused < 4 {
                key += 1;
                // The key decides which shard a request goes to, so the units get about.
                let count = (key % 11 + 2) as usize;
                let request = Request::from(&pool).count(count as u8).key(key);
                let (outcome, drawn) = draw(&mut client, request);
                if left == 0 {
                    assert_eq!(outcome, Outcome::Exhausted);
                } else if left < count {
                    assert_eq!(outcome, Outcome::TooFew, "{left} left, {count} wanted");
                } else {
                    assert!(
                        matches!(outcome, Outcome::Items),
                        "{left} left: {outcome:?}"
                    );
                }
                refused += usize::from(left < count);
                left -= drawn;
            }
            while left > 0 {
                key += 1;
                let rest = Request::from(&pool).count(100).partial(true);
                left -= draw(&mut client, rest.key(key)).1;
            }
        }
    }
}

/// Draws one at a time until there is nothing, and then a few times more.
fn draw_singly(client: &mut Client, pool: &PoolHandle, first_key: u128) -> usize {
    let (mut drawn, mut exhausted) = (0, 0);
    for key in first_key.. {
        let (outcome, items) = draw(client, Request::from(pool).key(key));
        drawn += items;
        if outcome == Outcome::Exhausted {
            exhausted += 1;
        } else {
            assert_eq!(exhausted, 0, "the pool was not exhausted: {outcome:?}");
        }
        if exhausted == 3 {
            break;
        }
    }
    drawn
}

/// Asks for many at once until there are too few.
fn draw_together(client: &mut Client, pool: &PoolHandle, first_key: u128, count: u8) -> usize {
    let mut drawn = 0;
    for key in first_key.. {
        let (outcome, items) = draw(client, Request::from(pool).count(count).key(key));
        drawn += items;
        if matches!(outcome, Outcome::TooFew | Outcome::Exhausted) {
            break;
        }
    }
    drawn
}

#[test]
fn exhausted_is_answered_only_when_nothing_is_left() {
    for on_exhausted in [OnExhausted::Renormalise, OnExhausted::NoPrize] {
        let engine = engine();
        let [mut single, mut five, mut seven] = [(); 3].map(|()| engine.client().unwrap());
        let begun = Instant::now();
        for name in 0..300 * common::long() {
            let pool = engine.register(singles(name, 13, on_exhausted)).unwrap();
            let key = name as u128 * 3_000;
            let drawn: usize = std::thread::scope(|scope| {
                let pool = &pool;
                let five = scope.spawn(|| draw_together(&mut five, pool, key + 1_000, 5));
                let seven = scope.spawn(|| draw_together(&mut seven, pool, key + 2_000, 7));
                let single = draw_singly(&mut single, pool, key);
                [single, five.join().unwrap(), seven.join().unwrap()]
                    .iter()
                    .sum()
            });
            assert_eq!(drawn, 13);
        }
        assert!(begun.elapsed() < LIMIT * common::long() as u32);
    }
}

#[test]
fn who_leaves_while_collecting_keeps_nothing() {
    let engine = engine();
    for name in 0..100 * common::long() {
        let pool = engine
            .register(singles(name, 20, OnExhausted::Renormalise))
            .unwrap();
        let key = name as u128 * 100;
        let mut drawn = 0;
        for client in 0..3 {
            let mut leaving = engine.client().unwrap();
            let request = Request::from(&pool).count(9);
            let requests = [request.key(key + client), request.key(key + 50 + client)];
            assert_eq!(leaving.submit_batch(&requests).unwrap().count, 2);
        }
        // What they got before they left is theirs; nothing is stuck.
        let mut client = engine.client().unwrap();
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT);
            let request = Request::from(&pool).count(3).partial(true);
            let (outcome, items) = draw(&mut client, request);
            drawn += items;
            if outcome == Outcome::Exhausted {
                break;
            }
        }
        assert!(drawn <= 20);
    }
    let state = engine.stats().unwrap();
    let draws: u64 = state.shards.iter().map(|shard| shard.draws).sum();
    assert_eq!(draws, 20 * 100 * common::long() as u64);
}
