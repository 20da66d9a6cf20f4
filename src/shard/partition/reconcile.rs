//! Pools on all shards after a loss: what a shard has lost of them, the others may still know.
//!
//! Without this a shard that forgot what it had sent would hand out those units a second time, and
//! number what it sends next as if that had come before.

use super::{CountsOnly, Partition, Pool, pool::UNLIMITED};
use crate::{
    pool::ItemDefinition,
    selector::Selector,
    wal::record::{PoolPart, Record},
};

/// Makes the shards that lost something agree with the others, of which nothing is changed. All
/// shards are given, in order.
pub(crate) fn reconcile(shards: &mut [&mut Partition<CountsOnly>], has_lost: &[bool]) {
    let lost: Vec<usize> = (0..shards.len()).filter(|shard| has_lost[*shard]).collect();
    for &shard in &lost {
        for peer in (0..shards.len()).filter(|peer| *peer != shard) {
            number_on(shards, shard, peer);
        }
    }
    let places = shards.iter().map(|shard| shard.pools.len()).max();
    for place in 0..places.unwrap_or(0) {
        let parts = shards.iter().filter_map(|shard| part(shard, place));
        let Some(ahead) = parts.max_by_key(|(changes, _)| *changes) else {
            continue;
        };
        let ahead = ahead.1.clone();
        for &shard in &lost {
            shards[shard].follow(place as u32, &ahead);
        }
        for item in 0..ahead.counts.len() {
            balance(shards, &lost, (place, item));
        }
    }
}

/// A shard's part of the pool at a place, if that lives on all shards, and how often it was changed.
fn part(shard: &Partition<CountsOnly>, place: usize) -> Option<(u64, &Pool<CountsOnly>)> {
    let pool = shard.pools.get(place)?;
    let spread = pool.spread.as_ref().filter(|_| pool.is_registered())?;
    Some((spread.changes, pool))
}

/// Numbers of transfers go on behind those that the other shard knows.
fn number_on(shards: &mut [&mut Partition<CountsOnly>], shard: usize, peer: usize) {
    let Some(theirs) = shards[peer].exchanges.get(&(shard as u32)).cloned() else {
        return;
    };
    let ours = shards[shard].exchanges.entry(peer as u32).or_default();
    ours.sent = ours.sent.max(theirs.received);
    // What they have written off has come, and is not sent again.
    let written_off = theirs
        .outbox
        .front()
        .map_or(theirs.sent, |first| first.number - 1);
    ours.received = ours.received.max(written_off);
}

/// Books units that others have got from these shards, or have sent them and written off, so that
/// as many were sent as have come or are on their way.
fn balance(
    shards: &mut [&mut Partition<CountsOnly>],
    lost: &[usize],
    (place, item): (usize, usize),
) {
    let (mut sent, mut known) = (0u64, 0u64);
    for shard in &*shards {
        let extra = part(shard, place).and_then(|(_, pool)| pool.extras.get(&(item as u32)));
        let (gone, come) = extra.map_or((0, 0), |extra| (extra.sent, extra.received));
        sent = sent.saturating_add(gone);
        known = known
            .saturating_add(come)
            .saturating_add(on_the_way(shards, shard, (place, item)));
    }
    let (mut too_few, mut too_many) = (known.saturating_sub(sent), sent.saturating_sub(known));
    for (nth, &shard) in lost.iter().enumerate() {
        let Some(pool) = shards[shard].pools.get_mut(place) else {
            continue;
        };
        let Some(count) = pool.counts.get_mut(item) else {
            continue;
        };
        if count.remaining == UNLIMITED || (too_few, too_many) == (0, 0) {
            continue;
        }
        let here = too_few.min(count.remaining);
        // Units that others have got and that were never here came in by a record that is lost.
        let is_last = nth + 1 == lost.len();
        let came_in = if is_last { too_few - here } else { 0 };
        let come = std::mem::take(&mut too_many);
        count.remaining = count.remaining - here + come;
        too_few -= here + came_in;
        let extra = pool.extra(item as u32);
        extra.sent += here + came_in;
        extra.restocked += came_in;
        extra.received += come;
    }
}

/// The units of an item that a shard has sent, and that have not come yet.
fn on_the_way(
    shards: &[&mut Partition<CountsOnly>],
    from: &Partition<CountsOnly>,
    (place, item): (usize, usize),
) -> u64 {
    let outboxes = from.exchanges.iter();
    let units = outboxes.flat_map(|(peer, exchanged)| {
        let to = shards
            .get(*peer as usize)
            .and_then(|to| to.exchanges.get(&from.shard));
        let received = to.map_or(0, |to| to.received);
        let waiting = exchanged
            .outbox
            .iter()
            .filter(move |sent| sent.number > received);
        waiting.filter(|sent| (sent.pool as usize, sent.item as usize) == (place, item))
    });
    units.map(|sent| sent.units).sum()
}

impl Partition<CountsOnly> {
    /// Takes over what another shard knows of a pool on all shards, as far as that is ahead.
    fn follow(&mut self, place: u32, ahead: &Pool<CountsOnly>) {
        let definition = &ahead.definition;
        let mut first = 0;
        while part(self, place as usize).is_none() && first < definition.items.len() {
            let part = PoolPart::of(definition, place, first);
            first = part.end();
            if self.apply(0, &Record::Pool(part)).is_err() {
                return;
            }
        }
        if let Some(pool) = self.pools.get_mut(place as usize) {
            pool.follow(ahead);
        }
    }
}

impl<S: Selector> Pool<S> {
    fn follow(&mut self, ahead: &Pool<CountsOnly>) {
        let (Some(here), Some(there)) = (&mut self.spread, &ahead.spread) else {
            return;
        };
        if here.changes >= there.changes {
            return;
        }
        here.changes = there.changes;
        // Nobody else has missed what this shard had to be told of by another.
        here.last_change.clear();
        for item in &ahead.added[self.added.len()..] {
            let stock = item.stock.map(|_| 0);
            self.add(ItemDefinition {
                stock,
                ..item.clone()
            });
        }
        for (item, weight) in ahead.weights.iter().enumerate() {
            self.set_weight(item, *weight);
        }
        let retired = ahead.extras.iter().filter(|(_, extra)| extra.is_retired);
        for (item, _) in retired {
            self.extra(*item).is_retired = true;
        }
        self.gate = ahead.gate;
        self.update_ready();
    }
}
