//! One pool: its items' weights, what is left of them, and whether it takes draws.

use std::{collections::BTreeMap, sync::Arc};

use bincode::{Decode, Encode};

use super::{
    Misfit,
    spread::{Spread, Stirred},
};
use crate::{
    pool::{Definitions, ItemDefinition, Items, Numbers, OnExhausted, PoolDefinition},
    selector::{Adaptive, Selector},
    wal::record::NO_PRIZE,
};

/// As many units as an item that never runs out has at first. Nobody can draw so many that it shows.
pub(super) const UNLIMITED: u64 = u64::MAX;

/// What few items have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub(super) struct Extra {
    pub(super) restocked: u64,
    pub(super) held: u64,
    pub(super) voided: u64,
    /// Units that went to other shards, and came from them.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) is_retired: bool,
}

/// When a pool takes draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct Gate {
    pub(super) is_open: bool,
    pub(super) opens_at_ms: Option<u64>,
    pub(super) closes_at_ms: Option<u64>,
}

impl Gate {
    pub(super) fn of(definition: &PoolDefinition) -> Self {
        Self {
            is_open: definition.is_open,
            opens_at_ms: definition.opens_at_ms,
            closes_at_ms: definition.closes_at_ms,
        }
    }

    fn is_always_open(&self) -> bool {
        self.is_open && !self.has_window()
    }

    pub(super) fn has_window(&self) -> bool {
        self.opens_at_ms.is_some() || self.closes_at_ms.is_some()
    }
}

/// A pool and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool<S = Adaptive> {
    /// What was registered; what was changed since stands beside it.
    pub(super) definition: Arc<PoolDefinition>,
    pub(super) items_total: u32,
    pub(super) added: Items,
    pub(super) gate: Gate,
    /// The weights as they are now: the definition's own, until one changes.
    pub(super) weights: Arc<Numbers>,
    /// The units in stock, [`UNLIMITED`] of them at first where there is no limit. What was drawn
    /// follows from them, so a draw changes one number.
    pub(super) remaining: Vec<u64>,
    /// What was drawn, as several parts tell it that were put together; empty otherwise.
    pub(super) drawn_together: Vec<u64>,
    pub(super) extras: BTreeMap<u32, Extra>,
    /// The summed weight of what is in stock, whatever the selector holds.
    pub(super) weight_in_stock: u64,
    /// The summed weight of all items.
    pub(super) weight_total: u64,
    /// Whether it can be drawn from, whatever the time: the one thing a draw has to look at.
    pub(super) is_ready: bool,
    /// Draws that answered "no prize".
    pub(super) no_prizes: u64,
    /// Only of a pool that lives on all shards.
    pub(super) spread: Option<Spread>,
    /// Of such a pool: the items that no shard has any more. Empty for the others.
    pub(super) gone: Vec<bool>,
    /// Those of which this shard's units came to nothing, or came from nothing.
    pub(super) stirred: Stirred,
    pub(super) selector: S,
}

impl<S: Selector> Pool<S> {
    /// A pool whose items come later.
    pub(super) fn beginning(definition: PoolDefinition, items_total: u32) -> Self {
        let selector = S::new(&[]).expect("no weights do not overflow");
        let gate = Gate::of(&definition);
        Self {
            definition: Arc::new(definition),
            items_total,
            added: Items::new(),
            gate,
            weights: Arc::default(),
            remaining: Vec::new(),
            drawn_together: Vec::new(),
            extras: BTreeMap::new(),
            weight_in_stock: 0,
            weight_total: 0,
            is_ready: false,
            no_prizes: 0,
            spread: None,
            gone: Vec::new(),
            stirred: Stirred::default(),
            selector,
        }
    }

    /// What stands at a place that no pool has.
    pub(super) fn empty_place() -> Self {
        Self::beginning(PoolDefinition::new(""), 1)
    }

