//! `tombola state`: what is in stock, and where each shard stands.

use std::{borrow::Cow, fmt::Write as _, path::PathBuf, process::ExitCode};

use serde::Serialize;
use tombola::{
    recovery::{self, Depth, Examination},
    shard::partition::{CountsOnly, ItemState, Pool},
};

use crate::{
    failure::Failure,
    findings, moment,
    output::{self, counted, grouped, lines, or_unlimited, table},
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
    open: bool,
    opens_at_ms: Option<u64>,
    closes_at_ms: Option<u64>,
    no_prizes: u64,
    items: Vec<ItemLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ItemLine<'a> {
    item: &'a str,
    weight: u64,
    initial: Option<u64>,
    restocked: u64,
    drawn: u64,
    held: u64,
    voided: u64,
    remaining: Option<u64>,
    retired: bool,
}

/// Where a shard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ShardLine {
    pub(crate) shard: usize,
    /// The last sequence number that is durable, as far as that is known.
    seq: u64,
    /// Whether the end of the log is gone, so that it may have gone on behind that.
    end_is_gone: bool,
    /// The last one that the newest snapshot covers.
    snapshot_seq: u64,
}

/// Where each shard stands.
pub(crate) fn shard_lines(examination: &Examination) -> Vec<ShardLine> {
    let line = |state: &recovery::ShardState| {
        // Numbers go on far behind what may have been there; these are none of its records.
        let gone = state.gaps.last().filter(|gap| !gap.is_exact);
        let next = gone.map_or(state.next_seq, |gap| gap.first_seq);
        ShardLine {
            shard: state.shard,
            seq: next - 1,
            end_is_gone: gone.is_some(),
            snapshot_seq: state.snapshot_seq,
        }
    };
    examination.shards.iter().map(line).collect()
}

impl std::fmt::Display for ShardLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            shard,
            seq,
            end_is_gone,
            snapshot_seq,
        } = self;
        write!(f, "shard {shard}: {}", counted(*seq, "record"))?;
        if *end_is_gone {
            write!(f, ", and what may have come behind is gone")?;
        }
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
    findings::warn(examination.findings());
    if examination.opens() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Damage(format!(
        "{} is damaged, and what cannot be read is missing above; see `tombola verify`",
        arguments.data.display()
    )))
}

impl<'a> PoolLine<'a> {
    fn of(pool: &'a Pool<CountsOnly>) -> Self {
        let gate = pool.described();
        let item = |item: ItemState<'a>| ItemLine {
            item: item.id,
            weight: item.weight,
            initial: item.initial,
            restocked: item.restocked,
            drawn: item.drawn,
            held: item.held,
            voided: item.voided,
            remaining: item.remaining,
            retired: item.is_retired,
        };
        Self {
            pool: &pool.definition().name,
            open: gate.is_open,
            opens_at_ms: gate.opens_at_ms,
            closes_at_ms: gate.closes_at_ms,
            no_prizes: pool.no_prizes(),
            items: pool.items().map(item).collect(),
        }
    }

    /// When it takes draws, unless it is always.
    fn gate(&self) -> Option<String> {
        let window = moment::window(self.opens_at_ms, self.closes_at_ms);
        match (self.open, window) {
            (true, None) => None,
            (true, Some(window)) => Some(format!("is open {window}")),
            (false, None) => Some("is closed".into()),
            (false, Some(window)) => Some(format!("is closed; its window is {window}")),
        }
    }
}

impl<'a> State<'a> {
    fn of(pools: &'a [Cow<'a, Pool<CountsOnly>>], examination: &Examination) -> Self {
        Self {
            pools: pools.iter().map(|pool| PoolLine::of(pool)).collect(),
            shards: shard_lines(examination),
        }
    }

    fn page(&self) -> String {
        // Columns in which nothing stands are left out.
        let any = |units: fn(&ItemLine<'_>) -> u64| {
            let mut items = self.pools.iter().flat_map(|pool| &pool.items);
            items.any(|item| units(item) > 0)
        };
        let (restocked, held, voided) = (
            any(|item| item.restocked),
            any(|item| item.held),
            any(|item| item.voided),
        );
        let head: Vec<&str> = [
            Some("pool"),
            Some("item"),
            Some("weight"),
            Some("initial"),
            restocked.then_some("restocked"),
            Some("drawn"),
            held.then_some("held"),
            voided.then_some("voided"),
            Some("remaining"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let numbers: Vec<usize> = (2..head.len()).collect();
        let mut table = table(&head, &numbers);
        for pool in &self.pools {
            for item in &pool.items {
                let weight = if item.retired {
                    "retired".into()
                } else {
                    grouped(item.weight)
                };
                let row = [
                    Some(pool.pool.to_owned()),
                    Some(item.item.to_owned()),
                    Some(weight),
                    Some(or_unlimited(item.initial)),
                    restocked.then(|| grouped(item.restocked)),
                    Some(grouped(item.drawn)),
                    held.then(|| grouped(item.held)),
                    voided.then(|| grouped(item.voided)),
                    Some(or_unlimited(item.remaining)),
                ];
                table.add_row(row.into_iter().flatten());
            }
        }
        let mut page = lines(&table);
        page.push('\n');
        for pool in &self.pools {
            if let Some(gate) = pool.gate() {
                writeln!(page, "pool \"{}\" {gate}", pool.pool)
                    .expect("writing to a text does not fail");
            }
        }
        for shard in &self.shards {
            writeln!(page, "{shard}").expect("writing to a text does not fail");
        }
        page
    }
}
