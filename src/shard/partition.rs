//! A shard's part of the pools: what is in stock, and the one way in which it changes.
//!
//! Live draws, recovery and snapshots all go through [`Partition::apply`]. With a [`Selector`] the
//! partition can also draw; with [`CountsOnly`] it only counts, at a few nanoseconds a record.

mod change;
mod described;
mod draws;
mod holds;
mod image;
mod item;
mod keys;
mod mend;
mod odds;
mod pool;
mod register;
mod settle;
mod spread;

use std::{collections::HashMap, slice};

pub(crate) use draws::{Begun, StagedDraws, Terms};
pub(crate) use image::PartitionBack;
pub use item::ItemState;
pub(crate) use mend::mend;
pub(crate) use odds::OddsPart;
pub use odds::{ItemOdds, Odds};
pub use pool::Pool;
pub(crate) use settle::Found;

use crate::{
    machine::Clock,
    pool::{Definitions, OnExhausted},
    request::Refusal,
    selector::{Adaptive, Selector, Stream, WeightOverflow},
    wal::{
        record::{DrawRecord, NO_PRIZE, Record, Remember},
        run::{Records, Run},
    },
};
use change::Changing;
use holds::{Holds, SettledMemory};
use keys::KeyMemory;
use spread::Exchanges;

/// The pools of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition<S = Adaptive> {
    pools: Vec<Pool<S>>,
    places: HashMap<String, u32>,
    requests_upto: u64,
    /// The newest time in a record, in milliseconds since 1970.
    latest_ms: u64,
    remember: Remember,
    keys: KeyMemory,
    holds: Holds,
    settled: SettledMemory,
    /// A change whose last part has not come yet.
    changing: Option<Changing>,
    /// Which of how many shards this is.
    shard: u32,
    shards: u32,
    /// The pools that live on all shards.
    spread_places: Vec<u32>,
    /// What moved between this shard and the others.
    exchanges: Exchanges,
    /// Draws that are staged and not committed yet.
    staged: u64,
    /// Draws that got a unit which another shard had.
    hand_overs: u64,
    /// What other parts of the same engine have as well.
    definitions: Definitions,
}

/// What a staged draw came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// One unit was taken: of this item, or [`NO_PRIZE`]. It takes a record.
    Draw(DrawRecord),
    /// This item was chosen, of which another shard may have units. Nothing was taken.
    Elsewhere(Elsewhere),
    /// Nothing was taken.
    Refused(Refusal),
}

/// A record that does not fit the state it meets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(String);

/// Stands where a [`Selector`] would, for states that only count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountsOnly;

impl Selector for CountsOnly {
    fn new(_weights: &[u64]) -> Result<Self, WeightOverflow> {
        Ok(Self)
    }

    fn total(&self) -> u64 {
        0
    }

    fn set_weight(&mut self, _index: usize, _weight: u64) -> Result<(), WeightOverflow> {
        Ok(())
    }

    fn push(&mut self, _weight: u64) -> Result<(), WeightOverflow> {
        Ok(())
    }

    fn select(&self, _target: u64) -> usize {
        unreachable!("a partition that only counts does not draw")
    }
}

impl<S: Selector> Default for Partition<S> {
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            places: HashMap::new(),
            requests_upto: 1,
            latest_ms: 0,
            remember: Remember::default(),
            keys: KeyMemory::default(),
            holds: Holds::default(),
            settled: SettledMemory::default(),
            changing: None,
            shard: 0,
            shards: 1,
            spread_places: Vec::new(),
            exchanges: Exchanges::new(),
            staged: 0,
            hand_overs: 0,
            definitions: Definitions::default(),
        }
    }
}

impl<S: Selector> Partition<S> {
    /// The same state, of this of so many shards.
    #[must_use]
    pub fn on_shard(mut self, shard: u32, shards: u32) -> Self {
        (self.shard, self.shards) = (shard, shards);
        self
    }

    /// The same state, with the definitions of pools in common with others.
    #[must_use]
    pub(crate) fn sharing(mut self, definitions: &Definitions) -> Self {
        self.definitions = definitions.clone();
        for pool in self.pools.iter_mut().filter(|pool| pool.is_registered()) {
            pool.share(definitions);
        }
        self
    }

    /// Takes one unit out of the pool, chosen by weight from what is in stock.
    ///
    /// The unit is staged: it cannot be drawn again. [`commit`](Self::commit) makes it final;
    /// until then [`revert`](Self::revert) puts it back. A draw must not be reverted *because of
    /// the item it chose*, for then the odds would not be the weights.
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    pub fn stage(&mut self, pool: u32, request: u64, stream: &mut Stream, clock: &Clock) -> Staged {
        let chosen = match self.pools.get_mut(pool as usize) {
            Some(state) if state.is_ready => state.choose(stream),
            _ => match self.admit(pool, || clock.now_ms()) {
                Ok(()) => self.pools[pool as usize].choose(stream),
                Err(refusal) => return Staged::Refused(refusal),
            },
        };
        match chosen {
            Ok(item) => self.stage_item(pool, request, item),
            Err(elsewhere) => Staged::Elsewhere(elsewhere),
        }
    }