    /// All items are there: makes the pool ready for draws.
    pub(super) fn complete(&mut self) {
        let items = &self.definition.items;
        let part = |stock| match &self.spread {
            Some(spread) => spread.part_of(stock),
            None => stock,
        };
        self.remaining = items
            .iter()
            .map(|item| part(item.stock).unwrap_or(UNLIMITED))
            .collect();
        if let Some(spread) = &self.spread {
            // The home shard alone says what is gone; the others ask it.
            let gone = |item: ItemDefinition<&str>| item.stock == Some(0) && spread.is_home();
            self.gone = items.iter().map(gone).collect();
        }
        self.weights = Arc::clone(items.weights());
        self.count_weights();
    }

    /// Keeps what others have as well in place of its own.
    pub(super) fn share(&mut self, definitions: &Definitions) {
        self.definition = definitions.share(&self.definition);
        let registered = self.definition.items.weights();
        if self.weights == *registered {
            self.weights = Arc::clone(registered);
        }
    }

    /// Derives from weights and counts what depends on them.
    pub(super) fn count_weights(&mut self) {
        let weights: Vec<u64> = (0..self.remaining.len())
            .map(|item| self.effective_weight(item))
            .collect();
        self.selector = S::new(&weights).expect("a registered pool's weights do not overflow");
        self.weight_in_stock = (0..self.remaining.len())
            .map(|item| self.stocked_weight(item))
            .sum();
        self.weight_total = self.weights.iter().sum();
        self.update_ready();
    }

    /// The weight of an item if it is in stock, on whatever shard.
    pub(super) fn stocked_weight(&self, item: usize) -> u64 {
        let in_stock = match self.gone.get(item) {
            Some(gone) => !gone,
            None => self.remaining[item] > 0,
        };
        if in_stock { self.weights.at(item) } else { 0 }
    }

    /// What the selector holds for an item.
    fn effective_weight(&self, item: usize) -> u64 {
        match self.definition.on_exhausted {
            OnExhausted::Renormalise => self.stocked_weight(item),
            OnExhausted::NoPrize => self.weights.at(item),
        }
    }

