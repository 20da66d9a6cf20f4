//! The loop without an engine around it, see [`crate::bare`].

use tombola::{
    StorageKind,
    selector::{Adaptive, Fenwick},
    wal::format::{Binary, Jsonl},
};

use super::{Section, no_goals};
use crate::{bare::run, case::Case};

pub(super) const SECTION: Section = Section {
    name: "bare",
    about: "The same loop without an engine: rings, selector, encoder and storage, nothing else",
    cases,
    goals: no_goals,
};

pub(super) const FENWICK: &str = "bare/uring/bincode/fenwick";
pub(super) const ALIAS: &str = "bare/uring/bincode/alias";
pub(super) const JSONL: &str = "bare/uring/jsonl/alias";
pub(super) const NO_LOG: &str = "bare/none/alias";
const NO_LOG_FENWICK: &str = "bare/none/fenwick";

pub(super) fn cases() -> Vec<Case> {
    let (uring, none) = (StorageKind::Uring, StorageKind::None);
    vec![
        Case::durable(FENWICK, move |bench| run::<Fenwick, Binary>(bench, uring)),
        Case::durable(ALIAS, move |bench| run::<Adaptive, Binary>(bench, uring)),
        Case::durable(JSONL, move |bench| run::<Adaptive, Jsonl>(bench, uring)),
        Case::new(NO_LOG_FENWICK, move |bench| {
            run::<Fenwick, Binary>(bench, none)
        }),
        Case::new(NO_LOG, move |bench| run::<Adaptive, Binary>(bench, none)),
    ]
}
