//! What a pool is and has, as whoever looks sees it.

use std::sync::Arc;

use super::{
    ItemState, Pool,
    pool::{Gate, UNLIMITED},
};
use crate::{
    pool::{ItemDefinition, Items, PoolDefinition},
    selector::Selector,
};

impl<S: Selector> Pool<S> {
    /// What was registered. [`current`](Self::current) has what was changed since.
    pub fn definition(&self) -> &Arc<PoolDefinition> {
        &self.definition
    }

    /// What is drawn from, every item at its place: weights as they are, stock with what came in.
    pub fn described(&self) -> Arc<PoolDefinition> {
        if self.added.is_empty()
            && self.extras.is_empty()
            && self.gate == Gate::of(&self.definition)
            && self.weights == *self.definition.items.weights()
        {
            return Arc::clone(&self.definition);
        }
        Arc::new(self.with_items(self.described_items()))
    }

    /// The pool as somebody would have to define it to have what it has now: weights as they are,
    /// stock with what came in, without what was retired.
    pub fn current(&self) -> PoolDefinition {
        let items = self.described_items();
        if !self.extras.values().any(|extra| extra.is_retired) {
            return self.with_items(items);
        }
        let is_retired = |place: &usize| {
            let extra = self.extras.get(&(*place as u32));
            extra.is_some_and(|extra| extra.is_retired)
        };
        let kept = (0..items.len()).filter(|place| !is_retired(place));
        self.with_items(kept.map(|place| items.at(place)).collect())
    }

    /// The items as they are, with all the stock they ever got. What has not changed is shared with
    /// the definition.
    fn described_items(&self) -> Items {
        let registered = self.definition.items.len();
        let mut items = self.definition.items.clone();
        items.extend(&self.added);
        if self.spread.is_some() {
            for place in 0..registered {
                items.set_stock(place, self.initial(place));
            }
        }
        for (place, extra) in self.extras.iter().filter(|(_, extra)| extra.restocked > 0) {
            let place = *place as usize;
            let stock = self.initial(place);
            items.set_stock(place, stock.map(|stock| stock + extra.restocked));
        }
        items.with_weights(&self.weights)
    }

    fn with_items(&self, items: Items) -> PoolDefinition {
        PoolDefinition {
            name: self.definition.name.clone(),
            on_exhausted: self.definition.on_exhausted,
            placement: self.definition.placement,
            is_open: self.gate.is_open,
            opens_at_ms: self.gate.opens_at_ms,
            closes_at_ms: self.gate.closes_at_ms,
            items,
        }
    }

    /// How many draws answered "no prize".
    pub fn no_prizes(&self) -> u64 {
        self.no_prizes
    }

    pub(super) fn item_definition(&self, item: usize) -> ItemDefinition<&str> {
        let registered = &self.definition.items;
        match item.checked_sub(registered.len()) {
            None => registered.at(item),
            Some(added) => self.added.at(added),
        }
    }

    /// Whether an item never runs out.
    pub(super) fn is_unlimited(&self, item: usize) -> bool {
        let registered = &self.definition.items;
        match item.checked_sub(registered.len()) {
            None => registered.is_unlimited(item),
            Some(added) => self.added.is_unlimited(added),
        }
    }

    /// The stock with which an item came, here.
    fn initial(&self, item: usize) -> Option<u64> {
        let stock = self.item_definition(item).stock;
        match &self.spread {
            Some(spread) if item < self.definition.items.len() => spread.part_of(stock),
            _ => stock,
        }
    }

    /// Units of an item that were handed out: what it got and is not in stock, held or elsewhere.
    pub(super) fn drawn(&self, item: usize) -> u64 {
        if let Some(drawn) = self.drawn_together.get(item) {
            return *drawn;
        }
        let extra = self.extras.get(&(item as u32)).copied().unwrap_or_default();
        // On the way it may be more than a `u64` holds, in the end never.
        [extra.restocked, extra.voided, extra.received]
            .into_iter()
            .fold(self.initial(item).unwrap_or(UNLIMITED), u64::wrapping_add)
            .wrapping_sub(self.remaining[item])
            .wrapping_sub(extra.held)
            .wrapping_sub(extra.sent)
    }

    /// The items with their counts, by their places.
    pub fn items(&self) -> impl ExactSizeIterator<Item = ItemState<'_>> {
        (0..self.remaining.len()).map(|place| self.item(place))
    }

    pub(super) fn item(&self, place: usize) -> ItemState<'_> {
        let item = self.item_definition(place);
        let extra = self.extras.get(&(place as u32));
        let extra = extra.copied().unwrap_or_default();
        ItemState {
            id: item.id,
            weight: self.weights.at(place),
            initial: self.initial(place),
            sent: extra.sent,
            received: extra.received,
            restocked: extra.restocked,
            drawn: self.drawn(place),
            held: extra.held,
            voided: extra.voided,
            remaining: item.stock.map(|_| self.remaining[place]),
            is_retired: extra.is_retired,
        }
    }
}
