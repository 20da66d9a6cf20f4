//! The odds of a pool on all shards: those of a single shard, to the last unit.
//!
//! What is handed out for any set of requests that are all answered is distributed as one shard
//! would do it, however the requests were spread and whatever raced: so the first tests compare
//! small pools with every possible course of events, and the last one compares large pools with
//! the engine on one shard, during the whole drain.

mod common;

#[path = "common/chi_square.rs"]
mod chi_square;

use std::collections::BTreeMap;

use chi_square::{p_value, p_value_of_two};
use common::LIMIT;
use tombola::{
    Client, Engine, Idle, OnExhausted, Outcome, Placement, PoolDefinition, PoolHandle, Request,
};

fn engine(shards: usize, seed: u64) -> Engine {
    Engine::in_memory()
        .shards(shards)
        .pin(false)
        .idle(Idle::Yield)
        .seed(seed)
        .open()
        .unwrap()
}

/// Weights and stocks of a pool so small that all that can happen can be counted.
const SMALL: [(u64, u64); 3] = [(1, 1), (2, 2), (4, 1)];

fn small(name: usize, on_exhausted: OnExhausted, placement: Placement) -> PoolDefinition {
    let pool = PoolDefinition::new(format!("p{name}"))
        .placement(placement)
        .on_exhausted(on_exhausted);
    (0..)
        .zip(SMALL)
        .fold(pool, |pool, (item, (weight, stock))| {
            pool.item(format!("i{item}"), weight, stock)
        })
}

/// What a draw came to: an item, no prize, or nothing because nothing is left.
type Answer = Option<Option<u32>>;

/// Every course that so many draws one after the other can take, with its probability.
fn courses(draws: usize, on_exhausted: OnExhausted) -> BTreeMap<Vec<Answer>, f64> {
    let mut courses = BTreeMap::new();
    let mut open = vec![(Vec::new(), SMALL, 1.0)];
    while let Some((answers, items, probability)) = open.pop() {
        if answers.len() == draws {
            *courses.entry(answers).or_default() += probability;
            continue;
        }
        let mut go_on = |answer: Answer, items, chance: f64| {
            let answers = [answers.clone(), vec![answer]].concat();
            open.push((answers, items, probability * chance));
        };
        if items.iter().all(|(_, stock)| *stock == 0) {
            go_on(None, items, 1.0);
            continue;
        }
        let counts = |stock: u64| stock > 0 || on_exhausted == OnExhausted::NoPrize;
        let total: u64 = items
            .iter()
            .filter(|(_, stock)| counts(*stock))
            .map(|(weight, _)| weight)
            .sum();
        for (place, (weight, stock)) in items.into_iter().enumerate() {
            let chance = weight as f64 / total as f64;
            if stock > 0 {
                let mut items = items;
                items[place].1 -= 1;
                go_on(Some(Some(place as u32)), items, chance);
            } else if counts(stock) {
                go_on(Some(None), items, chance);
            }
        }
    }
    courses
}

fn answer_of(completion: &tombola::Completion) -> Answer {
    match completion.outcome {
        Outcome::Exhausted => None,
        Outcome::NoPrize => Some(None),
        _ => Some(completion.items().next().expect("an answer")),
    }
}

/// Which draw meets which transfer differs from run to run, so every run is a sample of its own: one
/// in a million may look like this by chance.
const P_MIN: f64 = 1e-6;

fn assert_fits(expected: &BTreeMap<Vec<Answer>, f64>, found: &BTreeMap<Vec<Answer>, u64>) {
    for course in found.keys() {
        assert!(expected.contains_key(course), "{course:?} cannot happen");
    }
    let observed: Vec<u64> = expected
        .keys()
        .map(|course| found.get(course).copied().unwrap_or(0))
        .collect();
    let mut shares: Vec<f64> = expected.values().copied().collect();
    let p = p_value(&observed, &shares);
    assert!(p > P_MIN, "p = {p}: {found:?}");
    // A test that cannot fail proves nothing.
    shares.iter_mut().step_by(2).for_each(|share| *share *= 3.0);
    assert!(p_value(&observed, &shares) < P_MIN);
}

#[test]
fn draws_one_after_the_other_take_every_course_with_its_probability() {
    for on_exhausted in [OnExhausted::Renormalise, OnExhausted::NoPrize] {
        for shards in [2, 3] {
            let engine = engine(shards, 11);
            let mut client = engine.client().unwrap();
            let mut found = BTreeMap::new();
            for name in 0..2_000 * common::long() {
                let pool = small(name, on_exhausted, Placement::AllShards);
                let pool = engine.register(pool).unwrap();
                // The key decides which shard a request goes to.
                let course: Vec<Answer> = (0..5)
                    .map(|draw| {
                        let request = Request::from(&pool).key((name * 5 + draw) as u128);
                        answer_of(&client.draw(request, LIMIT).unwrap())
                    })
                    .collect();
                *found.entry(course).or_default() += 1;
            }
            assert_fits(&courses(5, on_exhausted), &found);
        }
    }
}

