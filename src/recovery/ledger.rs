//! What became of every unit, counted from the records alone.
//!
//! It adds up what the records say and knows nothing of stock, selectors or snapshots, so that a
//! mistake in those cannot hide behind itself.

use std::collections::{BTreeMap, HashMap};

use crate::{
    pool::PoolChange,
    selector::Selector,
    shard::partition::{ItemState, Pool},
    wal::record::{ChangedPart, NO_PRIZE, PoolPart, Record, Settlement},
};

/// The units of one shard's pools.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The sequence number of the next record.
    next_seq: u64,
    /// The pools whose registration was seen.
    pools: BTreeMap<u32, PoolLedger>,
    /// What a request holds, of which pool.
    holds: HashMap<u64, (u32, Vec<u32>)>,
    /// The changes whose last part has not come yet, of which pool.
    changing: Option<(u32, Vec<PoolChange<u32>>)>,
}

#[derive(Debug, Default)]
struct PoolLedger {
    items: Vec<Units>,
    /// So many of them were there from the beginning.
    registered: usize,
    no_prizes: u64,
}

/// The units of one item. Nothing is subtracted, so that nothing can be too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Units {
    /// `None` is unlimited.
    initial: Option<u64>,
    restocked: u64,
    handed_out: u64,
    held: u64,
    /// Of the held ones, those whose hold has ended.
    released: u64,
    voided: u64,
    /// To other shards.
    sent: u64,
    /// From other shards.
    received: u64,
}

impl Units {
    fn of(initial: Option<u64>) -> Self {
        Self {
            initial,
            ..Self::default()
        }
    }

    /// In the order of [`COUNTED`]; `None` is unlimited.
    fn counts(&self) -> [Option<i128>; COUNTED.len()] {
        let held = self.held.saturating_sub(self.released);
        let counted = [
            self.restocked,
            self.handed_out,
            held,
            self.voided,
            self.sent,
            self.received,
        ];
        let [restocked, drawn, held, voided, sent, received] = counted.map(i128::from);
        let initial = self.initial.map(i128::from);
        let remaining =
            initial.map(|initial| initial + restocked + voided + received - drawn - held - sent);
        let [restocked, drawn, held, voided, sent, received] =
            [restocked, drawn, held, voided, sent, received].map(Some);
        [
            initial, restocked, drawn, held, voided, sent, received, remaining,
        ]
    }
}

const COUNTED: [&str; 8] = [
    "initial",
    "restocked",
    "drawn",
    "held",
    "voided",
    "sent",
    "received",
    "remaining",
];

impl Ledger {
    /// Counts a record. Where some are missing before it, what was counted so far tells nothing.
    pub(super) fn see(&mut self, seq: u64, record: &Record) {
        if seq != self.next_seq {
            *self = Self::default();
        }
        self.next_seq = seq + 1;
        match record {
            Record::Draw(draw) => self.draw(draw.pool, &[draw.item], |units| units.handed_out += 1),
            Record::Draws(draws) if draws.held_until_ms.is_some() => {
                self.draw(draws.pool, &draws.items, |units| units.held += 1);
                let held = (draws.pool, draws.items.clone());
                self.holds.insert(draws.request, held);
            }
            Record::Draws(draws) => {
                self.draw(draws.pool, &draws.items, |units| units.handed_out += 1);
            }
            Record::Settled(settled) => {
                // One that is not known holds of a pool whose registration was not seen.
                if let Some((pool, items)) = self.holds.remove(&settled.request) {
                    let handed_out = u64::from(settled.how == Settlement::Confirmed);
                    self.each(pool, &items, |units| {
                        units.released += 1;
                        units.handed_out += handed_out;
                    });
                }
            }
            Record::Voided(voided) => {
                self.each(voided.pool, &voided.items, |units| units.voided += 1);
            }
            Record::Pool(part) => self.registered(part),
            Record::Changed(part) => self.changed(part),
            Record::Sent(transfer) => self.each(transfer.pool, &[transfer.item], |units| {
                units.sent += transfer.units;
            }),
            Record::Received(transfer) => self.each(transfer.pool, &[transfer.item], |units| {
                units.received = units.received.saturating_add(transfer.units);
            }),
            Record::Delivered { .. }
            | Record::Availability(_)
            | Record::Remember(_)
            | Record::RequestsReserved { .. } => {}
        }
    }

