//! Every unit counted by hand, from the records alone: slow and obvious.
//!
//! Of a pool on all shards each shard has a part. How its stock was split is the engine's own
//! choice: here it is taken for what the state says, and the parts together have to be the stock.

use std::collections::BTreeMap;

use tombola::{
    Placement, PoolChange,
    recovery::{Examination, ShardState},
    shard::partition::ItemState,
    wal::record::{NO_PRIZE, PoolPart, Record, Settlement, TransferRecord},
};

use crate::{common::whole_pools, whole::Records};

/// What became of an item's units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Units {
    initial: Option<u64>,
    restocked: u64,
    drawn: u64,
    held: u64,
    voided: u64,
    sent: u64,
    received: u64,
    weight: u64,
    is_retired: bool,
}

/// A shard's items, by the places of pool and item.
struct Counted<'a> {
    state: &'a ShardState,
    pools: BTreeMap<u32, Vec<Units>>,
    /// What requests hold.
    holds: BTreeMap<u64, (u32, Vec<u32>)>,
}

/// Checks every shard's state: what it says of each item, and that nothing was handed out twice;
/// and what the parts of a pool come to together.
pub(crate) fn assert_counted(records: &Records, state: &Examination) {
    let mut wholes: BTreeMap<&str, Vec<Units>> = BTreeMap::new();
    for shard in &state.shards {
        let mut counted = Counted::new(shard);
        for record in records.range((shard.shard, 0)..(shard.shard + 1, 0)) {
            counted.count(record.1);
        }
        for (pool, found) in (0..).zip(shard.partition.pools()) {
            let counted = counted.pools.get(&pool).map_or(&[][..], Vec::as_slice);
            assert_eq!(counted.len(), found.items().len());
            for (counted, found) in counted.iter().zip(found.items()) {
                assert_eq!(Units::told(&found), *counted, "{}", found.id);
                assert_eq!(found.remaining, counted.remaining(), "{}", found.id);
            }
            let whole = wholes.entry(&found.definition().name).or_default();
            whole.extend(counted.iter().skip(whole.len()).map(Units::none_of));
            for (whole, part) in whole.iter_mut().zip(counted) {
                whole.add(part);
            }
        }
        assert_eq!(shard.partition.holds_open(), counted.holds.len());
    }
    for found in whole_pools(state) {
        let counted = &wholes[&*found.definition().name];
        for (counted, found) in counted.iter().zip(found.items()) {
            // What is on its way is in stock; and the home shard is the first to know of an edit.
            let whole = Units {
                sent: 0,
                received: 0,
                weight: found.weight,
                is_retired: found.is_retired,
                ..*counted
            };
            assert_eq!(Units::told(&found), whole, "{}", found.id);
            assert_eq!(found.remaining, whole.remaining(), "{}", found.id);
        }
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

    /// What the state says of an item.
    fn told(item: &ItemState<'_>) -> Self {
        Self {
            initial: item.initial,
            restocked: item.restocked,
            drawn: item.drawn,
            held: item.held,
            voided: item.voided,
            sent: item.sent,
            received: item.received,
            weight: item.weight,
            is_retired: item.is_retired,
        }
    }

    /// No units yet of an item like this one.
    fn none_of(&self) -> Self {
        Self::of(self.weight, self.initial.map(|_| 0))
    }

    fn add(&mut self, part: &Self) {
        self.initial = self.initial.zip(part.initial).map(|(one, more)| one + more);
        self.restocked += part.restocked;
        self.drawn += part.drawn;
        self.held += part.held;
        self.voided += part.voided;
        self.sent += part.sent;
        self.received += part.received;
    }

    /// The equation that holds at every record.
    fn remaining(&self) -> Option<u64> {
        let ever = self.initial? + self.restocked + self.voided + self.received;
        let left = ever.checked_sub(self.drawn + self.held + self.sent);
        Some(left.expect("no unit is handed out twice"))
    }
}

impl<'a> Counted<'a> {
    fn new(state: &'a ShardState) -> Self {
        Self {
            state,
            pools: BTreeMap::new(),
            holds: BTreeMap::new(),
        }
    }

    /// This shard's part of a pool that comes in. These pools are small: one record is all of it.
    fn register(&mut self, part: &PoolPart) {
        let found = &self.state.partition.pools()[part.pool as usize];
        let units = part.items.iter().zip(found.items()).map(|(item, found)| {
            let initial = match part.placement {
                Placement::OneShard => item.stock,
                Placement::AllShards => found.initial,
            };
            Units::of(item.weight, initial)
        });
        self.pools.insert(part.pool, units.collect());
    }

    fn moved(&mut self, transfer: &TransferRecord, count: impl Fn(&mut Units, u64)) {
        self.each(transfer.pool, &[transfer.item], |units| {
            count(units, transfer.units);
        });
    }

    fn each(&mut self, pool: u32, items: &[u32], count: impl Fn(&mut Units)) {
        for item in items.iter().filter(|item| **item != NO_PRIZE) {
            let units = &mut self.pools.get_mut(&pool).unwrap()[*item as usize];
            count(units);
            let _ = units.remaining();
        }
    }

    fn count(&mut self, record: &Record) {
        match record {
            Record::Pool(part) => self.register(part),
            Record::Sent(sent) => self.moved(sent, |units, moved| units.sent += moved),
            Record::Received(came) => self.moved(came, |units, moved| units.received += moved),
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
