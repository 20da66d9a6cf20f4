//! `tombola verify`: the verdict over every byte.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;
use tombola::{
    Error, Finding, FindingKind,
    recovery::{self, Depth, Tail},
};

use crate::{
    failure::Failure,
    output,
    state::{ShardLine, shard_lines},
};

/// What every data directory has.
const META_FILE: &str = "engine.json";

const AFTER_HELP: &str = "\
A torn tail is what a crash leaves behind: it was never acknowledged, the next open cuts it off, and
it is no damage.

Exit codes: 0 nothing is wrong, 1 failed, 2 not a data directory, 3 damage was found.

Examples:
  tombola verify ./data
  tombola verify ./data --json | jq '.findings[]'";

/// Checks every byte of a data directory: snapshots, segments, records, and that they fit together.
///
/// Reads only, also beside a running engine.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The data directory.
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    findings: Vec<Finding>,
    shards: Vec<Shard>,
}

#[derive(Debug, Serialize)]
struct Shard {
    #[serde(flatten)]
    line: ShardLine,
    torn_tail: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let verdict = examine(&arguments.data)?;
    if arguments.json {
        output::print_json(&verdict)?;
    } else {
        output::print(&verdict.page())?;
    }
    if verdict.ok {
        return Ok(ExitCode::SUCCESS);
    }
    let advice = if verdict.findings.iter().all(|finding| finding.recoverable) {
        "it opens all the same and nothing is lost"
    } else {
        "restore the files from a backup, or accept the loss with `tombola recover --accept-loss`"
    };
    Err(Failure::Damage(format!(
        "{} in {}; {advice}",
        output::counted(verdict.findings.len() as u64, "finding"),
        arguments.data.display()
    )))
}

fn examine(data: &Path) -> Result<Verdict, Failure> {
    let examination = match recovery::examine(data, Depth::Everything) {
        // It is a data directory, but what says so is damaged.
        Err(error @ Error::Description { .. }) => {
            let finding = Finding {
                shard: 0,
                segment: META_FILE.into(),
                offset: 0,
                first_seq: None,
                last_seq: None,
                kind: FindingKind::Garbage,
                recoverable: false,
                message: error.to_string(),
            };
            return Ok(Verdict {
                ok: false,
                findings: vec![finding],
                shards: Vec::new(),
            });
        }
        examined => examined?,
    };
    let torn = examination
        .shards
        .iter()
        .map(|state| state.tail == Tail::Torn);
    let shards = shard_lines(&examination).into_iter().zip(torn);
    let shards = shards.map(|(line, torn_tail)| Shard { line, torn_tail });
    let findings: Vec<Finding> = examination.findings().cloned().collect();
    Ok(Verdict {
        ok: findings.is_empty(),
        shards: shards.collect(),
        findings,
    })
}

impl Verdict {
    fn page(&self) -> String {
        let mut page = String::new();
        for Shard { line, torn_tail } in &self.shards {
            let tail = if *torn_tail {
                "; it ends with a torn tail, which the next open cuts off"
            } else {
                ""
            };
            writeln!(page, "{line}{tail}").expect("writing to a text does not fail");
        }
        for finding in &self.findings {
            writeln!(page, "{finding}").expect("writing to a text does not fail");
        }
        page += if self.ok { "ok\n" } else { "damaged\n" };
        page
    }
}
