//! `tombola odds`: how likely every item is, or was.

use std::{borrow::Cow, fmt::Write as _, path::PathBuf, process::ExitCode};

use serde::Serialize;
use tombola::{
    Odds,
    recovery::{self, Depth, Examination},
    shard::partition::{CountsOnly, Partition, Pool},
};

use crate::{
    failure::Failure,
    findings, moment,
    output::{self, grouped, or_unlimited},
};

const AFTER_HELP: &str = "\
An item's probability in the next draw is its weight over the total; an item that ran out has the
weight 0. With --at it is what they were right after that record of the pool's shard; `tombola log`
shows the records with their numbers, those of draws are in the acknowledgements. Points that the
snapshots and segments do not reach any more cannot be told; an archive_dir keeps the segments, and
copied back from there into the shard's directory (./data/shard-000) they reach further back again.

Of a pool on all shards, --at counts the records of its home shard: they say when an item ran out on
all shards, and when it came back. How many units were left is in several logs then, and not shown.

Exit codes: 0 ok, 1 failed, also for a point that cannot be told, 2 usage or not a data directory,
3 damage (what can be read is shown).

Examples:
  tombola odds ./data
  tombola odds ./data --pool banner --at 1200
  tombola odds ./data --pool banner --json | jq '.pools[0].items[] | [.item, .probability]'";

/// Shows the probability of every item, now or at a point of the log.
///
/// Reads only, also beside a running engine; then it shows what was durable at that moment.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The data directory.
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Only this pool.
    #[arg(long, value_name = "P")]
    pool: Option<String>,

    /// Right after the record with this number, instead of now; takes a --pool.
    #[arg(long, value_name = "SEQ")]
    at: Option<u64>,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Page {
    pools: Vec<PoolOdds>,
}

#[derive(Debug, Serialize)]
struct PoolOdds {
    pool: String,
    /// The point, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    open: bool,
    opens_at_ms: Option<u64>,
    closes_at_ms: Option<u64>,
    total_weight: u64,
    no_prize_weight: u64,
    no_prize_probability: f64,
    items: Vec<ItemLine>,
}

#[derive(Debug, Serialize)]
struct ItemLine {
    item: String,
    weight: u64,
    probability: f64,
    /// `None` is not known, `Some(None)` unlimited.
    #[expect(
        clippy::option_option,
        reason = "left out and null say different things"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<Option<u64>>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        data,
        pool,
        at,
        json,
    } = arguments;
    let examination = recovery::examine(data, Depth::Needed)?;
    let pools = examination.pools();
    let chosen: Vec<_> = pools
        .iter()
        .filter(|found| {
            pool.as_ref()
                .is_none_or(|pool| *pool == found.definition().name)
        })
        .collect();
    if let (Some(pool), true) = (pool, chosen.is_empty()) {
        let names = pools.iter().map(|pool| &pool.definition().name[..]);
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!(
            "there is no pool \"{pool}\"; there are: {names}"
        )));
    }
    if let (Some(seq), None) = (at, pool) {
        return Err(Failure::Usage(at_needs_pool(*seq, &pools)));
    }
    let pools = match at {
        None => chosen.iter().map(|pool| PoolOdds::of(pool)).collect(),
        Some(seq) => {
            let pool = chosen.first().map(|pool| pool.definition());
            let pool = pool.expect("one is named, and it is there");
            let shard = shard_of(&examination, &pool.name).expect("it is on one of them");
            let partition = recovery::state_at(data, shard, *seq)?;
            let found = named(&partition, &pool.name).ok_or_else(|| {
                Failure::Failed(format!(
                    "pool \"{}\" was not registered yet at record {seq} of shard {shard}",
                    pool.name
                ))
            })?;
            vec![PoolOdds {
                shard: Some(shard),
                seq: Some(*seq),
                ..PoolOdds::of(found)
            }]
        }
    };
    let page = Page { pools };
    if *json {
        output::print_json(&page)?;
    } else {
        output::print(&page.text())?;
    }
    findings::warn(examination.findings());
    if examination.opens() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Damage(format!(
        "{} is damaged, and what cannot be read is missing above; see `tombola verify`",
        data.display()
    )))
}

