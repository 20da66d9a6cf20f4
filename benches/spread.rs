//! Pools on all shards: how often a draw needs units from another shard while a pool is drained,
//! and how much faster two shards draw one pool than one shard.
//!
//! `cargo bench --bench spread` prints a line of JSON for each figure.
//!
//! While the shards are timed the client sleeps: all requests are in the rings before the shards may
//! begin, and the answers are read when the last one is there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tombola::{Client, Clock, Engine, Placement, PoolDefinition, PoolHandle, Request};

const ITEMS: u64 = 10;
/// Slots of a ring. An answer with a hundred items takes several.
const RING_SLOTS: usize = 1 << 17;
/// Requests that are submitted together. Each batch goes to the shard that has least to do.
const BATCH: usize = 256;
const REPETITIONS: usize = 9;
const STEP: Duration = Duration::from_micros(100);

/// Keeps shards from going on, by a clock that does not answer.
#[derive(Default)]
struct Barrier {
    is_open: AtomicBool,
    waiting: AtomicUsize,
}

impl Barrier {
    fn clock(self: &Arc<Self>) -> Clock {
        let barrier = Arc::clone(self);
        Clock::new(move || {
            if !barrier.is_open.load(Ordering::Acquire) {
                barrier.waiting.fetch_add(1, Ordering::Relaxed);
                while !barrier.is_open.load(Ordering::Acquire) {
                    thread::sleep(STEP);
                }
            }
            1
        })
    }
}

fn submit_all(client: &mut Client, mut requests: &[Request]) {
    while !requests.is_empty() {
        let taken = client.submit_batch(requests).expect("the shards run").count;
        requests = &requests[taken..];
        if taken == 0 {
            thread::yield_now();
        }
    }
}

fn answers(client: &mut Client, count: usize) {
    let mut open = count;
    while open > 0 {
        let polled = client.poll_with(|answer| assert!(answer.items().len() > 0, "{answer:?}"));
        let polled = polled.expect("the shards run");
        open -= polled;
        if polled == 0 {
            thread::yield_now();
        }
    }
}

/// Drains a pool to the last unit.
fn drain(shards: usize, units: u64) {
    let engine = Engine::in_memory().shards(shards).seed(units);
    let engine = engine.open().expect("an engine");
    let pool = PoolDefinition::new("drained").placement(Placement::AllShards);
    let pool = (0..ITEMS).fold(pool, |pool, item| {
        pool.item(format!("{item}"), item % 3 + 1, units)
    });
    let pool = engine.register(pool).expect("a pool");
    let mut client = engine.client().expect("a client");
    let draws = ITEMS * units;
    let batch = vec![Request::from(&pool); BATCH];
    let mut open = draws as usize;
    while open > 0 {
        let size = open.min(batch.len());
        submit_all(&mut client, &batch[..size]);
        answers(&mut client, size);
        open -= size;
    }
    let stats = engine.stats().expect("the shards run").shards;
    let hand_overs: u64 = stats.iter().map(|shard| shard.hand_overs).sum();
    let transfers: u64 = stats.iter().map(|shard| shard.transfers).sum();
    let percent = hand_overs as f64 * 100.0 / draws as f64;
    println!(
        "{}",
        json!({"shards": shards, "items": ITEMS, "units_per_item": units, "draws": draws,
            "hand_overs": hand_overs, "transfers": transfers, "hand_overs_percent": percent})
    );
    engine.shutdown().expect("a clean end");
}

fn drawn(engine: &Engine) -> u64 {
    let stats = engine.stats().expect("the shards run").shards;
    stats.iter().map(|shard| shard.draws).sum()
}

/// Nanoseconds for a draw, of all shards together.
fn time(shards: usize, count: u8) -> f64 {
    let most = RING_SLOTS / if count == 1 { 1 } else { 32 };
    let barrier = Arc::new(Barrier::default());
    let engine = Engine::in_memory()
        .shards(shards)
        .seed(1)
        .ring_slots(RING_SLOTS)
        .clock(barrier.clock())
        .open()
        .expect("an engine");
    let pool = |name: &str| PoolDefinition::new(name).placement(Placement::AllShards);
    let gate = engine.register(pool("gate").unlimited("wait", 1));
    let gate = gate.expect("a pool");
    let pool = (0..1_000).fold(pool("thousand"), |pool, item| {
        pool.item(format!("{item}"), item % 97 + 1, 1 << 40)
    });
    let pool: PoolHandle = engine.register(pool).expect("a pool");
    let mut client = engine.client().expect("a client");
    let request = Request::from(&pool).count(count);
    // Every slot of the rings is touched before, or it would be the kernel's pages that are timed.
    barrier.is_open.store(true, Ordering::Release);
    let batch = vec![request; BATCH];
    for _ in 0..=shards * most / BATCH {
        submit_all(&mut client, &batch);
        answers(&mut client, batch.len());
    }
    let before = drawn(&engine);
    barrier.is_open.store(false, Ordering::Release);
    // Until every shard has one; a hold has to know the time.
    let hold = Request::from(&gate).hold_for(Duration::from_hours(1));
    let mut holds = 0;
    while barrier.waiting.load(Ordering::Relaxed) < shards {
        submit_all(&mut client, &[hold]);
        holds += 1;
        thread::sleep(10 * STEP);
    }
    // As many as one shard's rings hold with their answers.
    let requests = vec![request; most - 2 * BATCH];
    for batch in requests.chunks(BATCH) {
        submit_all(&mut client, batch);
    }
    let all = (requests.len() * usize::from(count)) as u64;
    let begun = Instant::now();
    barrier.is_open.store(true, Ordering::Release);
    while drawn(&engine) - before < all {
        thread::sleep(STEP);
    }
    let elapsed = begun.elapsed();
    answers(&mut client, requests.len() + holds);
    engine.shutdown().expect("a clean end");
    elapsed.as_nanos() as f64 / all as f64
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    for shards in [2, 4] {
        for units in [10, 100, 1_000, 10_000, 100_000] {
            drain(shards, units);
        }
    }
    for count in [1, 100] {
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..REPETITIONS {
            for (shards, times) in [1, 2].into_iter().zip(&mut times) {
                times.push(time(shards, count));
            }
        }
        let [one, two] = times.each_ref().map(|times| median(times));
        println!(
            "{}",
            json!({"count": count, "one_shard_ns_per_draw": one, "two_shards_ns_per_draw": two,
                "ratio": one / two, "one_shard_each": times[0], "two_shards_each": times[1]})
        );
    }
}
