//! What was measured, as it is kept.

use std::{fs, path::Path};

use serde::Serialize;
use tombola_measure::Machine;

use crate::{failure::Failure, goal::Goal, results::Results, table};

/// Everything about a run that somebody needs who was not there.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) date: String,
    /// With `+` behind it: and changes that are not committed.
    pub(crate) revision: Option<String>,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) load_before: f64,
    pub(crate) load_after: f64,
    /// How long each run was measured.
    pub(crate) seconds: f64,
    pub(crate) repetitions: u32,
    pub(crate) goals: Vec<Goal>,
    pub(crate) results: Results,
}

impl Record {
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("every key is text")
    }

    /// Writes `results/NAME.json` below a directory, and the table of everything beside it.
    pub(crate) fn write(&self, out: &Path, is_whole: bool) -> Result<(), Failure> {
        let results = out.join("results");
        fs::create_dir_all(&results)?;
        let json = serde_json::to_string_pretty(self)?;
        fs::write(results.join(format!("{}.json", self.name)), json + "\n")?;
        if is_whole {
            fs::write(out.join("RESULTS.md"), table::markdown(self))?;
        }
        Ok(())
    }
}
