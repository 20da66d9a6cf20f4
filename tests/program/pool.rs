//! A pool as somebody would keep it on paper: a line for each item, a number for each fate of a unit.

use tombola::{
    Odds, OnExhausted, Outcome, PoolChange, PoolDefinition,
    shard::partition::{CountsOnly, ItemState, Pool as Found},
};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    id: String,
    weight: u64,
    initial: Option<u64>,
    restocked: u64,
    drawn: u64,
    held: u64,
    voided: u64,
    remaining: Option<u64>,
    is_retired: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub(crate) first: PoolDefinition,
    on_exhausted: OnExhausted,
    is_open: bool,
    opens_at_ms: Option<u64>,
    closes_at_ms: Option<u64>,
    items: Vec<Item>,
    no_prizes: u64,
}

impl Item {
    fn new(id: &str, weight: u64, stock: Option<u64>) -> Self {
        Self {
            id: id.into(),
            weight,
            initial: stock,
            restocked: 0,
            drawn: 0,
            held: 0,
            voided: 0,
            remaining: stock,
            is_retired: false,
        }
    }

    fn has_run_out(&self) -> bool {
        self.remaining == Some(0)
    }

    fn can_be_drawn(&self) -> bool {
        self.weight > 0 && !self.has_run_out()
    }

    fn put_back(&mut self, units: u64) {
        self.remaining = self.remaining.map(|remaining| remaining + units);
    }

    fn stock(&self) -> Option<u64> {
        self.initial.map(|initial| initial + self.restocked)
    }
}

impl From<ItemState<'_>> for Item {
    fn from(state: ItemState<'_>) -> Self {
        Self {
            id: state.id.into(),
            weight: state.weight,
            initial: state.initial,
            restocked: state.restocked,
            drawn: state.drawn,
            held: state.held,
            voided: state.voided,
            remaining: state.remaining,
            is_retired: state.is_retired,
        }
    }
}

impl Pool {
    pub(crate) fn new(first: PoolDefinition) -> Self {
        Self {
            on_exhausted: first.on_exhausted,
            is_open: first.is_open,
            opens_at_ms: first.opens_at_ms,
            closes_at_ms: first.closes_at_ms,
            items: first
                .items
                .iter()
                .map(|item| Item::new(item.id, item.weight, item.stock))
                .collect(),
            no_prizes: 0,
            first,
        }
    }

    /// Why no draw is possible at this time.
    pub(crate) fn refusal(&self, now_ms: u64) -> Option<Outcome> {
        if self.opens_at_ms.is_some_and(|opens| now_ms < opens) {
            Some(Outcome::NotYetOpen)
        } else if !self.is_open || self.closes_at_ms.is_some_and(|closes| now_ms >= closes) {
            Some(Outcome::Closed)
        } else if self.units_left() == 0 {
            Some(Outcome::Exhausted)
        } else {
            None
        }
    }

    /// Units that can still be drawn.
    pub(crate) fn units_left(&self) -> u64 {
        let items = self.items.iter().filter(|item| item.can_be_drawn());
        items.fold(0, |sum, item| {
            sum.saturating_add(item.remaining.unwrap_or(u64::MAX))
        })
    }

    /// Takes what was drawn, if that was possible, one after the other.
    pub(crate) fn take(&mut self, drawn: &[Option<u32>], is_held: bool) {
        for place in drawn {
            assert!(self.units_left() > 0, "nothing was left to draw");
            let Some(place) = place else {
                let ran_out = |item: &Item| item.weight > 0 && item.has_run_out();
                assert!(self.on_exhausted == OnExhausted::NoPrize);
                assert!(self.items.iter().any(ran_out), "nothing ran out");
                self.no_prizes += 1;
                continue;
            };
            let item = &mut self.items[*place as usize];
            assert!(item.can_be_drawn(), "{item:?} was drawn");
            item.remaining = item.remaining.map(|remaining| remaining - 1);
            *(if is_held {
                &mut item.held
            } else {
                &mut item.drawn
            }) += 1;
        }
    }

    /// Whether a request for `count` draws may have brought these.
    pub(crate) fn is_enough(&self, before: u64, drawn: &[Option<u32>], count: u8) -> bool {
        let count = usize::from(count);
        match self.on_exhausted {
            OnExhausted::Renormalise => drawn.len() as u64 == before.min(count as u64),
            // How often nothing comes before the last unit is a matter of luck.
            OnExhausted::NoPrize => {
                drawn.len() == count || (drawn.len() < count && self.units_left() == 0)
            }
        }
    }

    pub(crate) fn hand_out(&mut self, held: &[Option<u32>]) {
        for place in held.iter().flatten() {
            let item = &mut self.items[*place as usize];
            item.held -= 1;
            item.drawn += 1;
        }
    }

    pub(crate) fn let_go(&mut self, held: &[Option<u32>]) {
        for place in held.iter().flatten() {
            let item = &mut self.items[*place as usize];
            item.held -= 1;
            item.put_back(1);
        }
    }

    pub(crate) fn take_back(&mut self, drawn: &[Option<u32>]) {
        for place in drawn.iter().flatten() {
            let item = &mut self.items[*place as usize];
            item.voided += 1;
            item.put_back(1);
        }
    }

