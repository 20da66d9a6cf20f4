//! `tombola state`: what is in stock, and where each shard stands.

use std::{borrow::Cow, fmt::Write as _, path::PathBuf, process::ExitCode};

use serde::Serialize;
use tombola::{
    recovery::{self, Depth, Examination},
    shard::partition::{CountsOnly, Pool},
};

use crate::{
    failure::Failure,
    output::{self, grouped, lines, or_unlimited, table},
};

const AFTER_HELP: &str = "\
Exit codes: 0 ok, 1 failed, 2 not a data directory, 3 damage (what can be read is shown).

Examples:
  tombola state ./data
  tombola state ./data --json | jq '.pools[].items[] | select(.remaining == 0)'";

/// Shows what is in stock, per pool and item, and where each shard stands.
///
/// Reads only, also beside a running engine; then it shows what was durable at that moment.
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
struct State<'a> {
    pools: Vec<PoolLine<'a>>,
    shards: Vec<ShardLine>,
}

#[derive(Debug, Serialize)]
struct PoolLine<'a> {
    pool: &'a str,
    no_prizes: u64,
    items: Vec<ItemLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ItemLine<'a> {
    item: &'a str,
    weight: u64,
    initial: Option<u64>,
    /// Nothing can be put back into stock yet.
    restocked: u64,
    drawn: u64,
    remaining: Option<u64>,
}

/// Where a shard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ShardLine {
    shard: usize,
    /// The last sequence number that is durable.
    seq: u64,
    /// The last one that the newest snapshot covers.
    snapshot_seq: u64,
}

/// Where each shard stands.
pub(crate) fn shard_lines(examination: &Examination) -> Vec<ShardLine> {
    let line = |state: &recovery::ShardState| ShardLine {
        shard: state.shard,
        seq: state.next_seq - 1,
        snapshot_seq: state.snapshot_seq,
    };
    examination.shards.iter().map(line).collect()
}

impl std::fmt::Display for ShardLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            shard,
            seq,
            snapshot_seq,
        } = self;
        write!(f, "shard {shard}: {} records", grouped(*seq))?;
        match snapshot_seq {
            0 => write!(f, ", no snapshot"),
            upto => write!(f, ", the first {} in a snapshot", grouped(*upto)),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let examination = recovery::examine(&arguments.data, Depth::Needed)?;
    let pools = examination.pools();
    let state = State::of(&pools, &examination);
    if arguments.json {
        output::print_json(&state)?;
    } else {
        output::print(&state.page())?;
    }
    for finding in examination.findings() {
        eprintln!("tombola: {finding}");
    }
    if examination.opens() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Damage(format!(
        "{} is damaged, and what cannot be read is missing above; see `tombola verify`",
        arguments.data.display()
    )))
}

impl<'a> State<'a> {
    fn of(pools: &'a [Cow<'a, Pool<CountsOnly>>], examination: &Examination) -> Self {
        let pools = pools.iter().map(|pool| PoolLine {
            pool: &pool.definition().name,
            no_prizes: pool.no_prizes(),
            items: pool
                .items()
                .map(|item| ItemLine {
                    item: item.id,
                    weight: item.weight,
                    initial: item.initial,
                    restocked: 0,
                    drawn: item.drawn,
                    remaining: item.remaining,
                })
                .collect(),
        });
        Self {
            pools: pools.collect(),
            shards: shard_lines(examination),
        }
    }

    fn page(&self) -> String {
        let head = ["pool", "item", "weight", "initial", "drawn", "remaining"];
        let mut table = table(&head, &[2, 3, 4, 5]);
        for pool in &self.pools {
            for item in &pool.items {
                table.add_row([
                    pool.pool.to_owned(),
                    item.item.to_owned(),
                    grouped(item.weight),
                    or_unlimited(item.initial),
                    grouped(item.drawn),
                    or_unlimited(item.remaining),
                ]);
            }
        }
        let mut page = lines(&table);
        page.push('\n');
        for shard in &self.shards {
            writeln!(page, "{shard}").expect("writing to a text does not fail");
        }
        page
    }
}
