//! The sections: each is a part of what is measured, with its cases and its goals.

mod bare;
mod batches;
pub(crate) mod blocks;
pub(crate) mod device;
pub(crate) mod growth;
mod housekeeping;
mod keys;
pub(crate) mod latency;
mod memory;
mod one_core;
mod recovery;
mod saturation;

pub(crate) use self::{
    device::{DEPTHS, SIZES},
    latency::RATES,
};
use crate::{case::Case, goal::Goal, results::Results};

/// A part of what is measured.
pub(crate) struct Section {
    /// Also what its cases' names begin with.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) cases: fn() -> Vec<Case>,
    pub(crate) goals: fn(&Results) -> Vec<Goal>,
}

/// All of them, in the order in which they are run and shown.
pub(crate) const SECTIONS: &[Section] = &[
    device::SECTION,
    bare::SECTION,
    saturation::SECTION,
    latency::SECTION,
    batches::SECTION,
    keys::SECTION,
    housekeeping::SECTION,
    one_core::SECTION,
    blocks::SECTION,
    growth::SECTION,
    recovery::SECTION,
    memory::SECTION,
];

/// For sections that explain others and have no goal of their own.
fn no_goals(_: &Results) -> Vec<Goal> {
    Vec::new()
}

/// Millions.
fn millions(each: Vec<f64>) -> Vec<f64> {
    each.into_iter().map(|value| value / 1e6).collect()
}
