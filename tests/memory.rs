//! What an item takes in memory, in all parts of an engine together, and that nothing grows with the
//! number of draws. The allocator counts.

mod common;

#[path = "common/counting.rs"]
mod counting;

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use common::{LIMIT, builder, draw_many, in_memory, long};
use counting::{bytes_in_use, bytes_max};
use tombola::{Engine, EngineBuilder, Placement, PoolChange, PoolDefinition, Request, StorageKind};

/// Just more than a power of two, with which the selector takes the most.
const ITEMS: usize = (1 << 17) + 1;
/// What a pool is stands once, and what is in stock on each of its shards.
const ONCE_BYTES_MAX: usize = 20;
const EACH_SHARD_BYTES_MAX: usize = 44;
/// A change of weights copies the column where a pool is looked up, and for each shard twice.
const COLUMN_BYTES: usize = 4;
/// At most while an engine is opened.
const OPENING_BYTES_MAX: usize = 128;
/// What is no item's: blocks, rings, what the housekeeper reads with.
const SLACK: usize = 1 << 18;

/// Ids of six bytes, weights of whatever size and stocks that need 8 bytes.
fn many(name: &str, placement: Placement) -> PoolDefinition {
    (0..ITEMS).fold(
        PoolDefinition::new(name).placement(placement),
        |pool, item| pool.item(format!("{item:06}"), item as u64 % 97 + 1, 1 << 40),
    )
}

fn on_disk(directory: &Path) -> EngineBuilder {
    builder(directory)
        .storage(StorageKind::File)
        .segment_bytes(4 << 20)
}

/// What is in use comes down to this: some of it goes only when the housekeeper rests.
fn assert_comes_down(bytes_max: usize, what: &str) {
    let begun = Instant::now();
    while bytes_in_use() > bytes_max {
        let waited = begun.elapsed();
        let in_use = bytes_in_use();
        assert!(waited < LIMIT, "{what}: {in_use} bytes and not {bytes_max}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn settled(engine: &Engine) {
    // The housekeeper reads what was sealed, and knows every pool then.
    engine.snapshot().unwrap();
    // It lets go of what it reads with as soon as it rests.
    thread::sleep(Duration::from_millis(300));
}

/// A pool takes no more than so much an item, wherever it is.
fn an_item_takes_few_bytes(engine: &Engine, shards: usize, what: &str) {
    let placement = match shards {
        1 => Placement::OneShard,
        _ => Placement::AllShards,
    };
    settled(engine);
    let before = bytes_in_use();
    let pool = many("many", placement);
    engine.register(pool).unwrap();
    engine.snapshot().unwrap();
    let each = ONCE_BYTES_MAX + EACH_SHARD_BYTES_MAX * shards;
    let most = before + each * ITEMS + SLACK;
    assert_comes_down(most, what);
    // The handles that were asked for share what the engine has.
    let handles: Vec<_> = (0..1000).map(|_| engine.pool("many").unwrap()).collect();
    // Registering the same again leaves nothing behind.
    engine.register(many("many", placement)).unwrap();
    assert_comes_down(most, what);
    // A change of one item copies its column and nothing else.
    let weight = PoolChange::Weight {
        item: "000007".into(),
        weight: 3,
    };
    engine.edit(handles[0].id(), &[weight]).unwrap();
    drop(handles);
    engine.snapshot().unwrap();
    let columns = COLUMN_BYTES * ITEMS * (1 + 2 * shards);
    assert_comes_down(most + columns, what);
}

/// Opening an engine takes little more for the time being than it has in the end.
fn opening_takes_little(open: impl Fn() -> Engine, what: &str) -> Engine {
    let before = bytes_in_use();
    let (engine, most) = bytes_max(open);
    let most = most / ITEMS;
    assert!(most <= OPENING_BYTES_MAX, "{what}: {most} bytes an item");
    let each = ONCE_BYTES_MAX + EACH_SHARD_BYTES_MAX + 3 * COLUMN_BYTES;
    assert_comes_down(before + each * ITEMS + 4 * SLACK, what);
    engine
}

/// Draws of every kind leave nothing behind once as much is remembered as may be.
fn draws_leave_nothing(directory: &Path) {
    let builder = on_disk(directory).segment_bytes(256 << 10);
    let engine = builder
        .remember_keys(200)
        .remember_settled(200)
        .snapshot_records(20_000)
        .open()
        .unwrap();
    let pool = (0..100).fold(PoolDefinition::new("p"), |pool, item| {
        pool.unlimited(item.to_string(), item + 1)
    });
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    let mut key = 0;
    let mut draw = |draws: usize| {
        for _ in 0..draws / 100 {
            key += 1;
            let keyed = Request::from(&pool).count(10).key(key);
            client.draw(keyed, LIMIT).unwrap();
            let held = Request::from(&pool).hold_for(LIMIT);
            let held = client.draw(held, LIMIT).unwrap();
            engine.void(&held).unwrap();
        }
        draw_many(&mut client, &pool, draws);
    };
    draw(50_000);
    settled(&engine);
    let before = bytes_in_use();
    draw(150_000 * long());
    engine.snapshot().unwrap();
    assert_comes_down(before + SLACK / 4, "after four times as many draws");
    drop(client);
    engine.shutdown().unwrap();
}

/// One test only: what others allocate would be counted too.
#[test]
fn memory_is_what_was_promised() {
    let engine = in_memory(1).open().unwrap();
    an_item_takes_few_bytes(&engine, 1, "without a log");
    drop(engine);
    let engine = in_memory(2).open().unwrap();
    an_item_takes_few_bytes(&engine, 2, "without a log, two shards");
    drop(engine);

    let directory = tempfile::tempdir().unwrap();
    let open = |shards| on_disk(directory.path()).shards(shards).open().unwrap();
    let engine = open(1);
    an_item_takes_few_bytes(&engine, 1, "with a log");
    drop(engine);
    let engine = opening_takes_little(|| open(1), "from the log");
    engine.shutdown().unwrap();
    drop(opening_takes_little(|| open(1), "from a snapshot"));

    let directory = tempfile::tempdir().unwrap();
    let engine = on_disk(directory.path()).shards(2).open().unwrap();
    an_item_takes_few_bytes(&engine, 2, "with logs, two shards");
    drop(engine);

    let directory = tempfile::tempdir().unwrap();
    draws_leave_nothing(directory.path());
}