    fn registered(&mut self, part: &PoolPart) {
        if part.first_item == 0 {
            self.pools.insert(part.pool, PoolLedger::default());
        }
        if let Some(pool) = self.pools.get_mut(&part.pool) {
            let items = part.items.iter().map(|item| Units::of(item.stock));
            pool.items.extend(items);
            pool.registered = pool.items.len();
        }
    }

    fn changed(&mut self, part: &ChangedPart) {
        if part.is_first {
            self.changing = Some((part.pool, Vec::new()));
        }
        if let Some((_, changes)) = &mut self.changing {
            changes.extend_from_slice(&part.changes);
        }
        if !part.is_last {
            return;
        }
        let Some((place, changes)) = self.changing.take() else {
            // The parts before it are not there, so the pool's registration is not either.
            return;
        };
        let Some(pool) = self.pools.get_mut(&place) else {
            return;
        };
        for change in changes {
            match change {
                PoolChange::Add { item } => pool.items.push(Units::of(item.stock)),
                PoolChange::Restock { item, units } => {
                    if let Some(item) = pool.items.get_mut(item as usize) {
                        item.restocked = item.restocked.saturating_add(units);
                    }
                }
                _ => {}
            }
        }
    }

    fn draw(&mut self, pool: u32, items: &[u32], count: impl Fn(&mut Units)) {
        let none = items.iter().filter(|item| **item == NO_PRIZE).count();
        if let Some(pool) = self.pools.get_mut(&pool) {
            pool.no_prizes += none as u64;
        }
        self.each(pool, items, count);
    }

    fn each(&mut self, pool: u32, items: &[u32], count: impl Fn(&mut Units)) {
        let Some(pool) = self.pools.get_mut(&pool) else {
            return;
        };
        for item in items {
            if let Some(units) = pool.items.get_mut(*item as usize) {
                count(units);
            }
        }
    }

    /// Everything in which a pool is not what the records come to; `None` where the records do not
    /// reach back to its registration, or not up to `next_seq`.
    pub(super) fn compare<S: Selector>(
        &self,
        place: u32,
        pool: &Pool<S>,
        next_seq: u64,
    ) -> Option<Vec<String>> {
        let ledger = self.pools.get(&place)?;
        if self.next_seq != next_seq {
            return None;
        }
        let name = &pool.definition().name;
        let mut mistakes = Vec::new();
        if ledger.items.len() != pool.items().len() {
            let (counted, found) = (ledger.items.len(), pool.items().len());
            mistakes.push(format!(
                "pool \"{name}\" has {found} items, and in the log {counted}"
            ));
        }
        if ledger.no_prizes != pool.no_prizes() {
            let (counted, found) = (ledger.no_prizes, pool.no_prizes());
            mistakes.push(format!(
                "pool \"{name}\" has {found} draws without a prize, and in the log {counted}"
            ));
        }
        for (place, (units, item)) in ledger.items.iter().zip(pool.items()).enumerate() {
            let mut units = *units;
            if let Some(spread) = pool.spread()
                && place < ledger.registered
            {
                // The registration tells the stock of the whole pool.
                units.initial = spread.part_of(units.initial);
            }
            let both = units.counts().into_iter().zip(counts(&item));
            for (what, (counted, found)) in COUNTED.into_iter().zip(both) {
                if counted != found {
                    let (counted, found) = (shown(counted), shown(found));
                    mistakes.push(format!(
                        "item \"{}\" of pool \"{name}\" has {what} units: {found}, and in the log {counted}",
                        item.id
                    ));
                }
            }
        }
        Some(mistakes)
    }
}

fn counts(item: &ItemState<'_>) -> [Option<i128>; COUNTED.len()] {
    [
        item.initial,
        Some(item.restocked),
        Some(item.drawn),
        Some(item.held),
        Some(item.voided),
        Some(item.sent),
        Some(item.received),
        item.remaining,
    ]
    .map(|units| units.map(i128::from))
}

fn shown(units: Option<i128>) -> String {
    units.map_or_else(|| "unlimited".into(), |units| units.to_string())
}
