//! Draws that are made together for one request, those with a key, and those that only reserve.

use super::{Misfit, Partition, Pool, holds::Hold, keys::KeyedAnswer, unknown_pool};
use crate::{
    request::{Asked, COUNT_MAX, Refusal, Shape},
    selector::{Selector, Stream},
    sys::Clock,
    wal::record::{DrawsRecord, NO_PRIZE},
};

/// What a request came to that is no plain draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StagedDraws {
    /// The record says what was taken.
    Drawn,
    /// The request's key was there before; the record says what it got then.
    Replay(KeyedAnswer),
    /// Nothing was taken.
    Refused(Refusal),
}

impl<S: Selector> Partition<S> {
    /// Draws what `asked` asks for, one unit after the other, or finds what its key got before.
    /// `record` becomes what has to be written, or says what was drawn the first time.
    pub(crate) fn stage_draws(
        &mut self,
        asked: &Asked,
        seq: u64,
        holds_max: usize,
        stream: &mut Stream,
        clock: &Clock,
        record: &mut DrawsRecord,
    ) -> StagedDraws {
        let count = asked.shape.count();
        record.items.clear();
        if let Some(key) = asked.key {
            if let Some((answer, items)) = self.keys.get(key) {
                if (answer.pool, answer.asked) != (asked.pool.index(), count) {
                    return StagedDraws::Refused(Refusal::KeyConflict);
                }
                record.items.extend(items);
                return StagedDraws::Replay(*answer);
            }
            if asked.shape.has(Shape::RETRY) && self.keys.has_forgotten() {
                return StagedDraws::Refused(Refusal::Forgotten);
            }
        }
        let now_ms = clock.now_ms().max(self.latest_ms);
        if asked.hold_ms.is_some() && self.holds.len() >= holds_max {
            return StagedDraws::Refused(Refusal::TooManyHolds);
        }
        if let Err(refusal) = self.admit(asked.pool.index(), || now_ms) {
            return StagedDraws::Refused(refusal);
        }
        *record = DrawsRecord {
            request: asked.request,
            pool: asked.pool.index(),
            asked: count,
            at_ms: now_ms,
            held_until_ms: asked.hold_ms.map(|time| now_ms.saturating_add(time)),
            key: asked.key,
            items: std::mem::take(&mut record.items),
        };
        let pool = &mut self.pools[asked.pool.index() as usize];
        while record.items.len() < usize::from(count) && pool.weight_in_stock > 0 {
            let item = pool.choose(stream);
            pool.take(item)
                .expect("the item was chosen from what is in stock");
            record.items.push(item);
        }
        if !asked.shape.has(Shape::PARTIAL) && pool.had_fewer_than(count, &record.items) {
            pool.untake_all(&record.items);
            return StagedDraws::Refused(Refusal::TooFew);
        }
        self.keep(seq, record);
        self.staged += 1;
        StagedDraws::Drawn
    }

    pub(super) fn apply_draws(&mut self, seq: u64, record: &DrawsRecord) -> Result<(), Misfit> {
        let misfit = |what: &str| {
            Err(Misfit(format!(
                "draws of request {} {what}",
                record.request
            )))
        };
        if record.items.is_empty()
            || record.items.len() > usize::from(record.asked)
            || record.asked > COUNT_MAX
        {
            return misfit("that are none, or more than were asked for");
        }
        if record.key.is_some_and(|key| self.keys.get(key).is_some()) {
            return misfit("with a key that is remembered already");
        }
        if record.held_until_ms.is_some() && self.holds.get(record.request).is_some() {
            return misfit("that are held already");
        }
        let Some(pool) = self.pools.get_mut(record.pool as usize) else {
            return Err(unknown_pool(record.pool));
        };
        for (at, item) in record.items.iter().enumerate() {
            if let Err(error) = pool.take(*item) {
                pool.untake_all(&record.items[..at]);
                return Err(error);
            }
        }
        self.keep(seq, record);
        Ok(())
    }

    /// Keeps what has to be known later of draws that were taken.
    fn keep(&mut self, seq: u64, record: &DrawsRecord) {
        self.requests_upto = self.requests_upto.max(record.request.saturating_add(1));
        self.latest_ms = self.latest_ms.max(record.at_ms);
        if let Some(until_ms) = record.held_until_ms {
            let pool = &mut self.pools[record.pool as usize];
            for item in prizes(&record.items) {
                pool.counts[item as usize].drawn -= 1;
                pool.extra(item).held += 1;
            }
            let hold = Hold {
                pool: record.pool,
                until_ms,
                items: record.items.clone(),
            };
            self.holds.insert(record.request, hold);
        }
        if let Some(key) = record.key {
            self.keys.insert(seq, key, record, self.remember);
        }
    }
}

impl<S: Selector> Pool<S> {
    /// Whether fewer units were left than were asked for before these were drawn. It must not
    /// depend on which they are, or the odds would not be the weights: so a pool that answers "no
    /// prize" is not refused for the luck of having met its last unit early.
    fn had_fewer_than(&self, asked: u8, drawn: &[u32]) -> bool {
        let taken = prizes(drawn).count() as u64;
        let wanted = u64::from(asked) - taken;
        let mut left = 0u64;
        wanted > 0
            && (self.weight_in_stock == 0
                || (0..self.counts.len())
                    .filter(|item| self.weights[*item] > 0)
                    .all(|item| {
                        left = left.saturating_add(self.counts[item].remaining);
                        left < wanted
                    }))
    }

    fn untake_all(&mut self, items: &[u32]) {
        for item in items {
            self.untake(*item).expect("it was taken just now");
        }
    }
}

/// The items that are not "no prize".
pub(super) fn prizes(items: &[u32]) -> impl Iterator<Item = u32> + '_ {
    items.iter().copied().filter(|item| *item != NO_PRIZE)
}
