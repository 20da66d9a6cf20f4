//! A shard's part of the pools: what is in stock, and the one way in which it changes.
//!
//! Live draws, recovery and snapshots all go through [`Partition::apply`]. With a [`Selector`] the
//! partition can also draw; with [`CountsOnly`] it only counts, at a few nanoseconds a record.

use std::{collections::HashMap, sync::Arc};

use bincode::{Decode, Encode};

use crate::{
    pool::{OnExhausted, PoolDefinition},
    request::PoolId,
    selector::{Fenwick, Selector, Stream, WeightOverflow, below},
    wal::record::{DrawRecord, NO_PRIZE, PoolPart, Record},
};

/// `remaining` of an item that never runs out.
const UNLIMITED: u64 = u64::MAX;

/// An item's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Count {
    remaining: u64,
    drawn: u64,
}

/// The pools of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition<S = Fenwick> {
    pools: Vec<Pool<S>>,
    places: HashMap<String, u32>,
    requests_upto: u64,
    /// Draws that are staged and not committed yet.
    staged: u64,
}

/// A pool and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool<S = Fenwick> {
    definition: Arc<PoolDefinition>,
    items_total: u32,
    counts: Vec<Count>,
    /// The summed weight of what is in stock, whatever the selector holds.
    weight_in_stock: u64,
    /// Draws that answered "no prize".
    no_prizes: u64,
    selector: S,
}

/// What a staged draw came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// One unit was taken: of this item, or [`NO_PRIZE`]. It takes a record.
    Draw(DrawRecord),
    /// Nothing is left in the pool.
    Exhausted,
    /// There is no such pool, or its registration is not complete.
    UnknownPool,
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
            staged: 0,
        }
    }
}

impl<S: Selector> Partition<S> {
    /// Takes one unit out of the pool, chosen by weight from what is in stock.
    ///
    /// The unit is staged: it cannot be drawn again. [`commit`](Self::commit) makes it final;
    /// until then [`revert`](Self::revert) puts it back. A draw must not be reverted *because of
    /// the item it chose*, for then the odds would not be the weights.
    #[inline]
    pub fn stage(&mut self, pool: u32, request: u64, stream: &mut Stream) -> Staged {
        let Some(state) = self
            .pools
            .get(pool as usize)
            .filter(|state| state.is_open())
        else {
            return Staged::UnknownPool;
        };
        if state.weight_in_stock == 0 {
            return Staged::Exhausted;
        }
        let index = state.selector.select(below(stream, state.selector.total()));
        let item = if state.counts[index].remaining == 0 {
            NO_PRIZE
        } else {
            index as u32
        };
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
        if draw.item == NO_PRIZE {
            pool.no_prizes = pool.no_prizes.checked_sub(1).ok_or_else(nothing)?;
            self.staged -= 1;
            return Ok(());
        }
        let count = pool
            .counts
            .get_mut(draw.item as usize)
            .filter(|count| count.drawn > 0)
            .ok_or_else(nothing)?;
        self.staged -= 1;
        count.drawn -= 1;
        if count.remaining != UNLIMITED {
            count.remaining += 1;
            if count.remaining == 1 {
                let weight = pool.definition.items[draw.item as usize].weight;
                pool.weight_in_stock += weight;
                pool.set_weight(draw.item as usize, weight);
            }
        }
        Ok(())
    }

    /// Brings a record into the state: the one way in which it changes.
    ///
    /// # Errors
    /// If the record does not fit; the state is as it was then.
    pub fn apply(&mut self, record: &Record) -> Result<(), Misfit> {
        match record {
            Record::Draw(draw) => self.apply_draw(*draw),
            Record::Pool(part) => self.apply_pool(part),
            Record::RequestsReserved { upto } => {
                self.requests_upto = *upto;
                Ok(())
            }
        }
    }

    #[inline]
    fn apply_draw(&mut self, draw: DrawRecord) -> Result<(), Misfit> {
        let Some(pool) = self
            .pools
            .get_mut(draw.pool as usize)
            .filter(|pool| pool.is_open())
        else {
            return Err(Misfit(format!(
                "a draw from pool {}, which is not registered",
                draw.pool
            )));
        };
        if draw.item == NO_PRIZE {
            pool.no_prizes += 1;
        } else {
            let Some(count) = pool.counts.get_mut(draw.item as usize) else {
                return Err(Misfit(format!(
                    "a draw of item {} of pool {}, which has none",
                    draw.item, draw.pool
                )));
            };
            if count.remaining != UNLIMITED {
                if count.remaining == 0 {
                    return Err(Misfit(format!(
                        "a draw of item {} of pool {}, which had run out",
                        draw.item, draw.pool
                    )));
                }
                count.remaining -= 1;
            }
            count.drawn += 1;
            if count.remaining == 0 {
                pool.run_out(draw.item as usize);
            }
        }
        self.requests_upto = self.requests_upto.max(draw.request.saturating_add(1));
        Ok(())
    }

