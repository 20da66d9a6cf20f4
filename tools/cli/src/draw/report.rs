//! The report of `draw`: one JSON object, or a page for people.

use std::{fmt::Write as _, path::Path};

use serde::Serialize;
use tombola::{
    Durability, Engine, LogFormat, PoolHandle,
    recovery::{self, Depth},
};
use tombola_measure::Latency;

use super::{
    items::{self, DrawnItem, Totals},
    run::{LineCounts, Run},
    tally::Tally,
};
use crate::{
    failure::Failure,
    output::{self, counted, grouped, grouped_rate},
};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    draws: u64,
    no_prizes: u64,
    refused: u64,
    exhausted: u64,
    unanswered: usize,
    #[serde(flatten)]
    lines: Option<LineCounts>,
    interrupted: bool,
    sold_out: bool,
    seconds: f64,
    draws_per_second: f64,
    latency_us: Latency,
    storage: String,
    storage_fallback: Option<String>,
    format: LogFormat,
    durability: Durability,
    shards: usize,
    clients: usize,
    items: Vec<DrawnItem>,
}

impl Report {
    /// The figures of a run; the engine tells what it really ran on.
    pub(super) fn new(engine: &Engine, run: &Run, clients: usize) -> Self {
        let config = engine.config();
        // A shard that has stopped tells nothing; then it is what was asked for.
        let stats = engine.stats().ok();
        let shard = stats.as_ref().and_then(|stats| stats.shards.first());
        let seconds = run.elapsed.as_secs_f64();
        Self {
            draws: run.tally.draws,
            no_prizes: run.tally.pools.iter().map(|pool| pool.no_prizes).sum(),
            refused: run.tally.refused,
            exhausted: run.tally.exhausted,
            unanswered: run.unanswered,
            lines: run.lines,
            interrupted: run.interrupted,
            sold_out: run.sold_out,
            seconds,
            draws_per_second: run.tally.draws as f64 / seconds,
            latency_us: Latency::of(&run.latency),
            storage: shard.map_or_else(
                || output::name(&config.storage),
                |shard| shard.storage.into(),
            ),
            storage_fallback: shard.and_then(|shard| shard.storage_fallback.clone()),
            format: config.format,
            durability: config.durability,
            shards: config.shards.unwrap_or(1),
            clients,
            items: Vec::new(),
        }
    }

    /// Adds the items. `data` is where an engine that keeps anything has left it, closed; without
    /// it, this run is all there ever was.
    pub(super) fn count_items(&mut self, pools: &[PoolHandle], tally: &Tally, data: Option<&Path>) {
        let examined = data.map(|data| recovery::examine(data, Depth::Needed).ok());
        for (pool, counted) in pools.iter().zip(&tally.pools) {
            let totals = match &examined {
                None => Totals::of_run(pool, counted),
                Some(examined) => Totals::found(pool, examined.as_ref()),
            };
            self.items.extend(items::drawn(pool, counted, &totals));
        }
    }

    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            output::print_json(self)
        } else if self.lines.is_some() {
            // The standard output is for the answers.
            eprint!("{}", self.page());
            Ok(())
        } else {
            output::print(&self.page())
        }
    }

    fn page(&self) -> String {
        let mut page = items::table_of(&self.items);
        let mut line = |text: std::fmt::Arguments<'_>| {
            writeln!(page, "{text}").expect("writing to a text does not fail");
        };
        line(format_args!(
            "\n{} in {:.3} s: {} draws/s",
            counted(self.draws, "draw"),
            self.seconds,
            grouped_rate(self.draws_per_second)
        ));
        if self.no_prizes > 0 {
            line(format_args!(
                "of these {} answered \"no prize\"",
                grouped(self.no_prizes)
            ));
        }
        if self.exhausted > 0 {
            line(format_args!(
                "{} more were refused, because nothing was left",
                grouped(self.exhausted)
            ));
        }
        let otherwise = self.refused - self.exhausted;
        if otherwise > 0 && self.lines.is_none() {
            line(format_args!(
                "{} more were refused, because the pool did not take them",
                grouped(otherwise)
            ));
        }
        if let Some(lines) = &self.lines {
            line(format_args!(
                "{} answered: {} again as before, {} confirmed or voided, {} refused; {}",
                counted(lines.answered, "request"),
                grouped(lines.replays),
                grouped(lines.settled),
                grouped(self.refused),
                counted(lines.bad_lines, "bad line")
            ));
        }
        if self.unanswered > 0 {
            line(format_args!(
                "{} more have no answer: they may or may not have been made",
                grouped(self.unanswered as u64)
            ));
        }
        line(format_args!("acknowledged after {}", self.latency_us));
        line(format_args!(
            "storage {}, format {}, durability {}, {}, {}",
            self.storage,
            output::name(&self.format),
            output::name(&self.durability),
            counted(self.shards as u64, "shard"),
            counted(self.clients as u64, "client")
        ));
        page
    }
}
