//! A shard's part of a pool that lives on all shards.
//!
//! The units of every item are split among the shards (the escrow of O'Neil, "The Escrow
//! Transactional Method", 1986): each shard hands out of its own part, and asks no one. Parts move
//! between the pool's home shard and the others, by records in both logs: first the one that gives
//! writes that the units are gone, then the one that gets them writes that they have come. What one
//! shard has sent is numbered and kept until the other has it, so that no crash loses or doubles a
//! unit, and each log can be replayed without the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bincode::{Decode, Encode};

use super::{Misfit, Partition, Pool, pool::UNLIMITED, unknown_pool};
use crate::{
    pool::PoolChange,
    selector::Selector,
    wal::{
        record::{AvailabilityRecord, TransferRecord},
        segment::SEQ_MAX,
    },
};

/// Items of which every shard would get fewer units stay with the home shard as a whole.
const PART_MIN: u64 = 16;

/// How a shard stands to a pool that lives on all of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Spread {
    /// The shard that keeps what the others have not got.
    pub(crate) home: u32,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    /// How often the pool was changed.
    pub(crate) changes: u64,
    /// The last change, on the home shard: for the others, should they have missed it.
    pub(crate) last_change: Vec<PoolChange<u32>>,
}

impl Spread {
    /// Whether there are shards like this.
    pub(super) fn is_possible(&self) -> bool {
        self.home.max(self.shard) < self.shards
    }

    pub(super) fn is_home(&self) -> bool {
        self.home == self.shard
    }

    /// This shard's part of a stock.
    pub(crate) fn part_of(&self, stock: Option<u64>) -> Option<u64> {
        let stock = stock?;
        let each = stock / u64::from(self.shards);
        let each = if each < PART_MIN { 0 } else { each };
        Some(if self.is_home() {
            stock - each * u64::from(self.shards - 1)
        } else {
            each
        })
    }
}

/// What has been sent to another shard and come from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Exchanged {
    /// The number of the last transfer that was sent.
    pub(crate) sent: u64,
    /// The number of the last transfer that has come.
    pub(crate) received: u64,
    /// What was sent, and may not have come there.
    pub(crate) outbox: VecDeque<TransferRecord>,
}

impl Exchanged {
    /// Whether the numbers can be those of transfers that were sent one after the other.
    pub(super) fn is_sound(&self) -> bool {
        let numbers = self.outbox.iter().map(|transfer| transfer.number);
        let sent = numbers.clone().chain([self.sent.saturating_add(1)]);
        let rise = std::iter::once(0)
            .chain(numbers)
            .zip(sent)
            .all(|(before, next)| before < next);
        rise && self.sent.max(self.received) <= SEQ_MAX
    }
}

/// By the other shard.
pub(super) type Exchanges = BTreeMap<u32, Exchanged>;

impl<S: Selector> Partition<S> {
    /// What was exchanged with another shard.
    pub(crate) fn exchanged(&self, peer: u32) -> Option<&Exchanged> {
        self.exchanges.get(&peer)
    }

    /// The last transfer that has come from another shard.
    pub(crate) fn received_from(&self, peer: u32) -> u64 {
        self.exchanged(peer)
            .map_or(0, |exchanged| exchanged.received)
    }

    /// The next transfer of units to another shard; it has to be written and applied.
    pub(crate) fn transfer(&self, peer: u32, pool: u32, item: u32, units: u64) -> TransferRecord {
        TransferRecord {
            peer,
            number: self.exchanged(peer).map_or(0, |exchanged| exchanged.sent) + 1,
            pool,
            item,
            units,
        }
    }

    pub(super) fn apply_sent(&mut self, transfer: &TransferRecord) -> Result<(), Misfit> {
        let exchanged = self.exchanges.entry(transfer.peer).or_default();
        if transfer.number.checked_sub(1) != Some(exchanged.sent) || transfer.number > SEQ_MAX {
            return Err(misnumbered(transfer));
        }
        let pool = spread_pool(&mut self.pools, transfer.pool, transfer.item)?;
        let remaining = pool.remaining[transfer.item as usize];
        if pool.is_unlimited(transfer.item as usize) || remaining < transfer.units {
            return Err(Misfit(format!(
                "{} units sent of item {} of pool {}, which are not there",
                transfer.units, transfer.item, transfer.pool
            )));
        }
        let sent = pool
            .extras
            .get(&transfer.item)
            .map_or(0, |extra| extra.sent);
        let Some(sent) = sent.checked_add(transfer.units) else {
            return Err(Misfit("more units went than can be counted".into()));
        };
        let remaining = &mut pool.remaining[transfer.item as usize];
        *remaining -= transfer.units;
        if *remaining == 0 {
            pool.stirred.0.insert(transfer.item);
        }
        pool.extra(transfer.item).sent = sent;
        exchanged.sent = transfer.number;
        exchanged.outbox.push_back(*transfer);
        Ok(())
    }

