//! Draws with a key, each another one.

use super::{Section, saturation};
use crate::{
    case::Case,
    engines::{ITEMS, Opened, durable},
    goal::{Bound, Goal},
    results::Results,
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "keys",
    about: "Draws with a new key each, the newest 65 536 of which are remembered",
    cases,
    goals,
};

const KEYED: &str = "keys/uring/bincode/new";

fn cases() -> Vec<Case> {
    let keyed = Case::durable(KEYED, |bench| {
        let opened = Opened::new(bench.directory, durable(), ITEMS)?;
        let ask = Ask {
            is_keyed: true,
            ..Ask::SINGLE
        };
        saturate(bench, &opened, 1, ask)
    });
    vec![saturation::uring(), keyed]
}

fn goals(results: &Results) -> Vec<Goal> {
    let ratio = results.ratio("draws_per_second", KEYED, saturation::URING);
    let what = "draws/s with a key over those without";
    Goal::new(
        SECTION.name,
        what,
        Bound::AtLeast(1.0 / 3.0),
        "times",
        ratio,
    )
    .into_iter()
    .collect()
}
