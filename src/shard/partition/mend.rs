//! After a loss that was accepted: a shard's part of a pool on all shards is made to fit the other
//! parts again.
//!
//! With the records of a log what was exchanged with other shards goes as well. Whoever reads on
//! behind a gap takes it that what is not there came in the gap; and when all shards are read, their
//! numbers and sums tell what else was in it.

use std::sync::Arc;

use super::{
    CountsOnly, Misfit, Partition, Pool,
    draws::prizes,
    pool::{Gate, UNLIMITED},
    spread::Spread,
};
use crate::{
    pool::{ItemDefinition, PoolDefinition},
    selector::Selector,
    wal::{
        record::{Record, TransferRecord},
        segment::SEQ_MAX,
    },
};

impl<S: Selector> Partition<S> {
    /// [`apply`](Self::apply), where records before this one are missing.
    ///
    /// # Errors
    /// If the record does not fit all the same.
    pub fn apply_behind_gap(&mut self, seq: u64, record: &Record) -> Result<(), Misfit> {
        match record {
            Record::Draw(draw) => self.expect_units(draw.pool, &[draw.item]),
            Record::Draws(draws) => self.expect_units(draws.pool, &draws.items),
            Record::Sent(transfer) => {
                let TransferRecord { pool, item, .. } = *transfer;
                let here = self.remaining(pool, item);
                self.receive_unseen(pool, item, transfer.units.saturating_sub(here));
                let exchanged = self.exchanges.entry(transfer.peer).or_default();
                exchanged.sent = exchanged.sent.max(number_before(transfer));
            }
            Record::Received(transfer) => {
                let exchanged = self.exchanges.entry(transfer.peer).or_default();
                exchanged.received = exchanged.received.max(number_before(transfer));
            }
            Record::Delivered { peer, upto } => {
                let exchanged = self.exchanges.entry(*peer).or_default();
                exchanged.sent = exchanged.sent.max(*upto);
            }
            Record::Availability(gone) if self.remaining(gone.pool, gone.item) > 0 => {
                return Ok(());
            }
            _ => {}
        }
        self.apply(seq, record)
    }

    /// These were drawn, so they were here.
    fn expect_units(&mut self, pool: u32, items: &[u32]) {
        for item in prizes(items) {
            let wanted = prizes(items).filter(|other| *other == item).count() as u64;
            let here = self.remaining(pool, item);
            self.receive_unseen(pool, item, wanted.saturating_sub(here));
        }
    }

    /// Units came from another shard that no record tells of.
    fn receive_unseen(&mut self, pool: u32, item: u32, units: u64) {
        if let Some(pool) = self.pools.get_mut(pool as usize)
            && pool.spread.is_some()
            && (item as usize) < pool.remaining.len()
            && !pool.is_unlimited(item as usize)
            && units > 0
            // More than can be counted is refused when the record is applied.
            && let Some(here) = pool.remaining[item as usize].checked_add(units)
            && here < UNLIMITED
            && let Some(received) = pool.extra(item).received.checked_add(units)
        {
            pool.extra(item).received = received;
            pool.put_back(item, units);
        }
    }

    /// What was sent and has not come, renumbered so that it follows what the other shard has got.
    fn send_again(&mut self, peer: u32, got: u64) {
        let exchanged = self.exchanges.entry(peer).or_default();
        exchanged.outbox.retain(|transfer| transfer.number > got);
        exchanged.sent = got;
        for transfer in &mut exchanged.outbox {
            exchanged.sent += 1;
            transfer.number = exchanged.sent;
        }
    }

    /// The next transfer that comes is one that the other shard still has.
    fn receive_from(&mut self, peer: u32, first: u64, last: u64) {
        let exchanged = self.exchanges.entry(peer).or_default();
        exchanged.received = exchanged.received.clamp(first - 1, last);
    }

    /// The first and the last transfer to another shard that may not have come there; the first is
    /// behind the last where all have.
    fn under_way(&self, peer: u32) -> (u64, u64) {
        let Some(exchanged) = self.exchanged(peer) else {
            return (1, 0);
        };
        let first = exchanged.outbox.front().map(|transfer| transfer.number);
        (first.unwrap_or(exchanged.sent + 1), exchanged.sent)
    }
}

/// The number before a transfer's, as far as there can be one.
fn number_before(transfer: &TransferRecord) -> u64 {
    transfer.number.saturating_sub(1).min(SEQ_MAX)
}

