//! A real process that draws, retries, holds, gives back and changes its pools, killed with -9 at
//! random moments: what it was told is in the log, whole; the same key gets the same; no unit is
//! lost or handed out twice.

mod common;

#[path = "killed/child.rs"]
mod child;
#[path = "killed/known.rs"]
mod known;
#[path = "killed/setting.rs"]
mod setting;

use std::{
    env,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use known::Known;
use setting::Setting;
use tombola::selector::{Stream, below};

/// Nine combinations of format and storage, each killed so often: 36 in the ordinary run.
const KILLS: usize = 4;

/// What the killed processes run; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    child::live();
}

fn kill(setting: &Setting, life: u64, after: Duration) {
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(child::LIFE, setting.write(life))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    assert_eq!(process.try_wait().unwrap(), None, "it ended by itself");
    process.kill().unwrap();
    process.wait().unwrap();
}

fn lives(format: usize) {
    for storage in 0..3 {
        let place = tempfile::tempdir().unwrap();
        let setting = Setting {
            format,
            storage,
            // The device's and the kernel's; memory survives nothing.
            durability: (format + storage) % 2,
            snapshots: storage == format,
            data: place.path().join("data"),
            told: place.path().join("told"),
        };
        let mut known = Known::default();
        let mut stream = Stream::for_shard((10 * format + storage) as u64, 0);
        for life in 1..=(KILLS * common::long()) as u64 {
            // Every third time early: while it is opened, and what was left is recovered.
            let most_us = if life % 3 == 0 { 30_000 } else { 150_000 };
            let after = Duration::from_micros(below(&mut stream, most_us));
            kill(&setting, life, after);
            if !setting.data.join("engine.json").exists() {
                continue;
            }
            known.read(&setting);
            known.ask_again(&setting);
        }
        assert!(known.answers() > 100, "{setting:?}: {}", known.answers());
    }
}

#[test]
fn bincode() {
    lives(0);
}

#[test]
fn json_lines() {
    lives(1);
}

#[test]
fn lines() {
    lives(2);
}