/// Every shard counts its own records.
fn at_needs_pool(seq: u64, pools: &[Cow<'_, Pool<CountsOnly>>]) -> String {
    let names: Vec<&str> = pools
        .iter()
        .map(|pool| &pool.definition().name[..])
        .collect();
    let first = names.first().unwrap_or(&"P");
    format!(
        "--at {seq} is a record of one shard, so it takes the name of a pool, as in --pool \"{first}\" --at {seq}; \
         there are: {}",
        names.join(", ")
    )
}

fn named<'a>(partition: &'a Partition<CountsOnly>, name: &str) -> Option<&'a Pool<CountsOnly>> {
    let mut pools = partition.pools().iter();
    pools.find(|pool| pool.is_registered() && pool.definition().name == name)
}

fn shard_of(examination: &Examination, name: &str) -> Option<usize> {
    let mut shards = examination.shards.iter();
    shards.find_map(|shard| {
        let pool = named(&shard.partition, name)?;
        Some(pool.home_shard().unwrap_or(shard.shard))
    })
}

impl PoolOdds {
    fn of(pool: &Pool<CountsOnly>) -> Self {
        let gate = pool.described();
        let odds: Odds = pool.odds(0, 0);
        let is_part = pool.home_shard().is_some();
        let limits: Vec<bool> = pool.items().map(|item| item.remaining.is_some()).collect();
        let line = |item: &tombola::ItemOdds| {
            let is_limited = limits[item.place as usize];
            let is_unknown = is_part && is_limited && item.remaining.is_none();
            ItemLine {
                item: item.id.clone(),
                weight: item.weight,
                probability: odds.probability(item),
                remaining: (!is_unknown).then_some(item.remaining),
            }
        };
        Self {
            pool: gate.name.clone(),
            shard: None,
            seq: None,
            open: gate.is_open,
            opens_at_ms: gate.opens_at_ms,
            closes_at_ms: gate.closes_at_ms,
            total_weight: odds.total_weight,
            no_prize_weight: odds.no_prize_weight,
            no_prize_probability: odds.no_prize_probability(),
            items: odds.items.iter().map(line).collect(),
        }
    }
}

impl Page {
    fn text(&self) -> String {
        let mut page = String::new();
        for pool in &self.pools {
            let _ = write!(page, "pool \"{}\"", pool.pool);
            if let (Some(shard), Some(seq)) = (pool.shard, pool.seq) {
                let _ = write!(page, " after record {} of shard {shard}", grouped(seq));
            }
            if !pool.open {
                let _ = write!(page, ", closed");
            }
            if let Some(window) = moment::window(pool.opens_at_ms, pool.closes_at_ms) {
                let _ = write!(page, ", takes draws {window}");
            }
            let _ = writeln!(page);
            let _ = writeln!(
                page,
                "  {:<24} {:>14} {:>13} {:>16}",
                "item", "weight", "probability", "remaining"
            );
            let mut line = |item: &str, weight: u64, probability: f64, remaining: &str| {
                let percent = format!("{:.6} %", probability * 100.0);
                let weight = grouped(weight);
                let _ = writeln!(
                    page,
                    "  {item:<24} {weight:>14} {percent:>13} {remaining:>16}"
                );
            };
            for item in &pool.items {
                let remaining = item.remaining.map_or_else(|| "some".into(), or_unlimited);
                line(&item.item, item.weight, item.probability, &remaining);
            }
            if pool.no_prize_weight > 0 {
                let probability = pool.no_prize_probability;
                line("(no prize)", pool.no_prize_weight, probability, "");
            }
        }
        page
    }
}