/// Draws that many at once, on whatever shards, and waits for all answers.
fn draw_at_once(client: &mut Client, requests: &[Request]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let begun = std::time::Instant::now();
    let mut left = requests;
    while !left.is_empty() || client.open_requests() > 0 {
        if !left.is_empty() {
            let taken = client.submit_batch(left).unwrap();
            left = &left[taken.count..];
        }
        client
            .poll_with(|completion| answers.push(answer_of(&completion)))
            .unwrap();
        std::thread::yield_now();
        assert!(begun.elapsed() < LIMIT);
    }
    answers
}

#[test]
fn draws_at_once_come_to_the_same_together() {
    let engine = engine(3, 12);
    let mut client = engine.client().unwrap();
    let mut found = BTreeMap::new();
    for name in 0..6_000 * common::long() {
        let pool = small(name, OnExhausted::Renormalise, Placement::AllShards);
        let pool = engine.register(pool).unwrap();
        let requests = [0, 1, 2].map(|draw| Request::from(&pool).key((name * 3 + draw) as u128));
        let mut answers = draw_at_once(&mut client, &requests);
        answers.sort_unstable();
        *found.entry(answers).or_default() += 1;
    }
    let mut expected = BTreeMap::new();
    for (mut course, probability) in courses(3, OnExhausted::Renormalise) {
        course.sort_unstable();
        *expected.entry(course).or_default() += probability;
    }
    assert_fits(&expected, &found);
}

const LARGE_UNITS: usize = 1_200;
const WINDOWS: usize = 10;

/// From one unit to hundreds, and weights that empty some of them early.
fn large(name: usize, placement: Placement, weights: [u64; 8]) -> PoolDefinition {
    let pool = PoolDefinition::new(format!("p{name}")).placement(placement);
    let stocks = [1, 2, 7, 30, 100, 160, 400, 500];
    (0..)
        .zip(stocks.into_iter().zip(weights))
        .fold(pool, |pool, (item, (stock, weight))| {
            pool.item(format!("i{item}"), weight, stock)
        })
}

/// How often each item comes in each part of a drain.
fn drain_in_windows(client: &mut Client, pool: &PoolHandle) -> Vec<[u64; 8]> {
    let window = vec![Request::from(pool); LARGE_UNITS / WINDOWS];
    let counts = (0..WINDOWS).map(|_| {
        let mut counts = [0; 8];
        for answer in draw_at_once(client, &window) {
            let item = answer.flatten().expect("the pool is not empty");
            counts[item as usize] += 1;
        }
        counts
    });
    let counts = counts.collect();
    let after = draw_at_once(client, &window[..4]);
    assert_eq!(after, [None; 4], "the pool is empty");
    counts
}

/// Many drains of pools of the same kind.
fn drains(placement: Placement, shards: usize, weights: [u64; 8]) -> Vec<Vec<[u64; 8]>> {
    let engine = engine(shards, 100 * shards as u64 + weights[7]);
    let mut client = engine.client().unwrap();
    let drain = |name| {
        let pool = engine.register(large(name, placement, weights)).unwrap();
        drain_in_windows(&mut client, &pool)
    };
    (0..200 * common::long()).map(drain).collect()
}

/// How likely it is that two series of drains are as far from each other if they are of one kind:
/// the least likely of all items and windows. Counts of one drain depend on each other, but the
/// drains do not; so what is compared is how many drains had so many of an item in a window.
fn p_value_min(one: &[Vec<[u64; 8]>], other: &[Vec<[u64; 8]>]) -> f64 {
    let cells = (0..WINDOWS).flat_map(|window| (0..8).map(move |item| (window, item)));
    let p_values = cells.map(|(window, item)| {
        let counts = |drains: &[Vec<[u64; 8]>]| -> Vec<u64> {
            drains.iter().map(|drain| drain[window][item]).collect()
        };
        let (one, other) = (counts(one), counts(other));
        let mut limits = [&one[..], &other[..]].concat();
        limits.sort_unstable();
        let mut limits: Vec<u64> = limits.into_iter().step_by(one.len() / 4).collect();
        limits.dedup();
        let histogram = |counts: &[u64]| {
            let mut histogram = vec![0; limits.len() + 1];
            for count in counts {
                histogram[limits.partition_point(|limit| limit <= count)] += 1;
            }
            histogram
        };
        p_value_of_two(&histogram(&one), &histogram(&other))
    });
    p_values.fold(1.0, f64::min)
}

#[test]
fn a_whole_drain_is_that_of_one_shard() {
    let weights = [3, 4, 16, 64, 3, 4, 16, 64];
    let single = drains(Placement::OneShard, 1, weights);
    for shards in [2, 3] {
        let p = p_value_min(&single, &drains(Placement::AllShards, shards, weights));
        assert!(p > P_MIN, "{shards} shards: p = {p}");
    }
    // A test that cannot fail proves nothing: one weight that is off is found.
    let wrong = drains(Placement::AllShards, 2, [3, 4, 16, 64, 3, 4, 16, 80]);
    assert!(p_value_min(&single, &wrong) < P_MIN);
}
