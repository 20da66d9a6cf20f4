//! What a simulation found, as JSON and for people.

use serde::Serialize;

use super::{chi_square::ChiSquare, run::Run, tracker::Tracker};
use crate::{
    failure::Failure,
    output::{self, counted, grouped, lines, or_unlimited, table},
    report::{ItemReport, items},
};

/// Items in the table; JSON has them all.
const ROWS_MAX: usize = 40;

/// The whole simulation.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    draws: u64,
    exhausted: u64,
    sold_out: bool,
    seconds: f64,
    draws_per_second: f64,
    shards: usize,
    chi_square: ChiSquare,
    pools: Vec<PoolReport>,
    items: Vec<SimulatedItem>,
}

#[derive(Debug, Serialize)]
struct PoolReport {
    pool: String,
    draws: u64,
    no_prizes: u64,
    chi_square: ChiSquare,
}

#[derive(Debug, Serialize)]
struct SimulatedItem {
    #[serde(flatten)]
    item: ItemReport,
    /// The units that were to be expected, given when items ran out.
    expected: f64,
    /// The pool's draw that took the last unit; 0 if there never was one.
    ran_out_at: Option<u64>,
}

impl Report {
    pub(super) fn of(run: &Run, shards: usize) -> Self {
        let pools: Vec<PoolReport> = run.trackers.iter().map(PoolReport::of).collect();
        let seconds = run.duration.as_secs_f64();
        Self {
            draws: run.draws,
            exhausted: run.exhausted,
            sold_out: run.sold_out,
            seconds,
            draws_per_second: run.draws as f64 / seconds,
            shards,
            chi_square: ChiSquare::sum(pools.iter().map(|pool| pool.chi_square)),
            pools,
            items: run.trackers.iter().flat_map(simulated_items).collect(),
        }
    }

    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            output::print_json(self)
        } else {
            output::print(&self.text())
        }
    }

    fn text(&self) -> String {
        let head = [
            "pool",
            "item",
            "weight",
            "share",
            "expected",
            "drawn",
            "remaining",
            "ran out at",
        ];
        let mut table = table(&head, &[2, 3, 4, 5, 6, 7]);
        for SimulatedItem {
            item,
            expected,
            ran_out_at,
        } in self.items.iter().take(ROWS_MAX)
        {
            table.add_row([
                item.pool.clone(),
                item.item.clone(),
                grouped(item.weight),
                format!("{:.4} %", item.expected_share * 100.0),
                format!("{expected:.1}"),
                grouped(item.drawn),
                or_unlimited(item.remaining),
                ran_out_at.map_or_else(|| "-".into(), |draw| format!("draw {}", grouped(draw))),
            ]);
        }
        let mut text = vec![lines(&table)];
        if self.items.len() > ROWS_MAX {
            let more = counted((self.items.len() - ROWS_MAX) as u64, "more item");
            text.push(format!("... and {more} (--json has them all)\n"));
        }
        text.extend(self.pools.iter().map(PoolReport::line));
        if self.pools.len() > 1 {
            let draws = counted(self.draws, "draw");
            text.push(format!("all: {draws}; {}", described(self.chi_square)));
        }
        text.join("\n")
    }
}

impl PoolReport {
    fn of(tracker: &Tracker) -> Self {
        Self {
            pool: tracker.definition().name.clone(),
            draws: tracker.draws(),
            no_prizes: tracker.no_prizes(),
            chi_square: ChiSquare::of(&tracker.categories()),
        }
    }

    fn line(&self) -> String {
        let without_prize = if self.no_prizes > 0 {
            format!(", {} without a prize", grouped(self.no_prizes))
        } else {
            String::new()
        };
        let (pool, draws) = (&self.pool, counted(self.draws, "draw"));
        let test = described(self.chi_square);
        format!("{pool}: {draws}{without_prize}; {test}")
    }
}

fn simulated_items(tracker: &Tracker) -> Vec<SimulatedItem> {
    let pool = tracker.definition();
    let drawn = tracker.drawn();
    let remaining = |item: usize| pool.items.at(item).stock.map(|stock| stock - drawn[item]);
    items(pool, drawn, tracker.no_prizes(), |item| {
        (Some(drawn[item]), remaining(item))
    })
    .into_iter()
    .enumerate()
    .map(|(index, item)| SimulatedItem {
        item,
        expected: tracker.expected(index),
        ran_out_at: tracker.ran_out_at(index),
    })
    .collect()
}

fn described(chi_square: ChiSquare) -> String {
    let ChiSquare {
        statistic,
        degrees,
        p_value,
    } = chi_square;
    format!("chi-square {statistic:.2}, degrees of freedom {degrees}, p = {p_value:.4}")
}
