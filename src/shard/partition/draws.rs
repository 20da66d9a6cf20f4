//! Draws that are made together for one request, those with a key, and those that only reserve.

use super::{Elsewhere, Misfit, Partition, Pool, holds::Hold, keys::KeyedAnswer, unknown_pool};
use crate::{
    request::{Asked, COUNT_MAX, Refusal, Shape},
    selector::{Selector, Stream},
    sys::Clock,
    wal::record::{DrawsRecord, NO_PRIZE},
};

/// Under what a request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// The sequence number that its record will have.
    pub(crate) seq: u64,
    /// At most so many holds may be open.
    pub(crate) holds_max: usize,
    pub(crate) clock: &'a Clock,
}

/// A request that was begun and waits for units from another shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The pool's place.
    pub(crate) pool: u32,
    /// What it has taken so far.
    pub(crate) items: Vec<u32>,
    /// What it has chosen, and waits for.
    pub(crate) waits_for: Option<Elsewhere>,
}

impl Begun {
    /// A request that has taken these items and waits for the next one.
    pub(crate) fn waiting(pool: u32, items: Vec<u32>, elsewhere: Elsewhere) -> Self {
        Self {
            pool,
            items,
            waits_for: Some(elsewhere),
        }
    }
}

/// What a request came to that is no plain draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StagedDraws {
    /// The record says what was taken.
    Drawn,
    /// An item was chosen of which another shard may have units; the record has those that were
    /// taken so far.
    Elsewhere(Elsewhere),
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
        terms: &Terms<'_>,
        begun: Begun,
        stream: &mut Stream,
        record: &mut DrawsRecord,
    ) -> StagedDraws {
        let Begun {
            items, waits_for, ..
        } = begun;
        let mut chosen = waits_for.map(|elsewhere| elsewhere.chosen);
        let staged = self.begin_draws(asked, !items.is_empty(), terms, record);
        if let Err(answer) = staged {
            // What it had taken goes back: its key was answered meanwhile, or the pool has closed.
            if let Some(pool) = self.pools.get_mut(asked.pool.index() as usize) {
                pool.untake_all(&items);
            }
            return answer;
        }
        record.items.extend(items);
        let count = usize::from(asked.shape.count());
        while record.items.len() < count {
            let pool = &mut self.pools[asked.pool.index() as usize];
            if pool.weight_in_stock == 0 {
                break;
            }
            let choice = match chosen {
                Some(chosen) => pool.choose_on(chosen, stream),
                None => pool.choose(stream),
            };
            let item = match choice {
                Ok(item) => item,
                Err(elsewhere) => return StagedDraws::Elsewhere(elsewhere),
            };
            self.hand_overs += u64::from(chosen.take() == Some(item));
            pool.take(item)
                .expect("the item was chosen from what is in stock");
            record.items.push(item);
        }
        let pool = &mut self.pools[asked.pool.index() as usize];
        if record.items.is_empty() {
            return StagedDraws::Refused(Refusal::Exhausted);
        }
        if !asked.shape.has(Shape::PARTIAL)
            && pool.had_fewer_than(asked.shape.count(), &record.items)
        {
            pool.untake_all(&record.items);
            return StagedDraws::Refused(Refusal::TooFew);
        }
        self.keep(terms.seq, record);
        self.staged += 1;
        StagedDraws::Drawn
    }

    /// Puts back what a request had taken that will not be answered.
    pub(crate) fn abandon(&mut self, begun: &Begun) {
        if let Some(pool) = self.pools.get_mut(begun.pool as usize) {
            pool.untake_all(&begun.items);
        }
    }

    /// Makes the record ready, unless the request has its answer without a draw.
    fn begin_draws(
        &self,
        asked: &Asked,
        has_taken: bool,
        terms: &Terms<'_>,
        record: &mut DrawsRecord,
    ) -> Result<(), StagedDraws> {
        let count = asked.shape.count();
        record.items.clear();
        if let Some(key) = asked.key {
            if let Some((answer, items)) = self.keys.get(key) {
                if (answer.pool, answer.asked) != (asked.pool.index(), count) {
                    return Err(StagedDraws::Refused(Refusal::KeyConflict));
                }
                record.items.extend(items);
                return Err(StagedDraws::Replay(*answer));
            }
            if asked.shape.has(Shape::RETRY) && self.keys.has_forgotten() {
                return Err(StagedDraws::Refused(Refusal::Forgotten));
            }
        }
        let now_ms = terms.clock.now_ms().max(self.latest_ms);
        if asked.hold_ms.is_some() && self.holds.len() >= terms.holds_max {
            return Err(StagedDraws::Refused(Refusal::TooManyHolds));
        }
        match self.admit(asked.pool.index(), || now_ms) {
            Ok(_) => {}
            // The rest went while it waited; what it has taken is what there is.
            Err(Refusal::Exhausted) if has_taken => {}
            Err(refusal) => return Err(StagedDraws::Refused(refusal)),
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
        Ok(())
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
