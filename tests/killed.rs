//! A real process that draws, retries, holds, gives back and changes its pools, killed with -9 at
//! random moments: what it was told is in the log, whole; the same key gets the same; no unit is
//! lost or handed out twice.

mod common;

#[path = "killed/child.rs"]
mod child;
#[path = "killed/counted.rs"]
mod counted;
#[path = "killed/edited.rs"]
mod edited;
#[path = "killed/known.rs"]
mod known;
#[path = "killed/lives.rs"]
mod lives;
#[path = "killed/moved.rs"]
mod moved;
#[path = "killed/process.rs"]
mod process;
#[path = "killed/setting.rs"]
mod setting;
#[path = "killed/tell.rs"]
mod tell;
#[path = "killed/whole.rs"]
mod whole;

use process::{Process, Said};
use setting::Setting;

/// Nine combinations of format and storage, each killed so often: 72 in the ordinary run.
const KILLS: usize = 8;
/// A directory is killed so often at most: checking it reads all of its log.
const KILLS_OF_ONE: usize = 12;

/// What the killed processes run; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    child::live();
}

fn kill(process: Process) -> Said {
    let said = process.kill();
    assert_eq!(said.other, [""; 0]);
    said
}

fn combinations(format: usize) {
    for storage in 0..3 {
        let kills = KILLS * common::long();
        for round in 0..kills.div_ceil(KILLS_OF_ONE) {
            let number = format + storage + round;
            let place = tempfile::tempdir().unwrap();
            let setting = Setting {
                format,
                storage,
                // The device's and the kernel's; memory survives nothing.
                durability: number % 2,
                shards: 1 + number / 2 % 3,
                snapshot_records: [300, 1_000_000][number % 2],
                data: place.path().join("data"),
                archive: place.path().join("archive"),
            };
            let kills = (kills - round * KILLS_OF_ONE).min(KILLS_OF_ONE);
            let seed = (100 * round + 10 * format + storage) as u64;
            lives::lives(setting, kills, seed, kill);
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
