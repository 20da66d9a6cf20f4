//! What a run leaves behind.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use tombola_measure::Machine;

use crate::{failure::Failure, figures::Figures, peers::Candidate, shape::Shape};

/// Everything that was measured, and where, and how.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    /// Where and with what it was told to run.
    command: String,
    began_unix_s: u64,
    /// How busy the machine was in the minute before, and in the last minute: runnable threads.
    pub(crate) load_before: f64,
    pub(crate) load_after: f64,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    /// Single writes of 4 KiB, each flushed, before each system's turn.
    pub(crate) device: Option<Figures>,
    device_turns: Vec<Figures>,
    pub(crate) rows: Vec<Row>,
    /// Systems that something is missing for.
    pub(crate) left_out: Vec<String>,
}

/// A system, asked in one way.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) system: &'static str,
    pub(crate) title: &'static str,
    durable: &'static str,
    #[serde(serialize_with = "title")]
    pub(crate) asked: Shape,
    rounds: Vec<Figures>,
    pub(crate) median: Option<Figures>,
}

fn title<S: serde::Serializer>(shape: &Shape, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shape.title())
}

impl Record {
    pub(crate) fn new(machine: Machine, rounds: u32, seconds: f64) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            machine,
            command: format!("tombola-peers {}", tombola_measure::arguments()),
            began_unix_s: began.map_or(0, |since| since.as_secs()),
            load_before: load(),
            load_after: 0.0,
            rounds,
            seconds,
            device: None,
            device_turns: Vec::new(),
            rows: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Takes down what the device alone did.
    pub(crate) fn device(&mut self, figures: Figures) {
        self.device_turns.push(figures);
    }

    /// Takes down one measurement.
    pub(crate) fn add(&mut self, candidate: &Candidate, asked: Shape, figures: Figures) {
        let known = |row: &&mut Row| row.system == candidate.name && row.asked == asked;
        if let Some(row) = self.rows.iter_mut().find(known) {
            row.rounds.push(figures);
            return;
        }
        self.rows.push(Row {
            system: candidate.name,
            title: candidate.title,
            durable: candidate.durable,
            asked,
            rounds: vec![figures],
            median: None,
        });
    }

    /// Takes the medians.
    pub(crate) fn finish(&mut self) {
        self.load_after = load();
        self.device = Figures::median(&self.device_turns);
        for row in &mut self.rows {
            row.median = Figures::median(&row.rounds);
        }
    }

    /// Writes it into a directory, under a name with the time in it.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Failure> {
        fs::create_dir_all(directory)?;
        let path = directory.join(format!("peers-{}.json", self.began_unix_s));
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next();
    first.and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}
