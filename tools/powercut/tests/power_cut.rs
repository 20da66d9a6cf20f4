//! The power is cut under a process that draws, retries, holds, gives back and changes its pools,
//! on one shard or several: in the midst of blocks, rotation, snapshots and recovery. What it was
//! told is in the log, whole; the same key gets the same; no unit is lost or handed out twice.

#[path = "../../../tests/common/mod.rs"]
mod common;

#[path = "../../../tests/killed/child.rs"]
mod child;
#[path = "../../../tests/killed/counted.rs"]
mod counted;
#[path = "../../../tests/killed/edited.rs"]
mod edited;
#[path = "../../../tests/killed/known.rs"]
mod known;
#[path = "../../../tests/killed/lives.rs"]
mod lives;
#[path = "../../../tests/killed/moved.rs"]
mod moved;
#[path = "../../../tests/killed/process.rs"]
mod process;
#[path = "../../../tests/killed/setting.rs"]
mod setting;
#[path = "../../../tests/killed/tell.rs"]
mod tell;
#[path = "../../../tests/killed/whole.rs"]
mod whole;

use setting::Setting;
use tombola::Durability;
use tombola_powercut::{Disk, MIB, or_skip};

/// Nine combinations of format and storage, each cut so often: 36 in the ordinary run.
const CUTS: usize = 4;
/// A file system is cut so often at most: checking it reads all of its log.
const CUTS_OF_ONE: usize = 12;

/// What runs while the power is cut; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    child::live();
}

/// Otherwise everything here could pass on a file system that loses nothing.
#[test]
fn what_nobody_promised_is_lost() {
    let Some(mut disk) = or_skip(Disk::new(64 * MIB)) else {
        return;
    };
    let data = disk.root().join("data");
    for (durability, is_kept) in [(Durability::Device, true), (Durability::Kernel, false)] {
        let engine = common::builder(&data).durability(durability).open();
        let engine = engine.unwrap();
        let pool = engine.register(common::banner()).unwrap();
        let drawn = common::draw_many(&mut engine.client().unwrap(), &pool, 1_000);
        disk.cut().unwrap();
        drop(engine);
        disk.remount().unwrap();
        let last = drawn.last().unwrap().seq.unwrap();
        let recovered = common::examine(&data).shards[0].next_seq;
        assert_eq!(
            recovered > last,
            is_kept,
            "{durability:?}: {last} of {recovered}"
        );
    }
}

/// The limit of what only the kernel has: where nothing at all of it reached the device there is
/// no hole to refuse, the log just ends earlier, and its numbers are given once more.
#[test]
fn a_log_that_only_ends_earlier_opens_without_a_word() {
    // The kernel may write some of it by itself; then there may be a hole.
    for _ in 0..10 {
        let Some(mut disk) = or_skip(Disk::new(64 * MIB)) else {
            return;
        };
        let data = disk.root().join("data");
        drop(common::builder(&data).open().unwrap());
        let kernel = common::builder(&data).durability(Durability::Kernel);
        let engine = kernel.open().unwrap();
        let pool = engine.register(common::banner()).unwrap();
        let drawn = common::draw_many(&mut engine.client().unwrap(), &pool, 1_000);
        disk.cut().unwrap();
        drop(engine);
        disk.remount().unwrap();
        let Ok(engine) = common::builder(&data).open() else {
            continue;
        };
        let pool = engine.register(common::banner()).unwrap();
        let mut client = engine.client().unwrap();
        let next = client.draw(&pool, common::LIMIT).unwrap();
        if next.seq > drawn[0].seq {
            continue;
        }
        assert!(next.request <= drawn[0].request);
        return;
    }
    panic!("it never is so");
}

fn combinations(format: usize) {
    for storage in 0..3 {
        let cuts = CUTS * common::long();
        for round in 0..cuts.div_ceil(CUTS_OF_ONE) {
            let Some(mut disk) = or_skip(Disk::new(128 * MIB)) else {
                return;
            };
            let number = format + storage + round;
            let setting = Setting {
                format,
                storage,
                durability: 0,
                shards: 1 + number % 3,
                snapshot_records: [300, 1_000_000][number % 2],
                data: disk.root().join("data"),
                archive: disk.root().join("archive"),
            };
            let cuts = (cuts - round * CUTS_OF_ONE).min(CUTS_OF_ONE);
            let seed = (1000 + 100 * round + 10 * format + storage) as u64;
            lives::lives(setting, cuts, seed, |process| {
                disk.cut().unwrap();
                let said = process.kill();
                disk.remount().unwrap();
                said
            });
        }
    }
}

#[test]
fn bincode() {
    combinations(0);
}

#[test]
fn json_lines() {
    combinations(1);
}

#[test]
fn lines() {
    combinations(2);
}
