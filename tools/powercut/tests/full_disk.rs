//! A disk without one free block, at every point at which the engine asks for some: it is refused
//! with a typed error, nothing acknowledged is lost, and with space again it goes on.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::{fs, io, path::Path, thread, time::Instant};

use common::{FORMATS, LIMIT, STORAGES, assert_conserved, banner, builder, draw_many, examine};
use tombola::{Client, Engine, EngineBuilder, Error, PoolDefinition, PoolHandle, SubmitError};
use tombola_powercut::{Disk, MIB, or_skip};

fn on(disk: &Disk, kind: usize) -> EngineBuilder {
    builder(&disk.root().join("data"))
        .storage(STORAGES[kind])
        .format(FORMATS[kind])
        .snapshot_records(1_000_000_000)
}

fn has_alarm(engine: &Engine, words: &str) -> bool {
    let alarms = engine.stats().unwrap().housekeeper.alarms;
    alarms.iter().any(|alarm| alarm.contains(words))
}

/// Submits until the client is told "full" and the engine has raised the alarm; returns how many
/// were answered.
fn draw_until_full(engine: &Engine, client: &mut Client, pool: &PoolHandle) -> u64 {
    let (mut answered, begun, mut is_full) = (0, Instant::now(), false);
    while !is_full || !has_alarm(engine, "cannot be prepared") {
        assert!(begun.elapsed() < LIMIT, "full: {is_full}");
        match client.try_submit(pool) {
            Err(SubmitError::Full(_)) => is_full = true,
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
        answered += client.poll_with(|_| {}).unwrap() as u64;
    }
    answered
}

fn answer_all(client: &mut Client) -> u64 {
    let (mut answered, begun) = (0, Instant::now());
    while client.open_requests() > 0 {
        assert!(begun.elapsed() < LIMIT, "it does not go on");
        answered += client.poll_with(|_| {}).unwrap() as u64;
        thread::yield_now();
    }
    answered
}

fn drawn(data: &Path) -> u64 {
    let state = examine(data);
    assert!(state.opens());
    assert_conserved(&state);
    state.pools()[0].items().map(|item| item.drawn).sum()
}

fn assert_full(error: &Error) {
    let is_full =
        matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull);
    assert!(is_full, "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
}

#[test]
fn the_next_segment_and_the_blocks_of_this_one() {
    for kind in 0..3 {
        let Some(disk) = or_skip(Disk::new(32 * MIB)) else {
            return;
        };
        let engine = on(&disk, kind).open().unwrap();
        let pool = engine.register(banner()).unwrap();
        let mut client = engine.client().unwrap();
        draw_many(&mut client, &pool, 100);
        let ballast = disk.fill().unwrap();
        // The blocks of a segment that is there need no space.
        let mut answered = 100 + draw_many(&mut client, &pool, 500).len() as u64;
        answered += draw_until_full(&engine, &mut client, &pool);
        // Twice, for it may go wrong again after it went well.
        fs::remove_file(&ballast).unwrap();
        answered += answer_all(&mut client);
        answered += draw_many(&mut client, &pool, 20_000).len() as u64;
        let ballast = disk.fill().unwrap();
        answered += draw_until_full(&engine, &mut client, &pool);
        fs::remove_file(ballast).unwrap();
        answered += answer_all(&mut client);
        drop(engine);
        assert_eq!(drawn(&disk.root().join("data")), answered);
    }
}

#[test]
fn a_snapshot() {
    for kind in 0..3 {
        let Some(disk) = or_skip(Disk::new(32 * MIB)) else {
            return;
        };
        let engine = on(&disk, kind).open().unwrap();
        // Its snapshot takes more than what is cut off of a sealed segment.
        let many = (0..4_000).fold(PoolDefinition::new("many"), |pool, item| {
            pool.item(format!("an item with a long name {item}"), 1, 1_000)
        });
        let pool = engine.register(many).unwrap();
        let mut client = engine.client().unwrap();
        draw_many(&mut client, &pool, 500);
        let ballast = disk.fill().unwrap();
        assert_full(&engine.snapshot().unwrap_err());
        let left = |name: &str| {
            let shard = fs::read_dir(disk.root().join("data/shard-000")).unwrap();
            shard
                .filter(|entry| {
                    let path = entry.as_ref().unwrap().path();
                    path.to_string_lossy().contains(name)
                })
                .count()
        };
        assert_eq!(left("snapshot"), 0, "nothing half written takes space");
        fs::remove_file(ballast).unwrap();
        draw_many(&mut client, &pool, 500);
        engine.snapshot().unwrap();
        assert_eq!(left("snapshot"), 1);
        drop(engine);
        assert_eq!(drawn(&disk.root().join("data")), 1_000);
    }
}

#[test]
fn the_start() {
    for kind in 0..3 {
        let Some(disk) = or_skip(Disk::new(32 * MIB)) else {
            return;
        };
        let data = disk.root().join("data");
        let engine = on(&disk, kind).open().unwrap();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 3_000);
        drop(engine);
        // What was prepared ahead would do for a start.
        let ballast = disk.fill().unwrap();
        let fresh = builder(&disk.root().join("fresh"));
        assert_full(&fresh.clone().open().map(drop).unwrap_err());
        for _ in 0..3 {
            match on(&disk, kind).open() {
                Ok(engine) => drop(engine),
                Err(error) => assert_full(&error),
            }
            assert_eq!(drawn(&data), 3_000);
        }
        fs::remove_file(ballast).unwrap();
        let engine = on(&disk, kind).open().unwrap();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 3_000);
        engine.shutdown().unwrap();
        assert_eq!(drawn(&data), 6_000);
        // Nor is what could not be made in the way of another try.
        fresh.open().unwrap().shutdown().unwrap();
    }
}
