//! Runs a model, as it is or with a mistake planted into it that it has to find.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A mistake that the protocols must not survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// None.
    None,
    /// No fence is where one should be.
    NoFence,
    /// What is published on a ring carries nothing with it.
    RelaxedRing,
    /// Nothing but the rings and queues carries anything with it.
    RelaxedAtomics,
}

thread_local! {
    /// All threads of a model run on the thread of its test.
    static PLANTED: Cell<Mistake> = const { Cell::new(Mistake::None) };
}

/// Whether this mistake is planted.
pub(super) fn is_planted(mistake: Mistake) -> bool {
    PLANTED.get() == mistake
}

/// Runs a model in every order that its threads can have.
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    explore_with(Mistake::None, None, model);
}

/// Preemptions that `TOMBOLA_TEST_LONG` adds to the bounds of the models: one less than it says.
fn preemptions_more() -> usize {
    let factor = std::env::var("TOMBOLA_TEST_LONG").ok();
    let factor = factor.and_then(|factor| factor.parse::<usize>().ok());
    factor.map_or(0, |factor| factor.saturating_sub(1))
}

/// Runs a model with a mistake in it, with at most so many preemptions. What a few do not bring
/// about, many seldom do, and each more multiplies the orders.
pub(crate) fn explore_with(
    mistake: Mistake,
    preemptions_max: Option<usize>,
    model: impl Fn() + Send + Sync + 'static,
) {
    PLANTED.set(mistake);
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions_max.map(|max| max + preemptions_more());
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    println!("{name}: {} orders", count.load(Ordering::Relaxed));
}
