//! `tombola recover`: recovers a data directory and closes it again.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use serde::Serialize;
use tombola::{
    Config, Engine, Error, Finding, StorageKind,
    recovery::{self, Acceptance, Depth, ShardState, Tail},
};

use tracing::subscriber::NoSubscriber;

use crate::{
    failure::Failure,
    findings,
    options::EngineOptions,
    output::{self, counted, grouped},
};

const AFTER_HELP: &str = "\
Without --accept-loss a damaged directory is left as it is (exit code 3). With it, everything
readable is kept, the damaged files move to a directory lost-... beside the log, and what is gone is
named.

Exit codes: 0 ok, 1 failed, 2 usage or not a data directory, 3 damage.

Examples:
  tombola recover ./data
  tombola recover ./data --accept-loss --json";

/// Recovers a data directory after a crash, and closes it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The data directory.
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Gives up what cannot be read, and says exactly what that is.
    #[arg(long)]
    accept_loss: bool,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineOptions,
}

#[derive(Debug, Serialize)]
struct Recovery {
    ok: bool,
    accepted: Vec<Acceptance>,
    findings: Vec<Finding>,
    shards: Vec<Recovered>,
}

/// What was done to a shard.
#[derive(Debug, Serialize)]
struct Recovered {
    shard: usize,
    seq: u64,
    snapshot_seq: u64,
    replayed: u64,
    torn_tail: Option<TornTail>,
}

/// Where a tail was cut off.
#[derive(Debug, Serialize)]
struct TornTail {
    segment: u64,
    offset: u64,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        data,
        accept_loss,
        json,
        engine: options,
    } = arguments;
    let config = settings(&options, "recover")?;
    let accepted = if accept_loss {
        recovery::accept_loss(&data)?
    } else {
        Vec::new()
    };
    let examination = recovery::examine(&data, Depth::Needed)?;
    // What it would warn of is on the page.
    let opened = tracing::subscriber::with_default(NoSubscriber::default(), || {
        Engine::builder(&data).config(config).open()
    });
    let recovery = Recovery {
        ok: opened.is_ok(),
        accepted,
        findings: examination.findings().cloned().collect(),
        shards: examination.shards.iter().map(Recovered::of).collect(),
    };
    if recovery.ok || !recovery.findings.is_empty() {
        if json {
            output::print_json(&recovery)?;
        } else {
            output::print(&recovery.page())?;
        }
    }
    match opened {
        // Where and how is told above.
        Err(Error::Damaged { path, findings }) => Err(Failure::Damage(format!(
            "{} is damaged and was left as it is: {}; restore the files from a backup, or accept \
             the loss (`tombola recover --accept-loss`)",
            path.display(),
            counted(findings.len() as u64, "finding")
        ))),
        opened => {
            opened?.shutdown()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The settings for a verb that opens a directory which is already there.
pub(crate) fn settings(options: &EngineOptions, verb: &str) -> Result<Config, Failure> {
    let mut config = Config::default();
    options.lay_over(&mut config);
    if config.storage == StorageKind::None {
        return Err(Failure::Usage(format!(
            "{verb} needs the data directory, which the storage \"none\" does not touch; use uring, mmap or file"
        )));
    }
    Ok(config)
}

impl Recovered {
    fn of(state: &ShardState) -> Self {
        let seq = state.next_seq - 1;
        let lost: u64 = state
            .gaps
            .iter()
            .map(|gap| gap.last_seq - gap.first_seq + 1)
            .sum();
        Self {
            shard: state.shard,
            seq,
            snapshot_seq: state.snapshot_seq,
            replayed: seq - state.snapshot_seq - lost,
            torn_tail: (state.tail == Tail::Torn).then_some(TornTail {
                segment: state.end_segment,
                offset: state.end_offset,
            }),
        }
    }
}

impl Recovery {
    fn page(&self) -> String {
        let mut page = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            writeln!(page, "{text}").expect("writing to a text does not fail");
        };
        for accepted in &self.accepted {
            let shard = accepted.shard;
            for alike in findings::alike(&accepted.findings) {
                line(format_args!("accepted: {alike}"));
            }
            for gap in &accepted.lost {
                line(format_args!(
                    "shard {shard}: the sequence numbers {} to {} are gone",
                    gap.first_seq, gap.last_seq
                ));
            }
            if accepted.lost.is_empty() {
                line(format_args!("shard {shard}: no sequence number is gone"));
            }
            line(format_args!(
                "shard {shard}: the damaged files are kept in {}",
                accepted.kept.display()
            ));
        }
        for alike in findings::alike(&self.findings) {
            line(format_args!("{alike}"));
        }
        if !self.ok {
            return page;
        }
        for shard in &self.shards {
            let tail = match &shard.torn_tail {
                None => String::new(),
                Some(TornTail { segment, offset }) => format!(
                    "; a torn tail, never acknowledged, was cut off in segment {segment} at offset {offset}"
                ),
            };
            line(format_args!(
                "shard {}: snapshot at {}, {} replayed, now at {}{tail}",
                shard.shard,
                grouped(shard.snapshot_seq),
                counted(shard.replayed, "record"),
                grouped(shard.seq)
            ));
        }
        page
    }
}
