//! A process lives with a file system whose device records every write and flush; then the device
//! is rebuilt as a power cut could have left it at any of these: with all that was flushed, and with
//! some of what was not, whole or torn, in any order. Each time the kernel replays its journal, the
//! engine recovers, and what the process had been told by then is there.

#[path = "../../../tests/common/mod.rs"]
mod common;

#[path = "../../../tests/killed/child.rs"]
mod child;
#[path = "../../../tests/killed/counted.rs"]
mod counted;
#[path = "../../../tests/killed/edited.rs"]
mod edited;
#[allow(dead_code, reason = "the lives of whole processes ask for more")]
#[path = "../../../tests/killed/known.rs"]
mod known;
#[allow(dead_code, reason = "the lives of whole processes ask for more")]
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

use std::path::PathBuf;

use child::Life;
use known::Known;
use process::{Moment, Process};
use setting::Setting;
use tell::Told;
use tombola::{
    recovery::{self, Depth},
    selector::{Stream, below},
};
use tombola_powercut::{
    Chance, Device, Disk, Fate, MIB, OnlyFlushed, Recording, empty_image, long_form, or_skip,
};

/// Nine combinations of format and storage, each cut at so many moments: 144 in the ordinary run.
const CUTS: usize = 16;
/// So many moments are chosen in two recordings.
const CUTS_OF_ONE: usize = 40;

/// So many events at least are recorded to look at every flush among them.
const EVENTS_MIN: u64 = 300;

/// What runs while it is recorded; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    child::live();
}

/// What a seed leaves of the writes that were not flushed.
struct Random<'a>(&'a mut Stream);

impl Chance for Random<'_> {
    fn fate(&mut self) -> Fate {
        match below(self.0, 3) {
            0 => Fate::Kept,
            1 => Fate::Lost,
            _ => Fate::Torn,
        }
    }

    fn keeps_sector(&mut self) -> bool {
        below(self.0, 2) == 0
    }
}

/// A life that was recorded, and what was heard of it and of the lives before, each with the number
/// of events until then.
struct Recorded {
    setting: Setting,
    recording: Recording,
    told: Vec<(u64, Told)>,
}

/// Lets a process live on a device of ours, until its power is cut at some moment.
fn record(
    image: Vec<u8>,
    setting: &Setting,
    moment: Moment,
    before: Vec<(u64, Told)>,
) -> Option<Recorded> {
    record_until(image, setting, moment, before, |process, _| process.wait())
}

/// Lets a process live on a device of ours, until its power is cut when `until` comes back.
fn record_until(
    image: Vec<u8>,
    setting: &Setting,
    moment: Moment,
    before: Vec<(u64, Told)>,
    until: impl FnOnce(&mut Process, &Device),
) -> Option<Recorded> {
    let device = or_skip(Device::new(image))?;
    let mut disk = or_skip(Disk::over(&device.path()))?;
    let setting = on(&disk, setting);
    let number = if before.is_empty() { 1 } else { 2 };
    let life = Life { setting, number };
    let mut process = Process::start(&life, moment, device.clock());
    until(&mut process, &device);
    disk.cut().unwrap();
    let mut told = before;
    told.extend(process.kill().told);
    disk.unmount().unwrap();
    Some(Recorded {
        setting: life.setting,
        recording: device.take(),
        told,
    })
}

fn on(disk: &Disk, setting: &Setting) -> Setting {
    Setting {
        data: disk.root().join("data"),
        archive: disk.root().join("archive"),
        ..setting.clone()
    }
}

impl Recorded {
    /// What was told by the time of so many events. What was submitted later stays: it does no harm,
    /// for it is not there.
    fn told_by(&self, events: usize) -> impl Iterator<Item = &Told> {
        let by_then = move |(heard_at, told): &&(u64, Told)| {
            let is_answer = matches!(told, Told::Answered(_) | Told::Settled(..) | Told::Edited);
            !is_answer || *heard_at <= events as u64
        };
        self.told.iter().filter(by_then).map(|(_, told)| told)
    }

    /// Another life, after the power was cut in this one: it begins with a recovery, and its power is
    /// cut meanwhile.
    fn again(&self, events: usize, chance: &mut dyn Chance, moment: Moment) -> Option<Self> {
        let image = self.recording.after_cut(events, chance);
        let before = self.told_by(events).map(|told| (0, told.clone()));
        record(image, &self.setting, moment, before.collect())
    }

    /// Cuts the power at some moments, half of them right behind a flush. Returns the most draws
    /// that had been answered.
    fn cuts(&self, cuts: usize, stream: &mut Stream) -> usize {
        let flushes: Vec<_> = self.recording.flushes().collect();
        let events = self.recording.events.len();
        let mut answers = 0;
        for cut in 0..cuts {
            let found = if cut % 2 == 0 {
                let flush = below(stream, flushes.len() as u64) as usize;
                self.cut(flushes[flush], &mut OnlyFlushed)
            } else {
                let event = below(stream, events as u64 + 1) as usize;
                self.cut(event, &mut Random(stream))
            };
            answers = answers.max(found);
        }
        eprintln!(
            "{:?}: {events} events, {} flushes, {cuts} cuts, up to {answers} answers",
            self.setting,
            flushes.len()
        );
        answers
    }