    pub(super) fn apply_received(&mut self, transfer: &TransferRecord) -> Result<(), Misfit> {
        let exchanged = self.exchanges.entry(transfer.peer).or_default();
        if transfer.number.checked_sub(1) != Some(exchanged.received) || transfer.number > SEQ_MAX {
            return Err(misnumbered(transfer));
        }
        let pool = spread_pool(&mut self.pools, transfer.pool, transfer.item)?;
        let received = pool
            .extras
            .get(&transfer.item)
            .map_or(0, |extra| extra.received);
        let here = pool.remaining[transfer.item as usize].checked_add(transfer.units);
        // As many as stand for "without limit" are too many.
        let is_limited = !pool.is_unlimited(transfer.item as usize);
        let is_counted =
            transfer.units == 0 || is_limited && here.is_some_and(|here| here < UNLIMITED);
        let Some(received) = received.checked_add(transfer.units).filter(|_| is_counted) else {
            return Err(Misfit("more units came than can be counted".into()));
        };
        pool.extra(transfer.item).received = received;
        pool.put_back(transfer.item, transfer.units);
        exchanged.received = transfer.number;
        Ok(())
    }

    pub(super) fn apply_delivered(&mut self, peer: u32, upto: u64) -> Result<(), Misfit> {
        let exchanged = self.exchanges.entry(peer).or_default();
        if upto > exchanged.sent {
            return Err(Misfit(format!("shard {peer} has got more than was sent")));
        }
        while exchanged
            .outbox
            .pop_front_if(|transfer| transfer.number <= upto)
            .is_some()
        {}
        Ok(())
    }

    /// A pool that lives on all shards is at this place. In their order, whenever they came: what a
    /// snapshot gives back is the same state.
    pub(super) fn add_spread_place(&mut self, place: u32) {
        if let Err(at) = self.spread_places.binary_search(&place) {
            self.spread_places.insert(at, place);
        }
    }

    /// Whether any pool lives on all shards.
    #[inline]
    pub(crate) fn has_spread(&self) -> bool {
        !self.spread_places.is_empty()
    }

    /// Units of an item that are here.
    pub(crate) fn remaining(&self, pool: u32, item: u32) -> u64 {
        let pool = self.pools.get(pool as usize);
        pool.and_then(|pool| pool.remaining.get(item as usize))
            .map_or(0, |units| *units)
    }

    /// The home shard of a pool that lives on all shards.
    pub(crate) fn home(&self, pool: u32) -> Option<u32> {
        let spread = self.pools.get(pool as usize)?.spread.as_ref()?;
        Some(spread.home)
    }

    /// How often a pool was changed that lives on all shards.
    pub(crate) fn changes(&self, pool: u32) -> u64 {
        let spread = self.pools.get(pool as usize).and_then(Pool::spread);
        spread.map_or(0, |spread| spread.changes)
    }

    /// Nobody has an item any more, or somebody has it again.
    pub(crate) fn set_gone(&mut self, pool: u32, item: u32, gone: bool) {
        if let Some(pool) = self.pools.get_mut(pool as usize) {
            pool.set_gone(item as usize, gone);
        }
    }

    /// Whether nobody has an item any more, as far as is known here.
    pub(crate) fn is_gone(&self, pool: u32, item: u32) -> bool {
        let pool = self.pools.get(pool as usize);
        pool.is_some_and(|pool| pool.gone.get(item as usize) == Some(&true))
    }

    /// An item of which this shard's units came to nothing, or came from nothing; each is told
    /// once. Pools that `rests` says are left for later.
    pub(crate) fn stirred(&mut self, rests: impl Fn(u32) -> bool) -> Option<(u32, u32)> {
        let pools = &mut self.pools;
        let stirred = |place: &u32| {
            let stirred = &mut pools[*place as usize].stirred.0;
            if stirred.is_empty() || rests(*place) {
                return None;
            }
            Some((*place, stirred.pop_first()?))
        };
        self.spread_places.iter().find_map(stirred)
    }

    /// Has an item told again.
    pub(crate) fn stir(&mut self, pool: u32, item: u32) {
        if let Some(pool) = self.pools.get_mut(pool as usize) {
            pool.stirred.0.insert(item);
        }
    }

    /// The items that nobody has, as far as is known here, of all pools that live on all shards.
    pub(crate) fn all_gone(&self) -> Vec<(u32, u32)> {
        let gone = |place: &u32| {
            let place = *place;
            let gone = &self.pools[place as usize].gone;
            let items = (0..).zip(gone).filter(|(_, gone)| **gone);
            items.map(move |(item, _)| (place, item))
        };
        self.spread_places.iter().flat_map(gone).collect()
    }

    pub(super) fn apply_availability(&mut self, record: AvailabilityRecord) -> Result<(), Misfit> {
        let AvailabilityRecord {
            pool,
            item,
            in_stock,
        } = record;
        let state = spread_pool(&mut self.pools, pool, item)?;
        if !in_stock && state.remaining[item as usize] > 0 {
            let name = &state.definition.name;
            return Err(Misfit(format!(
                "item {item} of pool \"{name}\" ran out everywhere, but is in stock"
            )));
        }
        state.set_gone(item as usize, !in_stock);
        Ok(())
    }
}

