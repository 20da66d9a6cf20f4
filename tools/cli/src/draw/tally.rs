//! What came out, counted by pool and item.

use tombola::{Completion, Outcome, PoolHandle, PoolId};

use super::answer::refusal;

/// Where each pool stands in the plan, by its id.
#[derive(Debug)]
pub(super) struct Places(Vec<Vec<usize>>);

impl Places {
    pub(super) fn new(pools: &[PoolHandle]) -> Self {
        let mut places: Vec<Vec<usize>> = Vec::new();
        for (place, pool) in pools.iter().enumerate() {
            let (shard, index) = (pool.id().shard(), pool.id().index() as usize);
            if places.len() <= shard {
                places.resize(shard + 1, Vec::new());
            }
            if places[shard].len() <= index {
                places[shard].resize(index + 1, usize::MAX);
            }
            places[shard][index] = place;
        }
        Self(places)
    }

    /// The place of a pool that draws were asked from.
    #[inline]
    pub(super) fn of(&self, pool: PoolId) -> usize {
        self.0[pool.shard()][pool.index() as usize]
    }
}

/// What one run, or one client of it, drew.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Draws that were acknowledged: an item, or "no prize".
    pub(crate) draws: u64,
    /// Requests that were refused.
    pub(crate) refused: u64,
    /// Of these, because nothing was left.
    pub(crate) exhausted: u64,
    /// The pools, in the order of the plan.
    pub(crate) pools: Vec<PoolTally>,
}

/// What came out of one pool.
#[derive(Debug, Clone)]
pub(crate) struct PoolTally {
    /// Units of each item, held ones included.
    pub(crate) drawn: Vec<u64>,
    /// Of these, those that were only reserved.
    pub(crate) held: Vec<u64>,
    /// Draws that answered "no prize".
    pub(crate) no_prizes: u64,
}

impl Tally {
    pub(super) fn new(pools: &[PoolHandle]) -> Self {
        let pools = pools.iter().map(|pool| PoolTally {
            drawn: vec![0; pool.definition().items.len()],
            held: vec![0; pool.definition().items.len()],
            no_prizes: 0,
        });
        Self {
            draws: 0,
            refused: 0,
            exhausted: 0,
            pools: pools.collect(),
        }
    }

    /// Counts an answer; `false` where it is a refusal.
    #[inline]
    pub(super) fn count(&mut self, pool: usize, completion: &Completion) -> bool {
        if refusal(completion.outcome).is_some() {
            self.refused += 1;
            self.exhausted += u64::from(completion.outcome == Outcome::Exhausted);
            return false;
        }
        let tally = &mut self.pools[pool];
        let is_held = completion.held_until_ms().is_some();
        for item in completion.items() {
            match item {
                Some(item) => {
                    tally.drawn[item as usize] += 1;
                    tally.held[item as usize] += u64::from(is_held);
                }
                None => tally.no_prizes += 1,
            }
        }
        self.draws += completion.items().len() as u64;
        true
    }

    /// Adds what another client of the same plan drew.
    pub(super) fn add(&mut self, other: &Self) {
        self.draws += other.draws;
        self.refused += other.refused;
        self.exhausted += other.exhausted;
        for (one, other) in self.pools.iter_mut().zip(&other.pools) {
            one.no_prizes += other.no_prizes;
            let counts = one.drawn.iter_mut().chain(&mut one.held);
            for (one, other) in counts.zip(other.drawn.iter().chain(&other.held)) {
                *one += other;
            }
        }
    }
}