    /// Goes on with a draw that chose an item which was elsewhere.
    pub(crate) fn stage_chosen(
        &mut self,
        pool: u32,
        request: u64,
        chosen: u32,
        stream: &mut Stream,
        clock: &Clock,
    ) -> Staged {
        if let Err(refusal) = self.admit(pool, || clock.now_ms()) {
            return Staged::Refused(refusal);
        }
        match self.pools[pool as usize].choose_on(chosen, stream) {
            Ok(item) => {
                self.hand_overs += u64::from(item == chosen);
                self.stage_item(pool, request, item)
            }
            Err(elsewhere) => Staged::Elsewhere(elsewhere),
        }
    }

    /// Takes a unit of an item that was chosen, and is here.
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    fn stage_item(&mut self, pool: u32, request: u64, item: u32) -> Staged {
        let draw = DrawRecord {
            pool,
            item,
            request,
        };
        self.apply_draw(draw)
            .expect("the item was chosen from what is in stock");
        self.staged += 1;
        Staged::Draw(draw)
    }

    /// The pool, if it takes draws at this time.
    #[cold]
    fn admit(&self, pool: u32, now_ms: impl FnOnce() -> u64) -> Result<(), Refusal> {
        let Some(state) = self
            .pools
            .get(pool as usize)
            .filter(|state| state.is_registered())
        else {
            return Err(Refusal::UnknownPool);
        };
        // The time is asked for only where it matters.
        let now_ms = if state.gate.has_window() { now_ms() } else { 0 };
        if state.opens_later(now_ms) {
            Err(Refusal::NotYetOpen)
        } else if !state.is_open(now_ms) {
            Err(Refusal::Closed)
        } else if state.weight_in_stock == 0 {
            Err(Refusal::Exhausted)
        } else {
            Ok(())
        }
    }

    /// Makes the oldest `draws` staged draws final: their records are durable.
    ///
    /// # Panics
    /// If fewer are staged.
    #[inline]
    pub fn commit(&mut self, draws: u64) {
        assert!(draws <= self.staged, "only what is staged becomes final");
        self.staged -= draws;
    }

    /// How many draws are staged and not final yet.
    pub fn staged(&self) -> u64 {
        self.staged
    }

    /// How many draws got a unit which another shard had, since the engine was opened.
    pub(crate) fn hand_overs(&self) -> u64 {
        self.hand_overs
    }

    /// Puts the unit of a staged draw back.
    ///
    /// # Errors
    /// If no such draw is staged: what is final stays so.
    pub fn revert(&mut self, draw: DrawRecord) -> Result<(), Misfit> {
        if self.staged == 0 {
            return Err(Misfit("no draw is staged that could be put back".into()));
        }
        let nothing = || Misfit(format!("there is no draw like {draw:?} to put back"));
        let pool = self.pools.get_mut(draw.pool as usize).ok_or_else(nothing)?;
        pool.untake(draw.item)?;
        self.staged -= 1;
        Ok(())
    }

    /// Brings a record into the state: the one way in which it changes.
    ///
    /// # Errors
    /// If the record does not fit; the state is as it was then.
    pub fn apply(&mut self, seq: u64, record: &Record) -> Result<(), Misfit> {
        match record {
            Record::Draw(draw) => self.apply_draw(*draw),
            Record::Draws(draws) => self.apply_draws(seq, draws),
            Record::Settled(settled) => self.apply_settled(*settled),
            Record::Voided(voided) => self.apply_voided(voided),
            Record::Pool(part) => self.apply_pool(part),
            Record::Changed(part) => self.apply_changed(part),
            Record::Sent(transfer) => self.apply_sent(transfer),
            Record::Received(transfer) => self.apply_received(transfer),
            Record::Delivered { peer, upto } => self.apply_delivered(*peer, *upto),
            Record::Availability(item) => self.apply_availability(*item),
            Record::Remember(remember) => {
                self.remember = *remember;
                self.keys.limit(*remember);
                self.settled.limit(remember.settled);
                Ok(())
            }
            Record::RequestsReserved { upto } => {
                self.requests_upto = *upto;
                Ok(())
            }
        }
    }