    /// Takes one unit, or none for [`NO_PRIZE`].
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw a tenth of its instructions"
    )]
    #[inline(always)]
    pub(super) fn take(&mut self, item: u32) -> Result<(), Misfit> {
        if item == NO_PRIZE {
            return self.take_nothing();
        }
        let Some(remaining) = self.remaining.get_mut(item as usize) else {
            return Err(self.no_such_item(item));
        };
        if *remaining == 0 {
            return Err(self.has_run_out(item));
        }
        *remaining -= 1;
        if *remaining == 0 {
            self.run_out(item as usize);
        }
        Ok(())
    }

    fn take_nothing(&mut self) -> Result<(), Misfit> {
        if !self.is_registered() {
            return Err(Misfit(format!(
                "a draw from pool \"{}\", whose registration is not complete",
                self.definition.name
            )));
        }
        self.no_prizes += 1;
        Ok(())
    }

    #[cold]
    pub(super) fn no_such_item(&self, item: u32) -> Misfit {
        let name = &self.definition.name;
        Misfit(format!("item {item} of pool \"{name}\", which has none"))
    }

    #[cold]
    fn has_run_out(&self, item: u32) -> Misfit {
        let name = &self.definition.name;
        Misfit(format!("item {item} of pool \"{name}\", which had run out"))
    }

    fn run_out(&mut self, item: usize) {
        if self.spread.is_some() {
            // Another shard may have it.
            self.stirred.0.insert(item as u32);
            return;
        }
        self.weight_in_stock -= self.weights.at(item);
        self.update_stock(item);
        self.update_ready();
    }

    /// Undoes a [`take`](Self::take) that nobody was told of.
    pub(super) fn untake(&mut self, item: u32) -> Result<(), Misfit> {
        if item == NO_PRIZE {
            let nothing = || Misfit("there is no draw without a prize to put back".into());
            self.no_prizes = self.no_prizes.checked_sub(1).ok_or_else(nothing)?;
            return Ok(());
        }
        if item as usize >= self.remaining.len() || self.drawn(item as usize) == 0 {
            return Err(self.no_such_item(item));
        }
        self.put_back(item, 1);
        Ok(())
    }

    /// Units come into stock.
    pub(super) fn put_back(&mut self, item: u32, units: u64) {
        let item = item as usize;
        let remaining = &mut self.remaining[item];
        let had_run_out = *remaining == 0 && units > 0;
        *remaining += units;
        if had_run_out && self.spread.is_some() {
            self.set_gone(item, false);
            self.stirred.0.insert(item as u32);
        } else if had_run_out {
            self.weight_in_stock += self.weights.at(item);
            self.update_stock(item);
            self.update_ready();
        }
    }

    /// Changes an item's weight.
    pub(super) fn set_weight(&mut self, item: usize, weight: u64) {
        self.weight_in_stock -= self.stocked_weight(item);
        self.weight_total = self.weight_total - self.weights.at(item) + weight;
        Arc::make_mut(&mut self.weights).set(item, weight);
        self.weight_in_stock += self.stocked_weight(item);
        self.update_selector(item);
        self.update_ready();
    }

    /// Adds an item behind the others.
    pub(super) fn add(&mut self, item: &ItemDefinition) {
        self.remaining.push(item.stock.unwrap_or(UNLIMITED));
        if let Some(spread) = &self.spread {
            self.gone.push(item.stock == Some(0) && spread.is_home());
        }
        Arc::make_mut(&mut self.weights).push(item.weight);
        self.weight_total += item.weight;
        self.added.push(item);
        let last = self.remaining.len() - 1;
        self.weight_in_stock += self.stocked_weight(last);
        let weight = self.effective_weight(last);
        self.selector
            .push(weight)
            .expect("the weights' sum was checked");
        self.update_ready();
    }

    /// An item ran out, or is there again.
    pub(super) fn update_stock(&mut self, item: usize) {
        if self.definition.on_exhausted == OnExhausted::NoPrize || self.weights.at(item) == 0 {
            return;
        }
        match self.stocked_weight(item) {
            0 => self.selector.strike(item),
            weight => self.selector.restore(item, weight),
        }
    }

    fn update_selector(&mut self, item: usize) {
        let weight = self.effective_weight(item);
        self.selector
            .set_weight(item, weight)
            .expect("never more than the weights' sum, which was checked");
    }

    pub(super) fn update_ready(&mut self) {
        self.is_ready = self.weight_in_stock > 0 && self.gate.is_always_open();
    }

    pub(super) fn extra(&mut self, item: u32) -> &mut Extra {
        self.extras.entry(item).or_default()
    }

    pub(super) fn with_selector<T: Selector>(self) -> Pool<T> {
        let mut pool = Pool {
            definition: self.definition,
            items_total: self.items_total,
            added: self.added,
            gate: self.gate,
            weights: self.weights,
            remaining: self.remaining,
            drawn_together: self.drawn_together,
            extras: self.extras,
            weight_in_stock: 0,
            weight_total: 0,
            is_ready: false,
            no_prizes: self.no_prizes,
            spread: self.spread,
            gone: self.gone,
            stirred: self.stirred,
            selector: T::new(&[]).expect("no weights do not overflow"),
        };
        if pool.is_registered() {
            pool.count_weights();
        }
        pool
    }

    /// Whether its registration is complete.
    #[inline]
    pub fn is_registered(&self) -> bool {
        self.remaining.len() >= self.items_total as usize
    }

    /// Whether it takes draws now; `now_ms` counts from 1970.
    pub fn is_open(&self, now_ms: u64) -> bool {
        self.gate.is_open && !self.opens_later(now_ms) && !self.has_closed(now_ms)
    }

    pub(super) fn opens_later(&self, now_ms: u64) -> bool {
        self.gate.opens_at_ms.is_some_and(|opens| now_ms < opens)
    }

    fn has_closed(&self, now_ms: u64) -> bool {
        self.gate
            .closes_at_ms
            .is_some_and(|closes| now_ms >= closes)
    }
}