/// Items of which a shard's units came to nothing, or came from nothing, and of which it has not told
/// yet. That is no state that a log could tell: parts that differ in it only are equal.
#[derive(Debug, Clone, Default)]
pub(super) struct Stirred(pub(super) BTreeSet<u32>);

impl PartialEq for Stirred {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Stirred {}

impl<S: Selector> Pool<S> {
    /// Of a pool that lives on all shards: the one whose log says when an item ran out and came
    /// back.
    pub fn home_shard(&self) -> Option<usize> {
        self.spread.as_ref().map(|spread| spread.home as usize)
    }

    /// How the shard stands to the pool, if it lives on all shards.
    pub(crate) fn spread(&self) -> Option<&Spread> {
        self.spread.as_ref()
    }

    pub(super) fn set_gone(&mut self, item: usize, gone: bool) {
        let Some(was) = self.gone.get(item).copied() else {
            return;
        };
        if was != gone {
            self.weight_in_stock -= self.stocked_weight(item);
            self.gone[item] = gone;
            self.weight_in_stock += self.stocked_weight(item);
            self.update_stock(item);
            self.update_ready();
        }
    }

    /// Several shards' parts of a pool as one: what is on its way between them is in stock.
    pub(crate) fn merged(parts: &[&Self]) -> Option<Self>
    where
        S: Clone,
    {
        let home = parts
            .iter()
            .find(|part| part.spread.as_ref().is_none_or(Spread::is_home))?;
        let mut whole = (*home).clone();
        let items = 0..whole.remaining.len();
        whole.drawn_together = items.map(|item| home.drawn(item)).collect();
        // The parts' logs are whole each by itself, and may contradict each other: the sum of what they
        // say may be more than there can be.
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        for part in parts.iter().filter(|part| !std::ptr::eq(**part, *home)) {
            add(&mut whole.no_prizes, part.no_prizes);
            for item in 0..whole.remaining.len().min(part.remaining.len()) {
                add(&mut whole.drawn_together[item], part.drawn(item));
                if !whole.is_unlimited(item) {
                    whole.remaining[item] =
                        sum_in_stock(whole.remaining[item], part.remaining[item]);
                }
            }
            for (item, other) in &part.extras {
                let extra = whole.extra(*item);
                add(&mut extra.restocked, other.restocked);
                add(&mut extra.held, other.held);
                add(&mut extra.voided, other.voided);
                add(&mut extra.sent, other.sent);
                add(&mut extra.received, other.received);
            }
        }
        let mut extras = std::mem::take(&mut whole.extras);
        for (item, extra) in &mut extras {
            let item = *item as usize;
            if item < whole.remaining.len() && !whole.is_unlimited(item) {
                // Beside a running engine the parts may have been read one after the other, so that
                // more has come than was sent: then it is still counted where it came from.
                let in_stock = sum_in_stock(whole.remaining[item], extra.sent);
                whole.remaining[item] = in_stock.saturating_sub(extra.received);
            }
            (extra.sent, extra.received) = (0, 0);
        }
        whole.extras = extras;
        whole.spread = None;
        Some(whole)
    }
}

/// Units together, which never become what stands for "without limit".
fn sum_in_stock(units: u64, more: u64) -> u64 {
    units.saturating_add(more).min(UNLIMITED - 1)
}

fn spread_pool<S: Selector>(
    pools: &mut [Pool<S>],
    place: u32,
    item: u32,
) -> Result<&mut Pool<S>, Misfit> {
    let pool = pools.get_mut(place as usize);
    let pool = pool.filter(|pool| pool.spread.is_some() && pool.is_registered());
    let Some(pool) = pool else {
        return Err(unknown_pool(place));
    };
    if item as usize >= pool.remaining.len() {
        return Err(pool.no_such_item(item));
    }
    Ok(pool)
}

fn misnumbered(transfer: &TransferRecord) -> Misfit {
    Misfit(format!(
        "transfer {} with shard {}, which is not the next one",
        transfer.number, transfer.peer
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_have_numbers_that_rise_up_to_the_last() {
        let is_sound = |numbers: &[u64], sent, received| {
            let transfer = |&number: &u64| TransferRecord {
                peer: 1,
                pool: 0,
                item: 0,
                units: 1,
                number,
            };
            let exchanged = Exchanged {
                sent,
                received,
                outbox: numbers.iter().map(transfer).collect(),
            };
            exchanged.is_sound()
        };
        assert!(is_sound(&[], 0, 0) && is_sound(&[], 7, SEQ_MAX));
        assert!(is_sound(&[1, 2, 3], 3, 0) && is_sound(&[2, 5], 6, 0));
        assert!(!is_sound(&[0, 1], 1, 0) && !is_sound(&[2, 2], 2, 0));
        assert!(!is_sound(&[3], 2, 0) && !is_sound(&[2, 1], 3, 0));
        assert!(!is_sound(&[], SEQ_MAX + 1, 0) && !is_sound(&[], u64::MAX, 0));
        assert!(!is_sound(&[], 0, SEQ_MAX + 1));
    }
}
