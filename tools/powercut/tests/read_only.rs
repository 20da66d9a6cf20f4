//! A file system that turns read-only under a running engine, as ext4 does after an error: the shard
//! stops and says why, the next start is refused, and what was acknowledged is there once the file
//! system is writable again.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::{
    io,
    time::{Duration, Instant},
};

use common::{DURABILITIES, FORMATS, LIMIT, STORAGES, banner, builder, draw_many, examine};
use tombola::{Client, DrawError, Durability, Engine, Error, PoolHandle, Stopped, SubmitError};
use tombola_powercut::{Disk, MIB, or_skip};

/// For one draw.
const PATIENCE: Duration = Duration::from_secs(1);

/// Draws until the shard has stopped, or waits for a segment that cannot be made; returns how many
/// draws were acknowledged until then.
fn draw_until_told(engine: &Engine, client: &mut Client, pool: &PoolHandle) -> u64 {
    let begun = Instant::now();
    for acknowledged in 0.. {
        assert!(begun.elapsed() < LIMIT, "it does not notice");
        match client.draw(pool, PATIENCE) {
            Ok(_) => {}
            // A map takes writes as long as it has pages.
            Err(DrawError::Unknown { .. }) => {
                let alarms = engine.stats().unwrap().housekeeper.alarms;
                if alarms.iter().any(|alarm| alarm.contains("read-only")) {
                    return acknowledged;
                }
            }
            Err(
                DrawError::Stopped { stopped, .. }
                | DrawError::Submit(SubmitError::Stopped(_, stopped)),
            ) => {
                assert!(matches!(stopped, Stopped::Failed { .. }), "{stopped}");
                return acknowledged;
            }
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("it has stopped or the time is over")
}

#[test]
fn a_shard_stops_and_the_next_start_is_refused() {
    for (kind, storage) in STORAGES.into_iter().enumerate() {
        for durability in &DURABILITIES[..2] {
            let Some(mut disk) = or_skip(Disk::new(32 * MIB)) else {
                return;
            };
            let data = disk.root().join("data");
            let open = || {
                builder(&data)
                    .storage(storage)
                    .format(FORMATS[kind])
                    .durability(*durability)
                    .open()
            };
            let engine = open().unwrap();
            let pool = engine.register(banner()).unwrap();
            let mut client = engine.client().unwrap();
            draw_many(&mut client, &pool, 500);
            disk.make_read_only().unwrap();
            let acknowledged = 500 + draw_until_told(&engine, &mut client, &pool);
            drop((client, engine));
            let error = open().map(drop).unwrap_err();
            let is_refused = matches!(&error, Error::Io { source, .. }
                if source.kind() == io::ErrorKind::ReadOnlyFilesystem);
            assert!(is_refused, "{error:?}");
            if *durability == Durability::Kernel {
                // What is in the page cache of such a file system goes nowhere.
                continue;
            }
            disk.remount().unwrap();
            let engine = open().unwrap();
            draw_many(&mut engine.client().unwrap(), &pool, 500);
            engine.shutdown().unwrap();
            let state = examine(&data);
            let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
            // One draw was on its way when the shard stopped.
            let drawn = drawn - 500;
            assert!(
                (acknowledged..=acknowledged + 1).contains(&drawn),
                "{storage:?} {durability:?}: {drawn}, not {acknowledged}"
            );
        }
    }
}
