//! Reading beside a running engine, and what stays usable after something went bad.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{FORMATS, LIMIT, assert_conserved, banner, builder, draw_many, examine, long};
use tombola::{
    Error, FindingKind,
    recovery::{self, Depth},
};

/// The files of the only shard with this ending, rising.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory.join("shard-000"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect();
    found.sort();
    found
}

fn flip(path: &Path, at: usize, mask: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= mask;
    fs::write(path, bytes).unwrap();
}

#[test]
fn nothing_seems_wrong_beside_an_engine_that_writes_rotates_and_retires() {
    for (format, segment_bytes) in FORMATS
        .into_iter()
        .flat_map(|it| [(it, 64 << 10), (it, 4 << 20)])
    {
        let directory = tempfile::tempdir().unwrap();
        let engine = builder(directory.path())
            .format(format)
            .segment_bytes(segment_bytes)
            .snapshot_records(3_000)
            .open()
            .unwrap();
        let pool = engine.register(banner()).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = engine.client().unwrap();
                while !done.load(Ordering::Relaxed) {
                    draw_many(&mut client, &pool, 2_000);
                }
            });
            let begun = Instant::now();
            let mut seq = 0;
            while begun.elapsed() < Duration::from_millis(700) * long() as u32 {
                for depth in [Depth::Needed, Depth::Everything] {
                    let examined = recovery::examine(directory.path(), depth);
                    let found = examined.as_ref().map(|it| it.findings().cloned().collect());
                    // Ended here, or the other thread would draw for ever.
                    if found
                        .as_ref()
                        .map_or(true, |found: &Vec<_>| !found.is_empty())
                    {
                        done.store(true, Ordering::Relaxed);
                    }
                    assert_eq!(found.map_err(ToString::to_string), Ok(vec![]), "{format:?}");
                    let examined = examined.unwrap();
                    assert_conserved(&examined);
                    assert!(
                        examined.shards[0].next_seq >= seq,
                        "{format:?}: it goes back"
                    );
                    seq = examined.shards[0].next_seq;
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        engine.shutdown().unwrap();
        assert_eq!(examine(directory.path()).findings().count(), 0);
    }
}

#[test]
fn who_looks_whether_a_directory_is_in_use_does_not_keep_an_engine_out() {
    let directory = tempfile::tempdir().unwrap();
    drop(builder(directory.path()).open().unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = recovery::examine(directory.path(), Depth::Needed);
                }
            });
        }
        let opened: Vec<_> = (0..30)
            .map(|_| {
                builder(directory.path())
                    .open()
                    .map(drop)
                    .map_err(|error| error.to_string())
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    });
}

#[test]
fn a_damaged_snapshot_does_not_stand_for_one_of_the_two() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..3 {
        draw_many(&mut client, &pool, 500);
        engine.snapshot().unwrap();
    }
    drop(engine);
    flip(files(directory.path(), "snap").last().unwrap(), 100, 1);
    let engine = builder(directory.path()).open().unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 500);
    engine.snapshot().unwrap();
    drop(engine);
    let drawn = |path: &Path| -> u64 {
        let examined = examine(path);
        assert!(
            examined.opens(),
            "{:?}",
            examined.findings().collect::<Vec<_>>()
        );
        examined.pools()[0].items().map(|item| item.drawn).sum()
    };
    assert_eq!(drawn(directory.path()), 2_000);
    // The newest goes bad as well: there is another one still, and the log since.
    flip(files(directory.path(), "snap").last().unwrap(), 100, 1);
    assert_eq!(drawn(directory.path()), 2_000);
    drop(builder(directory.path()).open().unwrap());
}

#[test]
fn nothing_is_numbered_twice_after_the_whole_log_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let drawn = draw_many(&mut engine.client().unwrap(), &pool, 300);
    // The next segment is prepared.
    let begun = Instant::now();
    while files(directory.path(), "log").len() < 2 && begun.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(1));
    }
    drop(engine);
    fs::remove_file(&files(directory.path(), "log")[0]).unwrap();
    let Err(Error::Damaged { findings, .. }) = builder(directory.path()).open() else {
        panic!("it opens without its log");
    };
    assert_eq!(findings[0].kind, FindingKind::MissingSegment);
    let accepted = recovery::accept_loss(directory.path()).unwrap();
    let last = drawn.last().unwrap();
    let [gap] = accepted[0].lost[..] else {
        panic!("{accepted:?}");
    };
    assert!(gap.first_seq == 1 && gap.last_seq >= last.seq.unwrap() && !gap.is_exact);
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let next = engine.client().unwrap().draw(&pool, LIMIT).unwrap();
    assert!(
        next.seq > last.seq && next.request > last.request,
        "{next:?}"
    );
}

#[test]
fn a_covered_segment_that_seems_newer_is_told_and_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 300);
    engine.snapshot().unwrap();
    drop(engine);
    // The version stands behind the magic number; with nothing else changed it would be damage.
    let covered = &files(directory.path(), "log")[0];
    flip(covered, 8, 8);
    flip(covered, 20, 1);
    let examined = examine(directory.path());
    assert!(examined.opens());
    let kinds: Vec<_> = examined.findings().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::FutureVersion]);
    drop(builder(directory.path()).open().unwrap());
}

#[test]
fn nothing_is_numbered_twice_after_a_shard_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let drawn = draw_many(&mut engine.client().unwrap(), &pool, 300);
    engine.shutdown().unwrap();
    fs::remove_dir_all(directory.path().join("shard-000")).unwrap();
    assert!(matches!(
        builder(directory.path()).open(),
        Err(Error::Damaged { .. })
    ));
    let accepted = recovery::accept_loss(directory.path()).unwrap();
    assert_eq!(accepted[0].lost.len(), 1);
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let next = engine.client().unwrap().draw(&pool, LIMIT).unwrap();
    let last = drawn.last().unwrap();
    assert!(
        next.seq > last.seq && next.request > last.request,
        "{next:?}"
    );
}

/// A stray file whose number is far away: no endless search for those between.
#[test]
fn a_number_far_away_is_a_hole_and_no_hang() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 300);
    engine.snapshot().unwrap();
    drop(engine);
    let logs = files(directory.path(), "log");
    let far = directory
        .path()
        .join("shard-000/segment-999999999999999.log");
    fs::rename(logs.last().unwrap(), &far).unwrap();
    let begun = Instant::now();
    let examined = examine(directory.path());
    assert_eq!(examined.findings().count(), 1);
    assert!(!examined.opens());
    // Nothing could come after it.
    let error = recovery::accept_loss(directory.path()).unwrap_err();
    assert!(
        error.to_string().contains("segment-999999999999999.log"),
        "{error}"
    );
    fs::remove_file(far).unwrap();
    let engine = builder(directory.path()).open().unwrap();
    engine.client().unwrap().draw(&pool, LIMIT).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}
