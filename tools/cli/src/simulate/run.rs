//! The draws of a simulation.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use tombola::{Client, Completion, Engine, Outcome, PoolDefinition, PoolId, Request};

use super::tracker::Tracker;
use crate::failure::Failure;

/// Draws that are submitted before all of them are waited for. What comes next depends on their
/// outcome and on nothing else, so that a seed fixes the whole run.
const ROUND: u64 = 8192;

/// What came of it.
#[derive(Debug)]
pub(super) struct Run {
    /// A pool each.
    pub(super) trackers: Vec<Tracker>,
    pub(super) draws: u64,
    /// Requests that came when their pool had nothing left; they are no draws.
    pub(super) exhausted: u64,
    pub(super) duration: Duration,
    /// Nothing was left in any pool before the count was reached.
    pub(super) sold_out: bool,
}

impl Run {
    pub(super) fn make(
        engine: &Engine,
        pools: Vec<PoolDefinition>,
        count: u64,
        stop: &AtomicBool,
        progress: &ProgressBar,
    ) -> Result<Self, Failure> {
        let mut places: HashMap<PoolId, usize> = HashMap::new();
        let mut in_stock = Vec::new();
        let mut trackers = Vec::new();
        let share = count.div_ceil(pools.len() as u64);
        for pool in pools {
            let id = engine.register(pool.clone())?.id();
            places.insert(id, trackers.len());
            in_stock.push(id);
            trackers.push(Tracker::new(pool, share));
        }
        let begun = Instant::now();
        let mut client = engine.client()?;
        let (mut draws, mut exhausted, mut turn) = (0, 0, 0);
        while draws < count && !in_stock.is_empty() && !stop.load(Ordering::Relaxed) {
            let requests: Vec<Request> = (0..ROUND.min(count - draws))
                .map(|index| in_stock[(turn + index as usize) % in_stock.len()].into())
                .collect();
            turn = (turn + requests.len()) % in_stock.len();
            let mut sold_out: Vec<PoolId> = Vec::new();
            round(&mut client, &requests, |completion| {
                trackers[places[&completion.pool]].count(completion.outcome);
                if completion.outcome == Outcome::Exhausted {
                    exhausted += 1;
                    sold_out.push(completion.pool);
                } else {
                    draws += 1;
                }
            })?;
            in_stock.retain(|pool| !sold_out.contains(pool));
            progress.set_position(draws);
        }
        Ok(Self {
            trackers,
            draws,
            exhausted,
            duration: begun.elapsed(),
            sold_out: draws < count && in_stock.is_empty(),
        })
    }
}

/// Submits all of them and waits for all of them.
fn round(
    client: &mut Client,
    mut requests: &[Request],
    mut each: impl FnMut(Completion),
) -> Result<(), Failure> {
    let mut open = 0;
    while open > 0 || !requests.is_empty() {
        let taken = if requests.is_empty() {
            0
        } else {
            let submitted = client.submit_batch(requests);
            submitted
                .map_err(|error| Failure::Failed(error.to_string()))?
                .count
        };
        requests = &requests[taken..];
        open += taken;
        let answered = client.poll_with(&mut each)?;
        open -= answered;
        if taken == 0 && answered == 0 {
            thread::yield_now();
        }
    }
    Ok(())
}
