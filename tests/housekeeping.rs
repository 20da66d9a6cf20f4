//! Rotation, snapshots, retiring, archiving, and a disk that is full.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use common::{FORMATS, LIMIT, assert_conserved, banner, builder, draw_many, examine};
use tombola::{Durability, Engine, StorageKind, SubmitError};

fn files(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        // The housekeeper may be making another one just now, under a temporary name.
        .filter(|path| path.extension().is_none_or(|extension| extension != "tmp"))
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(prefix)
        })
        .collect();
    found.sort();
    found
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn segments_rotate_and_snapshots_follow_by_themselves() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let engine = builder(directory.path())
            .format(format)
            .snapshot_records(2_000)
            .open()
            .unwrap();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 40_000);
        until("snapshots are made", || {
            engine.stats().unwrap().housekeeper.snapshots >= 3
        });
        let stats = engine.stats().unwrap().housekeeper;
        assert!(
            stats.segments_retired > 0 && stats.segments_checked > 3,
            "{stats:?}"
        );
        assert_eq!(stats.alarms, [""; 0]);
        drop(engine);
        let shard = directory.path().join("shard-000");
        assert_eq!(files(&shard, "snapshot-").len(), 2, "two are kept");
        let state = examine(directory.path());
        assert_eq!(state.findings().count(), 0);
        assert!(state.shards[0].snapshot_seq > 0);
        assert_conserved(&state);
        let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
        assert_eq!(drawn, 40_000);
    }
}

#[test]
fn a_snapshot_on_request_covers_everything_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).shards(2).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let last = draw_many(&mut client, &pool, 3_000)
        .last()
        .unwrap()
        .seq
        .unwrap();
    engine.snapshot().unwrap();
    let state = examine(directory.path());
    assert!(state.shards[pool.id().shard()].snapshot_seq >= last);
    // Again at once, and with nothing new: nothing to do.
    engine.snapshot().unwrap();
    draw_many(&mut client, &pool, 1_000);
    engine.shutdown().unwrap();
    let state = examine(directory.path());
    let shard = &state.shards[pool.id().shard()];
    assert_eq!(
        shard.snapshot_seq + 1,
        shard.next_seq,
        "a clean close makes one too"
    );
}

#[test]
fn retired_segments_are_archived_whole() {
    let directory = tempfile::tempdir().unwrap();
    let archive = tempfile::tempdir().unwrap();
    let open = || {
        builder(directory.path())
            .archive_dir(archive.path().into())
            .snapshot_records(1_000)
            .open()
            .unwrap()
    };
    for _ in 0..3 {
        let engine = open();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 5_000);
        engine.shutdown().unwrap();
    }
    let archived = files(&archive.path().join("shard-000"), "segment-");
    let kept = files(&directory.path().join("shard-000"), "segment-");
    let number = |path: &PathBuf| {
        path.file_stem().unwrap().to_string_lossy()[8..]
            .parse::<u64>()
            .unwrap()
    };
    assert!(archived.len() > 2);
    assert_eq!(
        archived.iter().map(number).collect::<Vec<_>>(),
        (1..=archived.len() as u64).collect::<Vec<_>>()
    );
    assert!(
        kept.iter()
            .map(number)
            .all(|number| number > archived.len() as u64)
    );
    for path in archived {
        let mut reader = tombola::wal::reader::SegmentReader::open_path(&path, 0).unwrap();
        assert!(matches!(
            reader.start(),
            tombola::wal::reader::Start::Header(..)
        ));
        assert!(matches!(
            reader.look(4096).unwrap(),
            tombola::wal::reader::Found::Block(..)
        ));
    }
}

#[test]
fn a_json_lines_segment_is_json_lines_from_its_first_byte_to_its_last() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path())
        .format(tombola::LogFormat::Jsonl)
        .open()
        .unwrap();
    let pool = engine.register(banner()).unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 2_000);
    let mut draws = 0;
    // The open segment and the prepared one as well.
    for path in files(&directory.path().join("shard-000"), "segment-") {
        for line in fs::read_to_string(&path)
            .unwrap()
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            draws += usize::from(value["type"] == "draw");
        }
    }
    assert_eq!(draws, 2_000);
}

#[test]
fn the_same_draws_survive_a_change_of_format_and_storage() {
    let directory = tempfile::tempdir().unwrap();
    let mut drawn = 0;
    for (format, storage) in
        FORMATS
            .into_iter()
            .zip([StorageKind::Mmap, StorageKind::Uring, StorageKind::File])
    {
        let engine = builder(directory.path())
            .format(format)
            .storage(storage)
            .open()
            .unwrap();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 3_000);
        drawn += 3_000;
        drop(engine);
        let state = examine(directory.path());
        assert_eq!(
            state.pools()[0].items().map(|item| item.drawn).sum::<u64>(),
            drawn
        );
    }
}

/// A small file system of its own, where this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        eprintln!("skipped: no small file system can be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .output();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_space() {
    let Some(disk) = SmallDisk::new("2m") else {
        return;
    };
    let ballast = disk.0.path().join("ballast");
    let data = disk.0.path().join("data");
    let open = || {
        builder(&data)
            .durability(Durability::Kernel)
            .snapshot_records(1_000_000_000)
    };
    let engine = open().open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let mut acknowledged = draw_many(&mut client, &pool, 100).len() as u64;
    fs::write(&ballast, vec![1; 1_600_000]).unwrap();
    // The shard stands still when it needs a segment that cannot be made; the client is told "full".
    // It asks until both are seen: on a busy machine its ring is full for long before the disk is.
    let mut full = 0;
    until(
        "the alarm is raised, and there is no room for requests",
        || {
            let before = full;
            for _ in 0..10_000 {
                match client.try_submit(&pool) {
                    Err(SubmitError::Full(_)) => full += 1,
                    Err(error) => panic!("{error}"),
                    Ok(_) => {}
                }
                acknowledged += client.poll_with(|_| {}).unwrap() as u64;
            }
            let alarms = engine.stats().unwrap().housekeeper.alarms;
            let is_told = alarms
                .iter()
                .any(|alarm| alarm.contains("cannot be prepared"));
            is_told && full - before == 10_000
        },
    );
    // A second engine cannot begin here either, and says why.
    let error = builder(&disk.0.path().join("other"))
        .open()
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("free some space"), "{error}");
    // With space again it goes on, without a restart.
    fs::remove_file(&ballast).unwrap();
    until("everything is answered", || {
        acknowledged += client.poll_with(|_| {}).unwrap() as u64;
        client.open_requests() == 0
    });
    drop(engine);
    let state = examine(&data);
    assert!(state.opens());
    assert_eq!(
        state.pools()[0].items().map(|item| item.drawn).sum::<u64>(),
        acknowledged
    );
}

#[test]
fn an_unwritable_directory_is_told() {
    let path = Path::new("/proc/tombola");
    let error = Engine::builder(path).open().map(drop).unwrap_err();
    assert!(error.to_string().contains("/proc/tombola"), "{error}");
}
