//! What keys cost: memory for each that is remembered, and time for each draw, beside plain draws
//! in the same run.
//!
//! `cargo bench --bench keys` prints a line of JSON for each figure. With a kind and a number it
//! makes so many draws and nothing else, for counting instructions.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use serde_json::json;
use tombola::{Engine, EngineBuilder, PoolDefinition, PoolHandle, Request};

/// Counts the bytes that are in use.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        BYTES.fetch_add(size, Ordering::Relaxed);
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DRAWS: u64 = 1 << 20;
const REPETITIONS: usize = 5;
/// Keys that are remembered while times are taken: the default.
const REMEMBERED: usize = 64 << 10;

/// The most keys that a shard may be told to remember.
const KEYS_MAX: usize = 1 << 24;

/// What is asked for.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    count: u8,
    /// Every so many requests the keys begin again; 0 is without keys.
    keys: u64,
}

const KINDS: [Kind; 5] = [
    Kind::new("plain", 1, 0),
    Kind::new("keyed", 1, u64::MAX),
    // Remembered by the time it comes again.
    Kind::new("retried", 1, 1 << 15),
    Kind::new("ten", 10, 0),
    Kind::new("ten keyed", 10, u64::MAX),
];

impl Kind {
    const fn new(name: &'static str, count: u8, keys: u64) -> Self {
        Self { name, count, keys }
    }

    fn request(self, pool: &PoolHandle, number: u64) -> Request {
        let request = Request::from(pool).count(self.count);
        match self.keys {
            0 => request,
            keys => request.key(u128::from(number % keys) << 64 | 0xACE),
        }
    }
}

fn engine(builder: EngineBuilder) -> (Engine, PoolHandle) {
    let engine = builder.shards(1).seed(1).open().expect("an engine");
    let pool = (0..1_000).fold(PoolDefinition::new("thousand"), |pool, item| {
        pool.unlimited(format!("{item}"), item % 97 + 1)
    });
    let pool = engine.register(pool).expect("a pool");
    (engine, pool)
}

/// Makes requests with as many under way as the rings hold.
fn draw(engine: &Engine, pool: &PoolHandle, kind: Kind, first: u64, count: u64) {
    let mut client = engine.client().expect("a client");
    let (mut submitted, mut answered) = (0, 0);
    let mut batch = Vec::with_capacity(256);
    while answered < count {
        let next = first + submitted;
        let size = (count - submitted).min(256);
        batch.clear();
        batch.extend((next..next + size).map(|number| kind.request(pool, number)));
        let taken = client.submit_batch(&batch).expect("the shard runs").count as u64;
        let polled = client.poll_with(|_| {}).expect("the shard runs") as u64;
        (submitted, answered) = (submitted + taken, answered + polled);
        if taken + polled == 0 {
            thread::yield_now();
        }
    }
}

fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number") * 4096
}

/// Bytes for each key: when so many have come as are remembered, and when as many came again.
fn memory(keys: usize, kind: Kind) {
    let (engine, pool) = engine(Engine::in_memory().remember_keys(keys));
    draw(&engine, &pool, Kind { keys: 0, ..kind }, 0, 10_000);
    let before = [BYTES.load(Ordering::Relaxed), resident()];
    for turn in 1..=3u64 {
        draw(&engine, &pool, kind, turn * keys as u64, keys as u64);
        let now = [BYTES.load(Ordering::Relaxed), resident()];
        let each = |at: usize| (now[at].saturating_sub(before[at])) as f64 / keys as f64;
        let (counted, resident) = (each(0).round(), each(1).round());
        println!(
            "{}",
            json!({"bytes_per_key": counted, "resident_bytes_per_key": resident,
                "kind": kind.name, "keys": keys, "filled_times": turn})
        );
    }
    engine.shutdown().expect("a clean end");
}

/// Bytes with the first of as many keys as may be remembered: the room for the others is reserved, and
/// not resident before it is used.
fn first_key() {
    let (engine, pool) = engine(Engine::in_memory().remember_keys(KEYS_MAX));
    draw(&engine, &pool, KINDS[0], 0, 10_000);
    let before = [BYTES.load(Ordering::Relaxed), resident()];
    draw(&engine, &pool, KINDS[1], 0, 1);
    let now = [BYTES.load(Ordering::Relaxed), resident()];
    println!(
        "{}",
        json!({"bytes": now[0] - before[0], "resident_bytes": now[1].saturating_sub(before[1]),
            "kind": "first key", "keys": KEYS_MAX})
    );
    engine.shutdown().expect("a clean end");
}

/// Nanoseconds for each request, every kind in turn.
fn times(has_log: bool) {
    let mut times = [const { Vec::new() }; KINDS.len()];
    for _ in 0..REPETITIONS {
        for (kind, times) in KINDS.iter().zip(&mut times) {
            let place = tempfile::tempdir().expect("a temporary directory");
            let builder = if has_log {
                Engine::builder(place.path())
            } else {
                Engine::in_memory()
            };
            let (engine, pool) = engine(builder.remember_keys(REMEMBERED));
            draw(&engine, &pool, *kind, 0, DRAWS / 4);
            let begun = Instant::now();
            draw(&engine, &pool, *kind, DRAWS / 4, DRAWS);
            times.push(begun.elapsed().as_nanos() as u64 / DRAWS);
            engine.shutdown().expect("a clean end");
        }
    }
    for (kind, mut each) in KINDS.iter().zip(times) {
        each.sort_unstable();
        let median = each[REPETITIONS / 2];
        println!(
            "{}",
            json!({"ns_per_request": median, "kind": kind.name, "has_log": has_log, "each": each})
        );
    }
}

fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    if let (Some(name), Some(count)) = (arguments.next(), arguments.next()) {
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = *kind.expect("plain, keyed, retried, ten, ten keyed");
        let (engine, pool) = engine(Engine::in_memory().pin(false));
        draw(&engine, &pool, kind, 0, count.parse().expect("a number"));
        return;
    }
    first_key();
    for keys in [10_000, 100_000, 1_000_000] {
        for kind in [KINDS[1], KINDS[4]] {
            memory(keys, kind);
        }
    }
    times(false);
    times(true);
}
