//! `tombola log`: every record that the logs hold.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use tombola::{
    recovery::{self, Depth, Examination},
    wal::record::Record,
};

use crate::{
    failure::Failure,
    findings,
    output::Output,
    records::{Line, Names},
};

const AFTER_HELP: &str = "\
Segments that two snapshots cover are retired, so the first records of an old directory are not
there any more; what they came to is in `tombola state`.

Exit codes: 0 ok, 1 failed, 2 not a data directory, 3 damage (what can be read is shown;
`tombola inspect` shows whatever is whole in one file).

Examples:
  tombola log ./data | head
  tombola log ./data --json | jq 'select(.type == \"draw\" and .item == \"gold\")'";

/// Prints every record in the logs, in order of shard and sequence number.
///
/// Reads only, also beside a running engine; then it shows what was durable at that moment.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The data directory.
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Prints a JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { data, json } = arguments;
    // The records name pools by their places; the snapshot knows what those are called.
    let examination = recovery::examine(data, Depth::Needed)?;
    let mut printer = Printer {
        output: Output::new(),
        json: *json,
        names: Names::of(&examination),
        failure: None,
    };
    drop(examination);
    let read = printer.read(data);
    printer.output.finish()?;
    let read = read?;
    findings::warn(read.findings());
    // Also where a snapshot makes up for the damage: the records are missing here all the same.
    if read.findings().next().is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Damage(format!(
        "{} is damaged, and what cannot be read is missing above; see `tombola verify`",
        data.display()
    )))
}

struct Printer {
    output: Output,
    json: bool,
    names: Names,
    /// Why nothing more is printed.
    failure: Option<Failure>,
}

impl Printer {
    fn read(&mut self, data: &Path) -> Result<Examination, Failure> {
        let read = recovery::read_records(data, &mut |shard, seq, record| {
            self.see(shard, seq, record);
        });
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        Ok(read?)
    }

    fn see(&mut self, shard: usize, seq: u64, record: &Record) {
        if self.failure.is_some() {
            return;
        }
        self.names.learn(shard, seq, record);
        let line = Line::new(shard, seq, record, &self.names);
        let printed = if self.json {
            self.output.json(&line)
        } else {
            self.output.line(&line.to_string())
        };
        self.failure = printed.err();
    }
}
