//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, builder::PossibleValuesParser};

use crate::sections::SECTIONS;

/// The word for all sections.
const ALL: &str = "all";

const AFTER_HELP: &str = "\
Every configuration runs once before any runs again, and the figures are medians. Before and after
each run with a log, single 4 KiB writes are timed in the same directory, each flushed: what a draw
costs at least at that moment.

Writes results/NAME.json and pictures (.svg, .png) below the directory of --out, and with `all` the
table RESULTS.md beside them. Data goes to a new directory that is removed afterwards.

Exit codes: 0 it ran, whatever the figures; 1 it failed; 2 usage; 3 a goal was missed, with --strict;
130 interrupted.

Examples:
  tombola-perf all
  tombola-perf saturation latency --repetitions 3
  tombola-perf all --seconds 0.2 --repetitions 1 --out target/perf
  tombola-perf latency --only '100000 a second/shard park'
  tombola-perf latency --directory /mnt/disk --json";

/// Measures Tombola, and compares it with its goals.
#[derive(Debug, Parser)]
#[command(name = "tombola-perf", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Options {
    /// What to measure: `all`, or some of the sections.
    #[arg(required = true, value_name = "SECTION", value_parser = sections(), hide_possible_values = false)]
    sections: Vec<String>,

    /// Only the cases whose names contain this, for a profiler; goals that lack one are left out.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,

    /// How often everything is measured.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repetitions: u32,

    /// How long each run is measured; it warms up for a quarter of that.
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// Below which directory the data goes; its file system is what is measured [default: the
    /// system's temporary directory, or the current one where that is in memory].
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Where results and pictures go.
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_MANIFEST_DIR"), hide_default_value = true)]
    pub(crate) out: PathBuf,

    /// Prints the whole record as JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,

    /// A missed goal is a failure.
    #[arg(long)]
    pub(crate) strict: bool,
}

impl Options {
    /// Whether everything is measured.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && self.has_all()
    }

    fn has_all(&self) -> bool {
        self.sections.iter().any(|section| section == ALL)
    }

    /// Whether this section is.
    pub(crate) fn has(&self, section: &str) -> bool {
        self.has_all() || self.sections.iter().any(|name| name == section)
    }

    /// What the record is called.
    pub(crate) fn name(&self) -> String {
        if self.has_all() {
            ALL.to_owned()
        } else {
            self.sections.join("-")
        }
    }
}

fn sections() -> PossibleValuesParser {
    let names = SECTIONS.iter().map(|section| section.name);
    PossibleValuesParser::new([ALL].into_iter().chain(names))
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("write seconds, from 0.01 to 3600".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Options::command().debug_assert();
        let options = Options::parse_from(["tombola-perf", "latency", "memory"]);
        assert!(options.has("memory") && !options.has("growth") && !options.is_whole());
        assert_eq!(options.name(), "latency-memory");
        let options = Options::parse_from(["tombola-perf", "all"]);
        assert!(options.has("growth") && options.is_whole());
        assert!(Options::try_parse_from(["tombola-perf", "everything"]).is_err());
    }
}
