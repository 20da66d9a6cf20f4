//! One run: lives, ends and what has to hold after each of them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use serde::Serialize;
use tombola::{
    Durability, LogFormat, Placement,
    canary::{self, Canary},
    machine::Directory,
    recovery::Examination,
    shard::partition::{CountsOnly, Pool},
};

use crate::{
    book::Book,
    damage::After,
    dice::Dice,
    disk::{Counts, Crash, Disk, Faults, Rates},
    evidence::Evidence,
    history::History,
    life::{self, End},
    plan::{Life, Plan},
    tasks::Turns,
    verdict,
};

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Runs.
    pub runs: u64,
    /// Lives of engines.
    pub lives: u64,
    /// Lives that did not begin, because of a fault while the engine was opened.
    pub not_opened: u64,
    /// Draws that were acknowledged.
    pub acknowledged: u64,
    /// Records that were found in the logs.
    pub records: u64,
    /// Recoveries that went well.
    pub recoveries: u64,
    /// Recoveries that were refused because of damage, rightly.
    pub refusals: u64,
    /// Losses that were accepted.
    pub accepted: u64,
    /// Damage that could be told and harmed nothing.
    pub harmless: u64,
    /// What happened to the disk.
    pub disk: Counts,
    /// Everything that happened, as one number.
    pub trace: u64,
}

impl Report {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.lives += other.lives;
        self.not_opened += other.not_opened;
        self.acknowledged += other.acknowledged;
        self.records += other.records;
        self.recoveries += other.recoveries;
        self.refusals += other.refusals;
        self.accepted += other.accepted;
        self.harmless += other.harmless;
        self.disk.add(&other.disk);
        self.trace ^= other.trace;
    }
}

/// What does not hold, and in which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The seed that shows it again.
    pub seed: u64,
    /// In which life, counted from 1.
    pub life: usize,
    /// What does not hold.
    pub what: String,
}

/// Runs a seed, with a fault planted in the engine or none.
///
/// # Errors
/// What does not hold.
pub fn run(seed: u64, canary: Option<Canary>) -> Result<Report, Box<Failure>> {
    let plan = Plan::new(seed);
    let mut run = Run {
        disk: Disk::new(seed),
        dice: Dice::new(!seed),
        plan,
        book: Book::default(),
        history: History::default(),
        report: Report {
            runs: 1,
            ..Report::default()
        },
        life: 0,
    };
    canary::plant(canary);
    // A panic is a failure like any other.
    let ran = catch_unwind(AssertUnwindSafe(|| run.all()));
    canary::plant(None);
    let what = match ran {
        Ok(Ok(())) => {
            run.report.disk = run.disk.counts();
            run.report.trace = run.disk.trace();
            run.report.acknowledged = run.book.acknowledged_ever;
            run.report.records = run.history.records_ever();
            return Ok(run.report);
        }
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            format!("panic: {}", text.unwrap_or_default())
        }
    };
    let life = run.life;
    Err(Box::new(Failure { seed, life, what }))
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) disk: Disk,
    pub(crate) dice: Dice,
    pub(crate) book: Book,
    pub(crate) history: History,
    pub(crate) report: Report,
    pub(crate) life: usize,
}

impl Run {
    fn all(&mut self) -> Result<(), String> {
        for life in self.plan.lives.clone() {
            if self.live_and_check(&life)? == After::Ends {
                return Ok(());
            }
        }
        if self.plan.rots && self.plan.engine.durability == Durability::Device {
            for _ in 0..self.dice.within(1, 3) {
                if self.rot()? == After::Ends {
                    break;
                }
                let life = self.dice.index(self.plan.lives.len());
                let life = self.plan.lives[life].clone();
                if self.live_and_check(&life)? == After::Ends {
                    break;
                }
            }
        }
        Ok(())
    }

    fn live_and_check(&mut self, life: &Life) -> Result<After, String> {
        self.life += 1;
        let before = self.disk.counts().misdirected;
        self.live(life)?;
        if self.disk.counts().misdirected > before {
            return self.after_misdirection();
        }
        self.check()?;
        Ok(After::GoesOn)
    }

