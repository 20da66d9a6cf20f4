//! The whole path: a client's ring, the shard, the log, the storage, and back.
//!
//! Durable figures belong beside the device's own time in the same run: see `tombola bench`.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tombola::{
    Client, Durability, Engine, LogFormat, PoolDefinition, PoolHandle, Request, StorageKind,
};

const ITEMS: u64 = 1_000;
const DRAWS: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(10);

fn pool() -> PoolDefinition {
    (0..ITEMS).fold(PoolDefinition::new("thousand"), |pool, item| {
        pool.unlimited(format!("{item}"), item % 97 + 1)
    })
}

/// Draws with as many requests under way as the rings hold.
fn draw(client: &mut Client, pool: &PoolHandle, count: usize) {
    let batch = vec![Request::from(pool); 1024];
    let (mut submitted, mut answered) = (0, 0);
    while answered < count {
        let wanted = batch.len().min(count - submitted);
        let taken = client
            .submit_batch(&batch[..wanted])
            .expect("the shard runs")
            .count;
        let polled = client.poll_with(|_| {}).expect("the shard runs");
        (submitted, answered) = (submitted + taken, answered + polled);
        if taken + polled == 0 {
            std::thread::yield_now();
        }
    }
}

fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draws, one client and one shard");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(DRAWS as u64));
    let all = [
        (StorageKind::None, LogFormat::Bincode, Durability::Memory),
        (StorageKind::Mmap, LogFormat::Bincode, Durability::Kernel),
        (StorageKind::File, LogFormat::Bincode, Durability::Device),
        (StorageKind::Uring, LogFormat::Bincode, Durability::Device),
        (StorageKind::Uring, LogFormat::Line, Durability::Device),
        (StorageKind::Uring, LogFormat::Jsonl, Durability::Device),
    ];
    for (storage, format, durability) in all {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let builder = Engine::builder(directory.path()).shards(1);
        let engine = builder
            .storage(storage)
            .format(format)
            .durability(durability)
            .open()
            .expect("it opens");
        let pool = engine.register(pool()).expect("it registers");
        let mut client = engine.client().expect("a client");
        group.bench_function(
            format!("{storage:?}, {format:?}, {durability:?}"),
            |bencher| {
                bencher.iter(|| draw(&mut client, &pool, DRAWS));
            },
        );
    }
    group.finish();
}

fn lone_draw(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a lone draw, there and back");
    let engine = Engine::in_memory().shards(1).open().expect("it opens");
    let pool = engine.register(pool()).expect("it registers");
    let mut client = engine.client().expect("a client");
    group.bench_function("without a log", |bencher| {
        bencher.iter_custom(|rounds| {
            let begun = Instant::now();
            for _ in 0..rounds {
                client.draw(&pool, LIMIT).expect("an answer");
            }
            begun.elapsed()
        });
    });
    group.finish();
}

criterion_group!(benches, draws, lone_draw);
criterion_main!(benches);