    fn apply_pool(&mut self, part: &PoolPart) -> Result<(), Misfit> {
        let place = part.pool as usize;
        let misfit = |what: &str| Err(Misfit(format!("a part of pool \"{}\" {what}", part.name)));
        if part.items.is_empty() || part.end() > part.items_total as usize {
            return misfit("with no items, or more than the pool has");
        }
        if place > self.pools.len() || place >= PoolId::POOLS_MAX {
            return misfit("for a place beyond the next free one");
        }
        if place < self.pools.len() && self.pools[place].is_open() {
            return misfit("for a place that is taken");
        }
        if self
            .places
            .get(&part.name)
            .is_some_and(|taken| *taken != part.pool)
        {
            return misfit("that has another place already");
        }
        if part.first_item == 0 {
            // The first part of a run: what an unfinished run left behind is gone.
            let definition = PoolDefinition::new(part.name.clone()).on_exhausted(part.on_exhausted);
            let pool = Pool::beginning(definition, part.items_total);
            if let Some(unfinished) = self.pools.get_mut(place) {
                self.places.remove(&unfinished.definition.name);
                *unfinished = pool;
            } else {
                self.pools.push(pool);
            }
            self.places.insert(part.name.clone(), part.pool);
        }
        let Some(pool) = self.pools.get_mut(place) else {
            return misfit("without the parts before it");
        };
        if pool.definition.name != part.name
            || pool.items_total != part.items_total
            || pool.definition.items.len() != part.first_item as usize
        {
            return misfit("that does not continue the part before it");
        }
        Arc::make_mut(&mut pool.definition)
            .items
            .extend_from_slice(&part.items);
        if part.end() == part.items_total as usize {
            if let Err(error) = pool.definition.validate() {
                return Err(Misfit(error.to_string()));
            }
            pool.open();
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

    /// The same state with another selector; nothing of it is staged.
    pub fn with_selector<T: Selector>(self) -> Partition<T> {
        let pools = self.pools.into_iter().map(Pool::with_selector).collect();
        Partition {
            pools,
            places: self.places,
            requests_upto: self.requests_upto,
            staged: 0,
        }
    }
}

impl<S: Selector> Pool<S> {
    fn beginning(definition: PoolDefinition, items_total: u32) -> Self {
        let selector = S::new(&[]).expect("no weights do not overflow");
        let definition = Arc::new(definition);
        Self {
            definition,
            items_total,
            counts: Vec::new(),
            weight_in_stock: 0,
            no_prizes: 0,
            selector,
        }
    }

    /// All items are there: makes the pool ready for draws.
    fn open(&mut self) {
        let count = |stock: Option<u64>| Count {
            remaining: stock.unwrap_or(UNLIMITED),
            drawn: 0,
        };
        self.counts = self
            .definition
            .items
            .iter()
            .map(|item| count(item.stock))
            .collect();
        self.count_weights();
    }

    /// Derives from the counts what depends on them.
    fn count_weights(&mut self) {
        let (items, counts) = (&self.definition.items, &self.counts);
        let in_stock = |at: usize| {
            if counts[at].remaining > 0 {
                items[at].weight
            } else {
                0
            }
        };
        let weights: Vec<u64> = match self.definition.on_exhausted {
            OnExhausted::Renormalise => (0..counts.len()).map(in_stock).collect(),
            OnExhausted::NoPrize => items.iter().map(|item| item.weight).collect(),
        };
        self.weight_in_stock = (0..counts.len()).map(in_stock).sum();
        self.selector = S::new(&weights).expect("a registered pool's weights do not overflow");
    }

    fn run_out(&mut self, item: usize) {
        self.weight_in_stock -= self.definition.items[item].weight;
        self.set_weight(item, 0);
    }

    fn set_weight(&mut self, item: usize, weight: u64) {
        if self.definition.on_exhausted == OnExhausted::Renormalise {
            self.selector
                .set_weight(item, weight)
                .expect("never more than the registered weights");
        }
    }

    fn with_selector<T: Selector>(self) -> Pool<T> {
        let mut pool = Pool {
            definition: self.definition,
            items_total: self.items_total,
            counts: self.counts,
            weight_in_stock: 0,
            no_prizes: self.no_prizes,
            selector: T::new(&[]).expect("no weights do not overflow"),
        };
        if pool.is_open() {
            pool.count_weights();
        }
        pool
    }

    /// Whether its registration is complete.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.counts.len() == self.items_total as usize
    }

    /// What was registered.
    pub fn definition(&self) -> &Arc<PoolDefinition> {
        &self.definition
    }

    /// How many draws answered "no prize".
    pub fn no_prizes(&self) -> u64 {
        self.no_prizes
    }

    /// The items with their counts, in the order of the definition.
    pub fn items(&self) -> impl Iterator<Item = ItemState<'_>> {
        self.definition
            .items
            .iter()
            .zip(&self.counts)
            .map(|(item, count)| ItemState {
                id: &item.id,
                weight: item.weight,
                initial: item.stock,
                drawn: count.drawn,
                remaining: (count.remaining != UNLIMITED).then_some(count.remaining),
            })
    }
}

/// An item of a pool, and how often it was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemState<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its weight.
    pub weight: u64,
    /// The stock it was registered with; `None` is unlimited.
    pub initial: Option<u64>,
    /// Units handed out.
    pub drawn: u64,
    /// Units in stock; `None` is unlimited.
    pub remaining: Option<u64>,
}

mod image;

pub(crate) use image::PartitionBack;

#[cfg(test)]
mod tests;