    /// Cuts the power after so many events, and checks what is left. Returns how many draws had
    /// been answered.
    fn cut(&self, events: usize, chance: &mut dyn Chance) -> usize {
        let image = self.recording.after_cut(events, chance);
        self.holds_in(&image, events)
    }

    /// Checks what is left on a device after so many events. Returns how many draws had been
    /// answered.
    fn holds_in(&self, image: &[u8], events: usize) -> usize {
        let disk = Disk::with(image).expect("the journal makes it whole");
        let setting = on(&disk, &self.setting);
        let mut known = Known::default();
        self.told_by(events)
            .for_each(|told| known.hear(told.clone()));
        let answers = known.answers();
        if setting.data.join("engine.json").exists() {
            let unfinished = known.read(&setting);
            known.recover_again(&setting, unfinished);
            known.ask_again(&setting);
        } else {
            assert_eq!(answers, 0, "nothing is left");
        }
        answers
    }
}

fn setting(format: usize, storage: usize, durability: usize, number: usize) -> Setting {
    Setting {
        format,
        storage,
        durability,
        shards: 1 + number % 3,
        snapshot_records: [300, 1_000_000][number % 2],
        data: PathBuf::new(),
        archive: PathBuf::new(),
    }
}

/// A life that draws, and one that is cut off while it recovers, or soon after.
fn lives(setting: &Setting, cuts: usize, stream: &mut Stream) -> Option<()> {
    let moment = Moment::Snapshot(100_000 + below(stream, 100_000));
    let image = or_skip(empty_image(64 * MIB))?;
    let first = record(image, setting, moment, Vec::new())?;
    let answers = first.cuts(cuts.div_ceil(2), stream);
    assert!(answers > 0, "{setting:?}");
    let events = below(stream, first.recording.events.len() as u64) as usize;
    let moment = Moment::Opening(below(stream, 40_000));
    let second = first.again(events, &mut Random(stream), moment)?;
    second.cuts(cuts / 2, stream);
    Some(())
}

/// Right behind every flush of a life, from the first directory on, all that was told is there.
/// In the ordinary run it is one short life, so that it does no harm where a device in user space
/// stands still for a while: there is no time after which it fails.
#[test]
fn every_flush() {
    let storages = if common::long() > 1 { 3 } else { 1 };
    for storage in 0..storages {
        let events_min = EVENTS_MIN * common::long() as u64;
        let setting = setting(storage, storage, 0, storage + 2);
        let Some(image) = or_skip(empty_image(32 * MIB)) else {
            return;
        };
        let until = |process: &mut Process, device: &Device| {
            let clock = device.clock();
            while clock() < events_min {
                process.wait();
            }
        };
        let moment = Moment::After(1_000);
        let Some(recorded) = record_until(image, &setting, moment, Vec::new(), until) else {
            return;
        };
        let (mut flushes, mut answers) = (0, 0);
        recorded.recording.at_each_flush(|events, image| {
            flushes += 1;
            answers = answers.max(recorded.holds_in(image, events));
        });
        eprintln!(
            "{:?}: each of {flushes} flushes, up to {answers} answers",
            recorded.setting
        );
        assert!(answers > 0, "{:?}", recorded.setting);
    }
}

fn combinations(format: usize) {
    if long_form().is_none() {
        return;
    }
    for storage in 0..3 {
        let cuts = CUTS * common::long();
        for round in 0..cuts.div_ceil(CUTS_OF_ONE) {
            let seed = (100 * round + 10 * format + storage) as u64;
            let mut stream = Stream::for_shard(seed, 3);
            let setting = setting(format, storage, 0, format + storage + round);
            let cuts = (cuts - round * CUTS_OF_ONE).min(CUTS_OF_ONE);
            if lives(&setting, cuts, &mut stream).is_none() {
                return;
            }
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

/// Otherwise everything here could pass on a device that loses nothing.
#[test]
fn what_is_not_flushed_is_missed() {
    if long_form().is_none() {
        return;
    }
    let Some(image) = or_skip(empty_image(64 * MIB)) else {
        return;
    };
    let setting = setting(0, 2, 1, 0);
    let Some(recorded) = record(image, &setting, Moment::After(300_000), Vec::new()) else {
        return;
    };
    let answers = recorded
        .told
        .iter()
        .filter_map(|(heard_at, told)| match told {
            Told::Answered(answer) => Some((*heard_at, answer.seq)),
            _ => None,
        });
    let is_missed = |(heard_at, seq)| {
        let image = recorded
            .recording
            .after_cut(heard_at as usize, &mut OnlyFlushed);
        let disk = Disk::with(&image).unwrap();
        let found = recovery::examine(disk.root().join("data"), Depth::Needed);
        found.is_ok_and(|found| found.shards[0].next_seq <= seq)
    };
    assert!(answers.step_by(20).any(is_missed));
}
