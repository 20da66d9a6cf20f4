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
#[path = "killed/moved.rs"]
mod moved;
#[path = "killed/setting.rs"]
mod setting;
#[path = "killed/tell.rs"]
mod tell;
#[path = "killed/whole.rs"]
mod whole;

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use child::Life;
use known::Known;
use setting::Setting;
use tell::Told;
use tombola::selector::{Stream, below};

/// Nine combinations of format and storage, each killed so often: 72 in the ordinary run.
const KILLS: usize = 8;
/// A directory is killed so often at most: checking it reads all of its log.
const KILLS_OF_ONE: usize = 12;

/// What the killed processes run; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    child::live();
}

/// Lets a process live for a while, and hears what it says until it is killed.
fn live(life: &Life, time: Duration, known: &mut Known) {
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(child::LIFE, serde_json::to_string(life).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(process.stderr.take().unwrap());
    let hearing = thread::spawn(move || said.lines().collect::<Result<Vec<_>, _>>());
    thread::sleep(time);
    let ended = process.try_wait().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let said = hearing.join().unwrap().unwrap();
    assert_eq!(ended, None, "it ended by itself: {said:#?}");
    for line in said {
        known.hear(serde_json::from_str::<Told>(&line).unwrap_or_else(|_| panic!("{line}")));
    }
}

fn lives(setting: Setting, kills: usize, seed: u64) {
    let (mut known, mut stream) = (Known::default(), Stream::for_shard(seed, 0));
    let mut life = Life { setting, number: 0 };
    for kill in 1..=kills {
        life.number += 1;
        // Every third time early: while it is opened, and what was left is recovered.
        let most_us = if kill % 3 == 0 { 30_000 } else { 300_000 };
        let time = Duration::from_micros(below(&mut stream, most_us));
        live(&life, time, &mut known);
        if life.setting.data.join("engine.json").exists() {
            let unfinished = known.read(&life.setting);
            known.recover_again(&life.setting, unfinished);
            known.ask_again(&life.setting);
        }
    }
    let setting = &life.setting;
    assert!(known.answers() > 50, "{setting:?}: {}", known.answers());
    eprintln!(
        "{} shards: {} answers, {} transfers",
        setting.shards,
        known.answers(),
        known.transfers()
    );
    let has_moved = known.transfers() > 0;
    assert_eq!(has_moved, setting.shards > 1, "{setting:?}");
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
            lives(setting, kills, (100 * round + 10 * format + storage) as u64);
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
