//! Requests that ask for ten draws each.

use super::{Section, saturation};
use crate::{
    case::Case,
    engines::{ITEMS, Opened, durable},
    goal::{Bound, Goal},
    results::Results,
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "batches",
    about: "Requests of ten draws, in the log all or none",
    cases,
    goals,
};

const TEN: &str = "batches/uring/bincode/ten";

fn cases() -> Vec<Case> {
    let ten = Case::durable(TEN, |bench| {
        let opened = Opened::new(bench.directory, durable(), ITEMS)?;
        let ask = Ask {
            draws: 10,
            ..Ask::SINGLE
        };
        saturate(bench, &opened, 1, ask)
    });
    vec![saturation::uring(), ten]
}

fn goals(results: &Results) -> Vec<Goal> {
    let ratio = results.ratio("draws_per_second", TEN, saturation::URING);
    let what = "requests of ten, draws/s over those of single ones";
    Goal::new(SECTION.name, what, Bound::AtLeast(3.0), "times", ratio)
        .into_iter()
        .collect()
}
