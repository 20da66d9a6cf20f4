//! Numbers that were acknowledged are never used again, however much of the log is gone.

use std::{fs, path::Path};

use crate::{
    common::{LIMIT, builder, draw_many},
    place::{Place, read_files},
};
use tombola::{
    Completion, Durability, Engine, EngineBuilder, PoolDefinition, Request, StorageKind,
    recovery::{self, Depth, Examination, Gap},
};

/// Far more than the smallest segment has room for.
const DRAWS: usize = 30_000;
const SEGMENT_BYTES: u64 = 1 << 20;

fn large(directory: &Path) -> EngineBuilder {
    builder(directory)
        .storage(StorageKind::File)
        .durability(Durability::Kernel)
        .segment_bytes(SEGMENT_BYTES)
        .block_bytes(64 << 10)
}

fn play(engine: &Engine) -> Vec<Completion> {
    let pool = engine.pool("p").unwrap_or_else(|| {
        let pool = PoolDefinition::new("p").unlimited("a", 1);
        engine.register(pool).unwrap()
    });
    draw_many(&mut engine.client().unwrap(), &pool, DRAWS)
}

fn last_seq(answers: &[Completion]) -> u64 {
    answers
        .iter()
        .filter_map(|answer| answer.seq)
        .max()
        .unwrap()
}

/// What is refused names all numbers up to `last` that are not in the records it can read.
fn refused(directory: &Path, last: u64) -> Examination {
    let examined = recovery::examine(directory, Depth::Needed).unwrap();
    assert!(!examined.opens());
    assert!(examined.shards[0].next_seq > last, "{:?}", examined.shards);
    examined
}

/// Accepts the loss; then no number up to `last` comes again.
fn accept_and_draw(directory: &Path, last: u64) {
    recovery::accept_loss(directory).unwrap();
    let engine = large(directory).open().unwrap();
    let pool = engine.pool("q").unwrap_or_else(|| {
        let pool = PoolDefinition::new("q").unlimited("a", 1);
        engine.register(pool).unwrap()
    });
    let mut client = engine.client().unwrap();
    let answer = client.draw(Request::from(&pool), LIMIT).unwrap();
    assert!(answer.seq > Some(last), "{answer:?} after {last}");
}

#[test]
fn numbers_of_a_large_segment_that_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let engine = large(directory.path()).open().unwrap();
    let last = last_seq(&play(&engine));
    drop(engine);
    assert!(last > 8_192, "the smallest segment has room for them");
    let shard = directory.path().join("shard-000");
    fs::remove_file(tombola::wal::segment::path(&shard, 1)).unwrap();
    refused(directory.path(), last);
    accept_and_draw(directory.path(), last);
}

/// A snapshot that cannot be used proves that there was something, and the segments' files how much.
#[test]
fn numbers_of_segments_with_nothing_but_zeros() {
    let directory = tempfile::tempdir().unwrap();
    let engine = large(directory.path()).open().unwrap();
    play(&engine);
    engine.snapshot().unwrap();
    let last = (0..4).map(|_| last_seq(&play(&engine))).max().unwrap();
    drop(engine);
    let mut place = Place::new(read_files(directory.path()));
    for (name, bytes) in &mut place.files {
        match name.extension().and_then(|end| end.to_str()) {
            Some("log") => bytes.fill(0),
            Some("snap") => *bytes.last_mut().unwrap() ^= 1,
            _ => {}
        }
    }
    place.restore();
    refused(place.path(), last);
    accept_and_draw(place.path(), last);
}

/// Only the newest snapshot is there, and what it says of itself can still be read, or not even that.
#[test]
fn numbers_that_only_a_damaged_snapshot_knows() {
    let directory = tempfile::tempdir().unwrap();
    let engine = large(directory.path()).open().unwrap();
    let mut last = last_seq(&play(&engine));
    engine.snapshot().unwrap();
    let older = read_files(directory.path());
    last = last.max(last_seq(&play(&engine)));
    engine.shutdown().unwrap();
    let mut files = read_files(directory.path());
    files.retain(|name, _| name.extension().is_none_or(|end| end != "log"));
    let snapshots = files
        .keys()
        .filter(|name| name.extension().is_some_and(|end| end == "snap"));
    let snapshots: Vec<_> = snapshots.cloned().collect();
    let newest = snapshots.last().unwrap().clone();
    assert!(snapshots.iter().any(|name| older.contains_key(name)));
    for keeps_older in [true, false] {
        let mut files = files.clone();
        if !keeps_older {
            files.retain(|name, _| *name == newest || !snapshots.contains(name));
        }
        let place = Place::new(files);
        let bytes = &place.files[&newest];
        let exact = |gap: &Gap| gap.is_exact && gap.last_seq >= last;
        for at in [bytes.len() - 1, 20] {
            let mut harmed = bytes.clone();
            harmed[at] ^= 1;
            place.write(&newest, &harmed);
            let examined = refused(place.path(), last);
            let is_exact = examined.shards[0].gaps.iter().any(exact);
            assert_eq!(is_exact, at != 20, "{:?}", examined.shards[0].gaps);
            accept_and_draw(place.path(), last);
            place.restore();
        }
    }
}