impl Partition<CountsOnly> {
    /// A part of a pool that is lost as a whole is what it was when the pool was registered.
    fn adopt(&mut self, place: u32, other: &Pool<CountsOnly>) {
        let at = place as usize;
        let is_there = self.pools.get(at).is_some_and(Pool::is_registered);
        let Some(spread) = other.spread().filter(|_| !is_there) else {
            return;
        };
        let mut pool = Pool::beginning(PoolDefinition::new(""), other.items_total);
        pool.definition = Arc::clone(&other.definition);
        pool.gate = Gate::of(&other.definition);
        pool.spread = Some(Spread {
            shard: self.shard,
            changes: 0,
            last_change: Vec::new(),
            ..spread.clone()
        });
        pool.complete();
        self.fill_places(at + 1);
        self.places.remove(&self.pools[at].definition.name);
        self.places.insert(pool.definition.name.clone(), place);
        self.pools[at] = pool;
        self.add_spread_place(place);
    }
}

impl Pool<CountsOnly> {
    /// Makes the changes that another part of the pool has made, and this one has lost.
    fn catch_up(&mut self, other: &Self) {
        let (Some(spread), Some(ahead)) = (&mut self.spread, &other.spread) else {
            return;
        };
        if spread.changes >= ahead.changes {
            return;
        }
        spread.changes = ahead.changes;
        spread.last_change.clear();
        for item in self.remaining.len()..other.remaining.len() {
            let mut added = ItemDefinition::from(other.item_definition(item));
            // What came in with it is lost, but for what is with the others.
            added.stock = added.stock.map(|_| 0);
            self.add(&added);
        }
        self.weights.clone_from(&other.weights);
        for (item, extra) in &other.extras {
            self.extra(*item).is_retired = extra.is_retired;
        }
        self.gate = other.gate;
        self.count_weights();
    }
}

/// Makes the parts of some shards, which have lost records, fit the others.
pub(crate) fn mend(partitions: &mut [&mut Partition<CountsOnly>], damaged: &[usize]) {
    for &shard in damaged {
        for peer in (0..partitions.len()).filter(|peer| *peer != shard) {
            let (here, there) = (shard as u32, peer as u32);
            let got = partitions[peer].received_from(here);
            partitions[shard].send_again(there, got);
            let (first, last) = partitions[peer].under_way(here);
            partitions[shard].receive_from(there, first, last);
            for place in partitions[peer].spread_places.clone() {
                let other = partitions[peer].pools[place as usize].clone();
                partitions[shard].adopt(place, &other);
                partitions[shard].pools[place as usize].catch_up(&other);
            }
        }
    }
    let places = damaged
        .first()
        .map(|shard| partitions[*shard].spread_places.clone());
    for place in places.into_iter().flatten() {
        let items = partitions[damaged[0]].pools[place as usize].remaining.len();
        for item in 0..items as u32 {
            mend_item(partitions, damaged, place, item);
        }
    }
}

/// What all shards together have sent of an item has come or is on its way.
fn mend_item(
    partitions: &mut [&mut Partition<CountsOnly>],
    damaged: &[usize],
    place: u32,
    item: u32,
) {
    let (mut sent, mut came) = (0u128, 0u128);
    for (shard, partition) in (0..).zip(&*partitions) {
        let extras = partition.pools.get(place as usize).map(|pool| &pool.extras);
        if let Some(extra) = extras.and_then(|extras| extras.get(&item)) {
            sent += u128::from(extra.sent);
            came += u128::from(extra.received);
        }
        for (peer, exchanged) in &partition.exchanges {
            let other = partitions.get(*peer as usize);
            let got = other.map_or(0, |other| other.received_from(shard));
            let outbox = exchanged.outbox.iter();
            let missing = outbox.filter(|transfer| {
                transfer.number > got && (transfer.pool, transfer.item) == (place, item)
            });
            came += missing
                .map(|transfer| u128::from(transfer.units))
                .sum::<u128>();
        }
    }
    let lost = sent.saturating_sub(came) as u64;
    partitions[damaged[0]].receive_unseen(place, item, lost);
    let mut unsent = came.saturating_sub(sent) as u64;
    for &shard in damaged {
        let Some(pool) = partitions[shard].pools.get_mut(place as usize) else {
            continue;
        };
        if !pool.is_unlimited(item as usize) {
            let remaining = &mut pool.remaining[item as usize];
            let units = unsent.min(*remaining);
            *remaining -= units;
            unsent -= units;
            pool.extra(item).sent += units;
        }
    }
    if let Some(pool) = partitions[damaged[0]].pools.get_mut(place as usize)
        && unsent > 0
    {
        // They were sent and never had come in, as far as can be read: that is lost as well.
        let extra = pool.extra(item);
        extra.restocked += unsent;
        extra.sent += unsent;
    }
}
