//! Every unit counted by hand, from the records alone: slow and obvious.

use std::collections::BTreeMap;

use tombola::{
    PoolChange,
    recovery::Examination,
    wal::record::{NO_PRIZE, Record, Settlement},
};

use crate::whole::Records;

/// What became of an item's units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Units {
    initial: Option<u64>,
    restocked: u64,
    drawn: u64,
    held: u64,
    voided: u64,
    weight: u64,
    is_retired: bool,
}

/// A shard's items, by the places of pool and item.
#[derive(Default)]
struct Counted {
    pools: BTreeMap<u32, Vec<Units>>,
    /// What requests hold.
    holds: BTreeMap<u64, (u32, Vec<u32>)>,
}

/// Checks every shard's state: what it says of each item, and that nothing was handed out twice.
pub(crate) fn assert_counted(records: &Records, state: &Examination) {
    for shard in &state.shards {
        let mut counted = Counted::default();
        for record in records.range((shard.shard, 0)..(shard.shard + 1, 0)) {
            counted.count(record.1);
        }
        for (pool, found) in (0..).zip(shard.partition.pools()) {
            for (counted, found) in counted.pools[&pool].iter().zip(found.items()) {
                let told = Units {
                    initial: found.initial,
                    restocked: found.restocked,
                    drawn: found.drawn,
                    held: found.held,
                    voided: found.voided,
                    weight: found.weight,
                    is_retired: found.is_retired,
                };
                assert_eq!(told, *counted, "{}", found.id);
                assert_eq!(found.remaining, counted.remaining(), "{}", found.id);
            }
        }
        assert_eq!(shard.partition.holds_open(), counted.holds.len());
    }
}

impl Units {
    fn of(weight: u64, initial: Option<u64>) -> Self {
        Self {
            initial,
            weight,
            ..Self::default()
        }
    }

    /// The equation that holds at every record.
    fn remaining(&self) -> Option<u64> {
        let ever = self.initial? + self.restocked + self.voided;
        let left = ever.checked_sub(self.drawn + self.held);
        Some(left.expect("no unit is handed out twice"))
    }
}

impl Counted {
    fn each(&mut self, pool: u32, items: &[u32], count: impl Fn(&mut Units)) {
        for item in items.iter().filter(|item| **item != NO_PRIZE) {
            let units = &mut self.pools.get_mut(&pool).unwrap()[*item as usize];
            count(units);
            let _ = units.remaining();
        }
    }

    fn count(&mut self, record: &Record) {
        match record {
            Record::Pool(part) => {
                let items = part.items.iter();
                let items = items.map(|item| Units::of(item.weight, item.stock));
                // These pools are small: each is registered with one record.
                self.pools.insert(part.pool, items.collect());
            }
            Record::Draw(draw) => self.each(draw.pool, &[draw.item], |units| units.drawn += 1),
            Record::Draws(draws) if draws.held_until_ms.is_some() => {
                self.each(draws.pool, &draws.items, |units| units.held += 1);
                let hold = (draws.pool, draws.items.clone());
                self.holds.insert(draws.request, hold);
            }
            Record::Draws(draws) => self.each(draws.pool, &draws.items, |units| units.drawn += 1),
            Record::Settled(settled) => {
                let (pool, items) = self.holds.remove(&settled.request).expect("it holds");
                let was_confirmed = settled.how == Settlement::Confirmed;
                self.each(pool, &items, |units| {
                    units.held -= 1;
                    units.drawn += u64::from(was_confirmed);
                });
            }
            Record::Voided(voided) => {
                self.each(voided.pool, &voided.items, |units| units.voided += 1);
            }
            Record::Changed(part) => {
                for change in &part.changes {
                    self.change(part.pool, change);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, pool: u32, change: &PoolChange<u32>) {
        let items = self.pools.get_mut(&pool).unwrap();
        match change {
            PoolChange::Restock { item, units } => items[*item as usize].restocked += units,
            PoolChange::Weight { item, weight } => items[*item as usize].weight = *weight,
            PoolChange::Add { item } => items.push(Units::of(item.weight, item.stock)),
            PoolChange::Retire { item } => {
                let units = &mut items[*item as usize];
                (units.weight, units.is_retired) = (0, true);
            }
            _ => {}
        }
    }
}