    /// Brings records into the state, as [`apply`](Self::apply) does one by one.
    ///
    /// # Errors
    /// The sequence number of the first that does not fit; those before it are in the state then.
    pub(crate) fn apply_run(&mut self, run: Run<'_>) -> Result<(), (u64, Misfit)> {
        match run.records {
            Records::Draws(draws) => self
                .apply_plain(draws)
                .map_err(|(place, misfit)| (run.first_seq + place as u64, misfit)),
            Records::One(record) => {
                let applied = self.apply(run.first_seq, record);
                applied.map_err(|misfit| (run.first_seq, misfit))
            }
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    fn apply_draw(&mut self, draw: DrawRecord) -> Result<(), Misfit> {
        let applied = self.apply_plain(slice::from_ref(&draw));
        applied.map_err(|(_, misfit)| misfit)
    }

    /// Takes the units of draws; or tells which of them does not fit. A pool is looked for once where draws
    /// from it follow one another.
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    fn apply_plain(&mut self, draws: &[DrawRecord]) -> Result<(), (usize, Misfit)> {
        let mut rest = draws;
        while let Some(first) = rest.first() {
            let Some(pool) = self.pools.get_mut(first.pool as usize) else {
                return Err((draws.len() - rest.len(), unknown_pool(first.pool)));
            };
            while let Some((draw, behind)) = rest.split_first()
                && draw.pool == first.pool
            {
                let taken = pool.take(draw.item);
                taken.map_err(|misfit| (draws.len() - rest.len(), misfit))?;
                self.requests_upto = self.requests_upto.max(draw.request.saturating_add(1));
                rest = behind;
            }
        }
        Ok(())
    }

    /// The pools, in the order of their places.
    pub fn pools(&self) -> &[Pool<S>] {
        &self.pools
    }

    /// The place of the pool of this name.
    pub fn place(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    /// All request ids below this may have been handed out.
    pub fn requests_upto(&self) -> u64 {
        self.requests_upto
    }

    /// How much is remembered.
    pub(crate) fn remember(&self) -> Remember {
        self.remember
    }

    /// Keys that are remembered.
    pub fn keys_remembered(&self) -> usize {
        self.keys.len()
    }

    /// Holds that are open.
    pub fn holds_open(&self) -> usize {
        self.holds.len()
    }

    /// The same state with another selector; nothing of it is staged.
    pub fn with_selector<T: Selector>(self) -> Partition<T> {
        let pools = self.pools.into_iter().map(Pool::with_selector).collect();
        Partition {
            pools,
            places: self.places,
            requests_upto: self.requests_upto,
            latest_ms: self.latest_ms,
            remember: self.remember,
            keys: self.keys,
            holds: self.holds,
            settled: self.settled,
            changing: self.changing,
            shard: self.shard,
            shards: self.shards,
            spread_places: self.spread_places,
            exchanges: self.exchanges,
            staged: 0,
            hand_overs: 0,
            definitions: self.definitions,
        }
    }
}

impl<S: Selector> Pool<S> {
    /// An item by weight, or [`NO_PRIZE`]. Something must be in stock.
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    fn choose(&mut self, stream: &mut Stream) -> Result<u32, Elsewhere> {
        let index = self.selector.pick(stream);
        if self.remaining[index] == 0 {
            self.chose_empty(index)
        } else {
            Ok(index as u32)
        }
    }

    #[cold]
    fn chose_empty(&self, index: usize) -> Result<u32, Elsewhere> {
        let chosen = index as u32;
        match self.gone.get(index) {
            None => Ok(NO_PRIZE),
            Some(false) => Err(Elsewhere {
                chosen,
                wanted: chosen,
            }),
            Some(true) => self.no_prize(chosen),
        }
    }

    /// "No prize" is for a pool that has any; whether it has may not be known here.
    fn no_prize(&self, chosen: u32) -> Result<u32, Elsewhere> {
        let mut items = self.remaining.iter().zip(self.weights.iter());
        if items.any(|(remaining, weight)| *remaining > 0 && weight > 0) {
            return Ok(NO_PRIZE);
        }
        let wanted = (0..self.remaining.len()).find(|item| self.stocked_weight(*item) > 0);
        let wanted = wanted.expect("something is in stock") as u32;
        Err(Elsewhere { chosen, wanted })
    }

    /// What becomes of a choice that had to wait. Something must be in stock.
    fn choose_on(&mut self, chosen: u32, stream: &mut Stream) -> Result<u32, Elsewhere> {
        let index = chosen as usize;
        if chosen == NO_PRIZE {
            self.no_prize(chosen)
        } else if self.remaining[index] > 0 {
            Ok(chosen)
        } else if self.gone[index] && self.definition.on_exhausted == OnExhausted::Renormalise {
            self.choose(stream)
        } else {
            self.chose_empty(index)
        }
    }
}

/// A choice that cannot be settled with what is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// The item that was chosen.
    pub(crate) chosen: u32,
    /// The item of which units have to come, or word that nobody has any.
    pub(crate) wanted: u32,
}

#[cold]
fn unknown_pool(pool: u32) -> Misfit {
    Misfit(format!("pool {pool}, which is not registered"))
}

#[cfg(test)]
mod tests;