    pub(crate) fn directories(&self) -> (Directory, Directory) {
        let among = |path| Directory::among(Arc::new(self.disk.clone()), path);
        (among(Plan::DATA), among(Plan::ARCHIVE))
    }

    fn live(&mut self, life: &Life) -> Result<(), String> {
        self.report.lives += 1;
        self.disk.set_faults(life.faults);
        self.disk.crash_in(life.crash_in);
        let dice = self.dice.fork();
        let Self {
            disk,
            plan,
            book,
            history,
            ..
        } = self;
        let end = life::live(disk, plan, life, book, history, dice)?;
        if let End::NotOpened(reason, is_damage) = end {
            self.report.not_opened += 1;
            let is_to_be_expected = life.faults != Faults::default() || self.disk.is_down();
            if is_damage || !is_to_be_expected {
                return Err(format!("an undamaged directory does not open: {reason}"));
            }
        }
        // What is planted stays; what only happens does not happen to those who look.
        self.disk.set_faults(Faults {
            rates: Rates::default(),
            capacity_bytes: None,
        });
        self.disk.crash(life.crash.unwrap_or(Crash::Kill));
        Ok(())
    }

    /// Everything holds, and opening once more changes nothing.
    fn check(&mut self) -> Result<(), String> {
        let (data, archive) = self.directories();
        if self.is_empty() {
            return Ok(());
        }
        let before = self.verdict(&data, &archive)?;
        if let Some(finding) = before.findings().next() {
            return Err(format!("damage where there is none: {finding}"));
        }
        self.open_and_kill()?;
        let after = self.verdict(&data, &archive)?;
        let held = |examination: &Examination| {
            let shards = examination.shards.iter();
            shards
                .map(|shard| shard.partition.holds_open())
                .sum::<usize>()
        };
        // Pools whose registration broke off may be finished.
        let (before_it, after_it) = (units(&before), units(&after));
        let mut before_it = before_it.iter();
        if held(&before) == 0
            && let Some(changed) = before_it.find(|pool| !after_it.contains(pool))
        {
            return Err(format!(
                "opening changed {changed:?}; there is {after_it:?}"
            ));
        }
        self.report.recoveries += 1;
        Ok(())
    }

    fn verdict(&mut self, data: &Directory, archive: &Directory) -> Result<Examination, String> {
        let evidence = Evidence::of(&self.disk.image());
        verdict::check(data, archive, &evidence, &self.book, &mut self.history)
    }

    /// Whether the engine never came so far as to describe its directory.
    pub(crate) fn is_empty(&self) -> bool {
        !self
            .disk
            .has_file(&Path::new(Plan::DATA).join("engine.json"))
    }

    pub(crate) fn open_and_kill(&mut self) -> Result<(), String> {
        let turns = Turns::new(self.disk.clone(), self.dice.fork());
        let life = Life {
            format: LogFormat::Bincode,
            ..self.plan.lives[0].clone()
        };
        let opened = life::open(&self.disk, &self.plan, &life, &turns);
        let engine = opened.map_err(|error| format!("it does not open: {error}"))?;
        self.history.fix();
        self.disk.take_down();
        drop(engine);
        self.disk.come_up(Crash::Kill);
        Ok(())
    }
}

/// What became of the units of every item.
fn units(examination: &Examination) -> Vec<(String, Vec<[Option<u64>; 5]>)> {
    let pools = examination.pools();
    // A pool that is on some of its shards only is not there yet.
    let is_whole = |pool: &&std::borrow::Cow<'_, Pool<CountsOnly>>| {
        let name = &pool.definition().name;
        let parts = examination.shards.iter().flat_map(|shard| {
            let parts = shard.partition.pools().iter();
            parts.filter(|part| part.is_registered() && part.definition().name == *name)
        });
        pool.definition().placement == Placement::OneShard
            || parts.count() == examination.shards.len()
    };
    let units = pools.iter().filter(is_whole).map(|pool| {
        let items = pool.items().map(|item| {
            let (drawn, held) = (Some(item.drawn), Some(item.held));
            [
                item.remaining,
                drawn,
                held,
                Some(item.voided),
                Some(item.restocked),
            ]
        });
        (pool.definition().name.clone(), items.collect())
    });
    units.collect()
}
