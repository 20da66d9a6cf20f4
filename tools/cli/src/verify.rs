//! `tombola verify`: the verdict over every byte.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;
use tombola::{
    Error, Finding, FindingKind,
    recovery::{self, CountedFrom, PoolAudit, Tail},
};

use crate::{
    failure::Failure,
    findings, output,
    state::{ShardLine, shard_lines},
};

/// What every data directory has.
const META_FILE: &str = "engine.json";

const AFTER_HELP: &str = "\
A torn tail is what a crash leaves behind: it was never acknowledged, the next open cuts it off,
and it is no damage.

For every item initial + restocked + voided = drawn + remaining + held. Where the log reaches back
to a pool's registration all of these are counted from its records, and the state must be what
they come to; where segments from before were retired, the state's own sums are checked. It says
which. A pool on all shards has a part on each; --json tells what was counted on which shard.

Alike findings are one line here; --json has every one of them.

Exit codes: 0 nothing is wrong, 1 failed, 2 not a data directory, 3 damage was found.

Examples:
  tombola verify ./data
  tombola verify ./data --json | jq '.findings[]'";

/// Checks every byte of a data directory: snapshots, segments, records, that they fit together, and
/// that every unit of every item is accounted for.
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
    pools: Vec<PoolAudit>,
    shards: Vec<Shard>,
}

#[derive(Debug, Serialize)]
struct Shard {
    #[serde(flatten)]
    line: ShardLine,
    torn_tail: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let verdict = Verdict::of(&arguments.data)?;
    if arguments.json {
        output::print_json(&verdict)?;
    } else {
        output::print(&verdict.page())?;
    }
    if verdict.ok {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Damage(format!(
        "{}: {}",
        arguments.data.display(),
        verdict.what_is_wrong()
    )))
}

impl Verdict {
    fn of(data: &Path) -> Result<Self, Failure> {
        let audit = match recovery::audit(data) {
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
                return Ok(Self {
                    ok: false,
                    findings: vec![finding],
                    pools: Vec::new(),
                    shards: Vec::new(),
                });
            }
            audited => audited?,
        };
        let recovery::Audit { examination, pools } = audit;
        let torn = examination
            .shards
            .iter()
            .map(|state| state.tail == Tail::Torn);
        let shards = shard_lines(&examination).into_iter().zip(torn);
        let shards = shards.map(|(line, torn_tail)| Shard { line, torn_tail });
        let findings: Vec<Finding> = examination.findings().cloned().collect();
        Ok(Self {
            ok: findings.is_empty() && pools.iter().all(|pool| pool.mistakes.is_empty()),
            pools,
            shards: shards.collect(),
            findings,
        })
    }

    /// In short, and what to do about it.
    fn what_is_wrong(&self) -> String {
        let Self {
            findings, pools, ..
        } = self;
        let mut wrong = Vec::new();
        if !findings.is_empty() {
            wrong.push(output::counted(findings.len() as u64, "finding"));
        }
        let off: usize = pools.iter().map(|pool| pool.mistakes.len()).sum();
        if off > 0 {
            wrong.push(output::counted(off as u64, "wrong count"));
        }
        let advice = if off > 0 {
            "restore the files from a backup"
        } else if findings.iter().all(|finding| finding.recoverable) {
            "it opens all the same and nothing is lost"
        } else {
            "restore the files from a backup, or accept the loss with `tombola recover --accept-loss`"
        };
        format!("{}; {advice}", wrong.join(" and "))
    }

    fn page(&self) -> String {
        let mut page = String::new();
        for Shard { line, torn_tail } in &self.shards {
            let tail = if *torn_tail {
                "; it ends with a torn tail, which the next open cuts off"
            } else {
                ""
            };
            writeln!(page, "{line}{tail}").expect("writing to a text does not fail");
            if findings::lacks_snapshot(&self.findings, line.shard) {
                writeln!(
                    page,
                    "shard {}: no snapshot is there, and only one could tell what came before the \
                     segments that are there; restore it from a backup",
                    line.shard
                )
                .expect("writing to a text does not fail");
            }
        }
        for alike in findings::alike(&self.findings) {
            writeln!(page, "{alike}").expect("writing to a text does not fail");
        }
        // A pool on all shards is counted on each; what holds for all of it is the weaker of them.
        let mut pools: BTreeMap<&str, bool> = BTreeMap::new();
        for pool in &self.pools {
            let is_from_log = pool.counted_from == CountedFrom::Log;
            *pools.entry(&pool.pool).or_insert(true) &= is_from_log;
        }
        for (from_log, says) in [
            (true, "every unit was counted from the log, in"),
            (
                false,
                "the log is not whole from the registration on, so only the state's sums were checked, in",
            ),
        ] {
            let named = pools
                .iter()
                .filter(|(_, is_from_log)| **is_from_log == from_log);
            let names: Vec<&str> = named.map(|(name, _)| *name).collect();
            if !names.is_empty() {
                writeln!(page, "{says}: {}", names.join(", "))
                    .expect("writing to a text does not fail");
            }
        }
        for mistake in self.pools.iter().flat_map(|pool| &pool.mistakes) {
            writeln!(page, "{mistake}").expect("writing to a text does not fail");
        }
        page += if self.ok { "ok\n" } else { "damaged\n" };
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_otherwise_is_told() {
        let pool = PoolAudit {
            shard: 0,
            pool: "banner".into(),
            counted_from: CountedFrom::Log,
            mistakes: vec!["gold is missing".into()],
        };
        let verdict = Verdict {
            ok: false,
            findings: Vec::new(),
            pools: vec![pool],
            shards: Vec::new(),
        };
        let page = verdict.page();
        assert!(page.ends_with("gold is missing\ndamaged\n"), "{page}");
        assert_eq!(
            verdict.what_is_wrong(),
            "1 wrong count; restore the files from a backup"
        );
    }
    #[test]
    fn of_a_pool_on_all_shards_the_weaker_verdict_holds() {
        let part = |shard, pool: &str, counted_from| PoolAudit {
            shard,
            pool: pool.into(),
            counted_from,
            mistakes: Vec::new(),
        };
        let verdict = Verdict {
            ok: true,
            findings: Vec::new(),
            pools: vec![
                part(0, "spread", CountedFrom::Log),
                part(0, "whole", CountedFrom::Log),
                part(1, "spread", CountedFrom::State),
            ],
            shards: Vec::new(),
        };
        let page = verdict.page();
        assert_eq!(page.matches("spread").count(), 1, "{page}");
        assert!(page.contains("from the log, in: whole\n"), "{page}");
        assert!(page.contains("sums were checked, in: spread\n"), "{page}");
    }
}
