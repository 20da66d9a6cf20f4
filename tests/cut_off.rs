//! A segment is cut off under a running engine. With a memory map that shard stops and says so; the
//! process and the other shard go on. A file that is written past its end grows again, so the other
//! storages do not notice: the housekeeper does when it reads the segment back, and the next start.

mod common;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

use common::{DURABILITIES, FORMATS, LIMIT, builder, draw_many};
use tombola::{
    Client, DrawError, Durability, Error, FindingKind, PoolDefinition, PoolHandle, Stopped,
    StorageKind, SubmitError,
};

fn segments(shard: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(shard)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect()
}

/// Draws until the shard says that it has stopped.
fn why_it_stops(client: &mut Client, pool: &PoolHandle) -> Stopped {
    let begun = Instant::now();
    loop {
        match client.draw(pool, LIMIT) {
            Ok(_) => assert!(begun.elapsed() < LIMIT, "it does not notice"),
            Err(
                DrawError::Stopped { stopped, .. }
                | DrawError::Submit(SubmitError::Stopped(_, stopped)),
            ) => return stopped,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_map_of_a_segment_that_was_cut_off_stops_its_shard_and_nobody_dies() {
    for (format, durability) in FORMATS.into_iter().zip(DURABILITIES) {
        let directory = tempfile::tempdir().unwrap();
        let engine = builder(directory.path())
            .shards(2)
            .storage(StorageKind::Mmap)
            .format(format)
            .durability(durability)
            .open()
            .unwrap();
        let pool = |name: &str| {
            let pool = PoolDefinition::new(name).unlimited("dust", 1);
            engine.register(pool).unwrap()
        };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let pools: Vec<_> = names.map(pool).into();
        let on = |shard: usize| {
            pools
                .iter()
                .find(|pool| pool.id().shard() == shard)
                .unwrap()
        };
        let mut client = engine.client().unwrap();
        for shard in 0..2 {
            draw_many(&mut client, on(shard), 500);
        }
        let segments = segments(&directory.path().join("shard-001"));
        assert!(!segments.is_empty());
        for segment in segments {
            let file = File::options().write(true).open(segment).unwrap();
            file.set_len(4096).unwrap();
        }
        let stopped = why_it_stops(&mut client, on(1));
        let is_told = matches!(&stopped, Stopped::Failed { shard: 1, reason } if reason.contains("cut off") || reason.contains("bytes, not"));
        assert!(is_told, "{durability:?}: {stopped:?}");
        // The rest of the engine does not mind.
        client.draw(on(0), LIMIT).unwrap();
        drop(client);
        drop(engine);
        if durability == Durability::Device {
            let error = builder(directory.path())
                .shards(2)
                .open()
                .map(drop)
                .unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_told_when_it_is_read_back_and_at_the_next_start() {
    for storage in [StorageKind::Uring, StorageKind::File] {
        for (format, durability) in FORMATS.into_iter().zip(DURABILITIES) {
            let what = format!("{storage:?} {durability:?}");
            let directory = tempfile::tempdir().unwrap();
            let engine = builder(directory.path())
                .storage(storage)
                .format(format)
                .durability(durability)
                .open()
                .unwrap();
            let pool = PoolDefinition::new("a").unlimited("dust", 1);
            let pool = engine.register(pool).unwrap();
            let mut client = engine.client().unwrap();
            draw_many(&mut client, &pool, 100);
            let open = segments(&directory.path().join("shard-000"))
                .into_iter()
                .min();
            let file = File::options().write(true).open(open.unwrap()).unwrap();
            // Its header stays; what is written from now on leaves a hole behind it.
            file.set_len(4096).unwrap();
            let begun = Instant::now();
            let alarms = || engine.stats().unwrap().housekeeper.alarms;
            while alarms().is_empty() {
                assert!(begun.elapsed() < LIMIT, "{what}: nobody notices");
                draw_many(&mut client, &pool, 500);
            }
            assert!(alarms()[0].contains("does not read back"), "{:?}", alarms());
            drop((client, engine));
            let Err(Error::Damaged { findings, .. }) = builder(directory.path()).open() else {
                panic!("{what}: it opens");
            };
            assert_eq!(findings[0].kind, FindingKind::Block, "{what}");
            assert_eq!((findings[0].offset, findings[0].first_seq), (4096, Some(1)));
        }
    }
}
