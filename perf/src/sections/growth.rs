//! How the time of a draw grows with the number of items, and with the number of clients.

use super::{Section, no_goals};
use crate::{
    case::{Bench, Case},
    engines::{ITEMS, Opened, durable, without_log},
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "growth",
    about: "Nanoseconds a draw, saturated, by the number of items and of clients (threads)",
    cases,
    goals: no_goals,
};

/// Items of the pool.
pub(crate) const ITEM_COUNTS: [u64; 6] = [8, 64, 1_000, 10_000, 100_000, 1_000_000];
/// Clients, each on a thread.
pub(crate) const CLIENT_COUNTS: [usize; 3] = [1, 8, 64];
/// Without a log and with it.
pub(crate) const LOGS: [&str; 2] = ["no log", "uring"];

/// The case of so many items.
pub(crate) fn items(log: &str, count: u64) -> String {
    format!("growth/{log}/{count} items")
}

/// The case of so many clients.
pub(crate) fn clients(log: &str, count: usize) -> String {
    format!("growth/{log}/{count} clients")
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for log in LOGS {
        for count in ITEM_COUNTS {
            cases.push(case(log, items(log, count), count, 1));
        }
        for count in CLIENT_COUNTS {
            cases.push(case(log, clients(log, count), ITEMS, count));
        }
    }
    cases
}

fn case(log: &str, name: String, items: u64, clients: usize) -> Case {
    let has_log = log != LOGS[0];
    let config = if has_log { durable() } else { without_log() };
    let run = move |bench: &Bench<'_>| {
        let opened = Opened::new(bench.directory, config.clone(), items)?;
        saturate(bench, &opened, clients, Ask::SINGLE)
    };
    if has_log {
        Case::durable(name, run)
    } else {
        Case::new(name, run)
    }
}
