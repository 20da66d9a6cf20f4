//! Many seeds, on all cores.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use tombola::canary::Canary;

use crate::run::{Failure, Report, run};

/// Which seeds to run, and how.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    /// The first one.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// On so many threads.
    pub threads: usize,
    /// A fault planted in all of them.
    pub canary: Option<Canary>,
    /// After so many failures no more are looked for.
    pub failures_max: usize,
}

/// What came of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All that went well, added up.
    pub report: Report,
    /// What did not.
    pub failures: Vec<Failure>,
}

/// Runs them; `each` is called after every one, from any thread.
pub fn many(seeds: Seeds, each: impl Fn() + Sync) -> Outcome {
    let next = AtomicU64::new(0);
    let enough = AtomicBool::new(false);
    let outcome = Mutex::new(Outcome::default());
    let lock = || outcome.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..seeds.threads {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    // Relaxed: each number is taken once, and nothing else passes.
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds.count {
                        break;
                    }
                    match run(seeds.first.wrapping_add(number), seeds.canary) {
                        Ok(report) => lock().report.add(&report),
                        Err(failure) => {
                            let mut outcome = lock();
                            outcome.failures.push(*failure);
                            if outcome.failures.len() >= seeds.failures_max {
                                enough.store(true, Ordering::Relaxed);
                            }
                        }
                    }
                    each();
                }
            });
        }
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}