    /// Makes all changes, or none.
    pub(crate) fn edit(&mut self, changes: &[PoolChange]) -> Result<(), &'static str> {
        let mut after = self.clone();
        after.check_names(changes)?;
        for change in changes {
            after.change(change)?;
            let weights = after.items.iter().map(|item| u128::from(item.weight));
            if weights.sum::<u128>() > u128::from(u64::MAX) {
                return Err("Pool(WeightOverflow");
            }
        }
        if after.items.iter().all(|item| item.weight == 0) {
            return Err("Pool(ZeroWeight");
        }
        *self = after;
        Ok(())
    }

    /// What items are called is looked at before anything else.
    fn check_names(&self, changes: &[PoolChange]) -> Result<(), &'static str> {
        let mut ids: Vec<&str> = self.items.iter().map(|item| &*item.id).collect();
        for change in changes {
            match change {
                PoolChange::Add { item } if ids.contains(&&*item.id) => {
                    return Err("Pool(DuplicateItem");
                }
                PoolChange::Add { item } => ids.push(&item.id),
                PoolChange::Restock { item, .. }
                | PoolChange::Weight { item, .. }
                | PoolChange::Retire { item }
                    if !ids.contains(&&**item) =>
                {
                    return Err("UnknownItem");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &PoolChange) -> Result<(), &'static str> {
        match change {
            PoolChange::Restock { item, units } => {
                let item = self.item(item)?;
                let stock = item.stock().ok_or("Unlimited")?;
                let after = stock.checked_add(*units).filter(|sum| *sum < u64::MAX);
                after.ok_or("TooMuchStock")?;
                item.restocked += units;
                item.put_back(*units);
            }
            PoolChange::Weight { item, weight } => self.item(item)?.weight = *weight,
            PoolChange::Add { item } => {
                if item.id.is_empty() {
                    return Err("Pool(Name");
                }
                if item.stock == Some(u64::MAX) {
                    return Err("Pool(Stock");
                }
                self.items
                    .push(Item::new(&item.id, item.weight, item.stock));
            }
            PoolChange::Retire { item } => {
                let item = self.item(item)?;
                item.weight = 0;
                item.is_retired = true;
            }
            PoolChange::Open => self.is_open = true,
            PoolChange::Close => self.is_open = false,
            PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            } => {
                if closes_at_ms.is_some_and(|closes| Some(closes) <= *opens_at_ms) {
                    return Err("Window");
                }
                (self.opens_at_ms, self.closes_at_ms) = (*opens_at_ms, *closes_at_ms);
            }
            other => panic!("{other:?} is no step"),
        }
        Ok(())
    }

    fn item(&mut self, id: &str) -> Result<&mut Item, &'static str> {
        let item = self.items.iter_mut().find(|item| item.id == id).unwrap();
        if item.is_retired {
            Err("Retired")
        } else {
            Ok(item)
        }
    }

    /// The pool as somebody would have to define it now.
    pub(crate) fn current(&self) -> PoolDefinition {
        let mut current = PoolDefinition {
            on_exhausted: self.on_exhausted,
            is_open: self.is_open,
            placement: self.first.placement,
            ..PoolDefinition::new(&*self.first.name)
        }
        .window(self.opens_at_ms, self.closes_at_ms);
        for item in self.items.iter().filter(|item| !item.is_retired) {
            current = match item.stock() {
                Some(stock) => current.item(&item.id, item.weight, stock),
                None => current.unlimited(&item.id, item.weight),
            };
        }
        current
    }

    pub(crate) fn assert_is(&self, found: &Found<CountsOnly>) {
        let items: Vec<Item> = found.items().map(Item::from).collect();
        assert_eq!(items, self.items);
        assert_eq!(found.no_prizes(), self.no_prizes);
        assert_eq!(found.current(), self.current());
        for item in found.items() {
            assert!(item.is_conserved(), "{item:?}");
        }
    }

    pub(crate) fn assert_odds(&self, odds: &Odds, now_ms: u64) {
        let is_open = !matches!(
            self.refusal(now_ms),
            Some(Outcome::NotYetOpen | Outcome::Closed)
        );
        assert_eq!(odds.is_open, is_open);
        let weight = |item: &Item| {
            if item.can_be_drawn() { item.weight } else { 0 }
        };
        let expected: Vec<_> = (0u32..)
            .zip(&self.items)
            .filter(|(_, item)| !item.is_retired)
            .map(|(place, item)| (place, &*item.id, weight(item), item.remaining))
            .collect();
        let told: Vec<_> = odds
            .items
            .iter()
            .map(|item| (item.place, &*item.id, item.weight, item.remaining))
            .collect();
        assert_eq!(told, expected);
        let drawable: u64 = self.items.iter().map(weight).sum();
        let nothing = match self.on_exhausted {
            OnExhausted::NoPrize if drawable > 0 => {
                self.items.iter().map(|item| item.weight).sum::<u64>() - drawable
            }
            _ => 0,
        };
        assert_eq!(odds.no_prize_weight, nothing);
        assert_eq!(odds.total_weight, drawable + nothing);
    }
}
