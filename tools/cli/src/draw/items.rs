//! What became of every item: in this run, and ever.

use std::fmt::Write as _;

use serde::Serialize;
use tombola::{PoolHandle, recovery::Examination};

use super::tally::PoolTally;
use crate::{
    output::{counted, grouped, lines, or_unlimited, table},
    report::{self, ItemReport},
};

/// So many items are shown to people; JSON has them all.
const SHOWN_MAX: usize = 50;

/// An item of the report.
#[derive(Debug, Serialize)]
pub(super) struct DrawnItem {
    #[serde(flatten)]
    item: ItemReport,
    /// Of the units that this run drew, those that it only reserved.
    held: u64,
    /// Units that are held now, whoever drew them; `None` where that is not known.
    held_now: Option<u64>,
    /// Units that were handed out and came back ever, where that is known.
    voided_total: Option<u64>,
}

/// What a pool knows of an item.
#[derive(Debug, Clone, Copy)]
struct Known {
    drawn: u64,
    held: u64,
    voided: u64,
    remaining: Option<u64>,
}

/// The items of a pool.
pub(super) struct Totals(Option<Vec<Known>>);

impl Totals {
    /// Of an engine that keeps nothing: this run is all there ever was.
    pub(super) fn of_run(pool: &PoolHandle, tally: &PoolTally) -> Self {
        let items = pool.definition().items.iter().zip(&tally.drawn);
        let known = items.zip(&tally.held).map(|((item, &drawn), &held)| Known {
            drawn: drawn - held,
            held,
            // Without a log only what has a key or was held can come back, and nothing tells.
            voided: 0,
            remaining: item.stock.map(|stock| stock.saturating_sub(drawn)),
        });
        Self(Some(known.collect()))
    }

    /// As the files tell it, if they do.
    pub(super) fn found(pool: &PoolHandle, examination: Option<&Examination>) -> Self {
        let name = &pool.definition().name;
        let pools = examination.map_or_else(Vec::new, Examination::pools);
        let found = pools.iter().find(|found| found.definition().name == *name);
        Self(found.map(|found| {
            let known = found.items().map(|item| Known {
                drawn: item.drawn,
                held: item.held,
                voided: item.voided,
                remaining: item.remaining,
            });
            known.collect()
        }))
    }
}

/// The items of a pool, of which a run drew what its tally says.
pub(super) fn drawn(pool: &PoolHandle, tally: &PoolTally, totals: &Totals) -> Vec<DrawnItem> {
    let known = |item: usize| totals.0.as_ref()?.get(item);
    let total =
        |item| known(item).map_or((None, None), |known| (Some(known.drawn), known.remaining));
    let items = report::items(pool.definition(), &tally.drawn, tally.no_prizes, total);
    let items = items.into_iter().enumerate();
    items
        .map(|(place, item)| DrawnItem {
            item,
            held: tally.held[place],
            held_now: known(place).map(|known| known.held),
            voided_total: known(place).map(|known| known.voided),
        })
        .collect()
}

/// A table for people, and what its columns say where that is not plain.
pub(super) fn table_of(items: &[DrawnItem]) -> String {
    // Columns in which nothing stands are left out.
    let any_held = items.iter().any(|item| item.held > 0);
    let any_held_now = items.iter().any(|item| item.held_now > Some(0));
    let any_voided = items.iter().any(|item| item.voided_total > Some(0));
    let head = [
        Some("pool"),
        Some("item"),
        Some("weight"),
        Some("by weight"),
        Some("actual"),
        Some("drawn"),
        any_held.then_some("of these held"),
        Some("in total"),
        any_held_now.then_some("held now"),
        any_voided.then_some("voided"),
        Some("remaining"),
    ];
    let head: Vec<&str> = head.into_iter().flatten().collect();
    let numbers: Vec<usize> = (2..head.len()).collect();
    let mut table = table(&head, &numbers);
    let or_unknown = |units: Option<u64>| units.map_or_else(|| "?".into(), grouped);
    for DrawnItem {
        item,
        held,
        held_now,
        voided_total,
    } in items.iter().take(SHOWN_MAX)
    {
        let row = [
            Some(item.pool.clone()),
            Some(item.item.clone()),
            Some(grouped(item.weight)),
            Some(format!("{:.4} %", item.expected_share * 100.0)),
            Some(format!("{:.4} %", item.share * 100.0)),
            Some(grouped(item.drawn)),
            any_held.then(|| grouped(*held)),
            Some(or_unknown(item.drawn_total)),
            any_held_now.then(|| or_unknown(*held_now)),
            any_voided.then(|| or_unknown(*voided_total)),
            Some(or_unlimited(item.remaining)),
        ];
        table.add_row(row.into_iter().flatten());
    }
    let mut text = lines(&table);
    let mut line = |told: &str| {
        writeln!(text, "{told}").expect("writing to a text does not fail");
    };
    if items.len() > SHOWN_MAX {
        let more = counted((items.len() - SHOWN_MAX) as u64, "more item");
        line(&format!("... and {more} (--json has them all)"));
    }
    if items.iter().any(|item| item.item.remaining == Some(0)) {
        line("\"by weight\" are the odds with every item in stock; some have run out");
    }
    if any_held || any_held_now {
        line("\"in total\" has the units that were handed out, held ones once they are confirmed");
    }
    text
}
