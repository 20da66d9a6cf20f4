//! What the tests share.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod everything;

use std::{borrow::Cow, path::Path, time::Duration};

use tombola::{
    Client, Completion, Durability, Engine, EngineBuilder, Idle, LogFormat, Outcome, Placement,
    PoolDefinition, PoolHandle, Request, StorageKind,
    recovery::{self, Examination, ShardState},
    shard::partition::{CountsOnly, Pool},
};

/// Long enough for a busy machine, and for a disk that stands still for a minute.
pub(crate) const LIMIT: Duration = Duration::from_mins(4);

pub(crate) const FORMATS: [LogFormat; 3] = [LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line];
pub(crate) const STORAGES: [StorageKind; 3] =
    [StorageKind::Uring, StorageKind::Mmap, StorageKind::File];
pub(crate) const DURABILITIES: [Durability; 3] =
    [Durability::Device, Durability::Kernel, Durability::Memory];

/// An engine that is gentle to the machine and rotates often.
pub(crate) fn builder(directory: &Path) -> EngineBuilder {
    Engine::builder(directory)
        .shards(1)
        .idle(Idle::Park)
        .pin(false)
        .seed(7)
        .segment_bytes(64 << 10)
        .block_bytes(16 << 10)
        // Many on their way at once are many orders in which they can be lost.
        .partial_blocks_in_flight(4)
        .ring_slots(512)
}

/// An engine without a log, as gentle.
pub(crate) fn in_memory(shards: usize) -> EngineBuilder {
    Engine::in_memory()
        .shards(shards)
        .idle(Idle::Park)
        .pin(false)
        .seed(7)
}

pub(crate) fn banner() -> PoolDefinition {
    PoolDefinition::new("banner")
        .item("gold", 10, 100)
        .unlimited("dust", 90)
}

/// Draws `count` times with many requests under way, and returns the completions in the order in
/// which they came.
pub(crate) fn draw_many(client: &mut Client, pool: &PoolHandle, count: usize) -> Vec<Completion> {
    let requests = vec![Request::from(pool); 256];
    let mut submitted = 0;
    let mut completions = Vec::with_capacity(count);
    while completions.len() < count {
        let batch = requests.len().min(count - submitted);
        submitted += client
            .submit_batch(&requests[..batch])
            .expect("the shard runs")
            .count;
        let polled = client
            .poll_with(|completion| completions.push(completion))
            .expect("the shard runs");
        if polled == 0 {
            std::thread::yield_now();
        }
    }
    completions
}

/// What a directory holds. As far as the log is there, the state is what its records come to.
pub(crate) fn examine(directory: &Path) -> Examination {
    let audit = recovery::audit(directory).expect("the directory can be read");
    for pool in &audit.pools {
        assert!(pool.mistakes.is_empty(), "{:?}", pool.mistakes);
    }
    audit.examination
}

/// The pools that are there whole. One on all shards that is not on all of them yet is still being
/// registered: its other units come with its other parts.
pub(crate) fn whole_pools(
    examination: &Examination,
) -> impl Iterator<Item = Cow<'_, Pool<CountsOnly>>> {
    examination.pools().into_iter().filter(|pool| {
        let definition = pool.definition();
        let has_part = |shard: &ShardState| {
            let mut parts = shard.partition.pools().iter();
            parts.any(|part| part.is_registered() && part.definition().name == definition.name)
        };
        definition.placement == Placement::OneShard || examination.shards.iter().all(has_part)
    })
}

/// Checks that no unit of any item was lost or made.
pub(crate) fn assert_conserved(examination: &Examination) {
    for pool in whole_pools(examination) {
        for item in pool.items() {
            assert!(item.is_conserved(), "{item:?}");
        }
    }
}

/// How often each item of a pool is in the completions.
pub(crate) fn tally(completions: &[Completion], pool: &PoolHandle) -> Vec<u64> {
    let mut counts = vec![0; pool.definition().items.len()];
    for completion in completions {
        if let Outcome::Item(item) = completion.outcome {
            counts[item as usize] += 1;
        }
    }
    counts
}

/// The factor by which long tests are longer than in the ordinary run.
pub(crate) fn long() -> usize {
    std::env::var("TOMBOLA_TEST_LONG")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}
