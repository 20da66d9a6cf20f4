//! Draws that are made together for one request, those with a key, and those that only reserve.

use super::{
    Elsewhere, Misfit, Partition, Pool,
    holds::Hold,
    keys::{HashedKey, KeyedAnswer},
    unknown_pool,
};
use crate::{
    request::{Asked, COUNT_MAX, Refusal, Shape},
    selector::{Selector, Stream},
    wal::record::{DrawsRecord, NO_PRIZE},
};

/// Under what a request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// The sequence number that its record will have.
    pub(crate) seq: u64,
    /// At most so many holds may be open.
    pub(crate) holds_max: usize,
    /// What time it is, in milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// A request that was begun and waits for another shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The pool's place.
    pub(crate) pool: u32,
    /// What it has taken so far. Only a request whose turn it is to collect keeps anything.
    items: Vec<u32>,
    /// What it has chosen and not taken, the next first. Choices stay: to make them again because
    /// of where the units are would change the odds.
    choices: Vec<u32>,
    /// Units it has put aside to be sure that there are as many as it wants.
    aside: Vec<u32>,
    /// The item whose units have to come; none while it waits for its turn.
    pub(crate) wanted: Option<u32>,
}

impl Begun {
    /// A plain draw that has chosen an item which is elsewhere.
    pub(crate) fn chosen(pool: u32, elsewhere: Elsewhere) -> Self {
        Self {
            pool,
            choices: vec![elsewhere.chosen],
            wanted: Some(elsewhere.wanted),
            ..Self::default()
        }
    }

    /// Nothing is begun any more.
    fn clear(&mut self) {
        self.items.clear();
        self.choices.clear();
        self.aside.clear();
        self.wanted = None;
    }

    /// What a plain draw has chosen.
    pub(crate) fn choice(&self) -> Option<u32> {
        self.choices.first().copied()
    }
}

/// What a request came to that is no plain draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StagedDraws {
    /// The record says what was taken.
    Drawn,
    /// It waits for another shard: what was begun is to be gone on with.
    Waits,
    /// The request's key was there before; the record says what it got then.
    Replay(KeyedAnswer),
    /// Nothing was taken.
    Refused(Refusal),
}

impl<S: Selector> Partition<S> {
    /// Draws what `asked` asks for, one unit after the other, or finds what its key got before.
    /// `record` becomes what has to be written, or says what was drawn the first time.
    ///
    /// `begun` is what it had begun; nothing, unless it waits. `turn` is for a request whose turn it is
    /// to collect: the items of which nobody has any but those that it has taken itself.
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw with a key a twentieth of its instructions"
    )]
    #[inline(always)]
    pub(crate) fn stage_draws(
        &mut self,
        asked: &Asked,
        terms: &Terms,
        begun: &mut Begun,
        turn: Option<&[u32]>,
        stream: &mut Stream,
        record: &mut DrawsRecord,
    ) -> StagedDraws {
        let has_taken = !begun.items.is_empty();
        let key = match self.begin_draws(asked, has_taken, terms, record) {
            Ok(key) => key,
            Err(answer) => {
                // What it had taken goes back: its key was answered meanwhile, or the pool has closed.
                self.abandon(begun);
                return answer;
            }
        };
        let pool = &mut self.pools[asked.pool.index() as usize];
        let is_new = !has_taken && begun.choices.is_empty();
        if is_new && asked.shape.count() == 1 && pool.take_one(begun, stream, &mut record.items) {
            self.keep(terms.seq, record, key);
            self.staged += 1;
            return StagedDraws::Drawn;
        }
        self.collect(asked, terms, begun, turn, stream, record, key)
    }

    /// Goes on with a request that has to take several units, or to look further than at one.
    #[inline(never)]
    #[expect(
        clippy::too_many_arguments,
        reason = "it is the rest of the function above"
    )]
    fn collect(
        &mut self,
        asked: &Asked,
        terms: &Terms,
        begun: &mut Begun,
        turn: Option<&[u32]>,
        stream: &mut Stream,
        record: &mut DrawsRecord,
        key: Option<HashedKey>,
    ) -> StagedDraws {
        let pool = &mut self.pools[asked.pool.index() as usize];
        record.items.append(&mut begun.items);
        let absent = turn.unwrap_or_default();
        pool.set_all_gone(absent, true);
        let hand_overs = &mut self.hand_overs;
        let collected = pool.collect(asked, begun, stream, record, hand_overs);
        pool.set_all_gone(absent, false);
        match collected {
            Collected::All => {
                pool.untake_all(&begun.aside);
                begun.clear();
                self.keep(terms.seq, record, key);
                self.staged += 1;
                StagedDraws::Drawn
            }
            Collected::TooFew => {
                pool.untake_all(&begun.aside);
                begun.clear();
                pool.untake_all(&record.items);
                StagedDraws::Refused(if record.items.is_empty() {
                    Refusal::Exhausted
                } else {
                    Refusal::TooFew
                })
            }
            Collected::Waits(wanted) => {
                begun.pool = asked.pool.index();
                if turn.is_some() || asked.shape.count() == 1 {
                    begun.items.append(&mut record.items);
                    begun.wanted = Some(wanted);
                } else {
                    // Others may have what it would keep, until it is its turn.
                    pool.untake_all(&begun.aside);
                    begun.aside.clear();
                    pool.untake_all(&record.items);
                    begun.choices.splice(..0, record.items.drain(..));
                    begun.wanted = None;
                }
                StagedDraws::Waits
            }
        }
    }

    /// Puts back what a request had taken that will not be answered.
    pub(crate) fn abandon(&mut self, begun: &mut Begun) {
        if let Some(pool) = self.pools.get_mut(begun.pool as usize) {
            pool.untake_all(&begun.items);
            pool.untake_all(&begun.aside);
        }
        begun.clear();
    }

    /// Makes the record ready, unless the request has its answer without a draw; returns its key.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn begin_draws(
        &self,
        asked: &Asked,
        has_taken: bool,
        terms: &Terms,
        record: &mut DrawsRecord,
    ) -> Result<Option<HashedKey>, StagedDraws> {
        let count = asked.shape.count();
        record.items.clear();
        let key = asked.key.map(|key| self.keys.hashed(key));
        if let Some(key) = key {
            if let Some(answer) = self.keys.get(key) {
                if (answer.pool, answer.asked) != (asked.pool.index(), count) {
                    return Err(StagedDraws::Refused(Refusal::KeyConflict));
                }
                record.items.extend(self.keys.items(answer));
                return Err(StagedDraws::Replay(*answer));
            }
            if asked.shape.has(Shape::RETRY) && self.keys.has_forgotten() {
                return Err(StagedDraws::Refused(Refusal::Forgotten));
            }
        }
        let now_ms = terms.now_ms.max(self.latest_ms);
        if asked.hold_ms.is_some() && self.holds.len() >= terms.holds_max {
            return Err(StagedDraws::Refused(Refusal::TooManyHolds));
        }
        match self.pools.get(asked.pool.index() as usize) {
            Some(pool) if pool.is_ready => {}
            _ => match self.admit(asked.pool.index(), || now_ms) {
                Ok(()) => {}
                // The rest went while it waited; what it has taken is what there is.
                Err(Refusal::Exhausted) if has_taken => {}
                Err(refusal) => return Err(StagedDraws::Refused(refusal)),
            },
        }
        record.request = asked.request;
        record.pool = asked.pool.index();
        record.asked = count;
        record.at_ms = now_ms;
        record.held_until_ms = asked.hold_ms.map(|time| now_ms.saturating_add(time));
        record.key = asked.key;
        Ok(key)
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
        let key = record.key.map(|key| self.keys.hashed(key));
        if key.is_some_and(|key| self.keys.get(key).is_some()) {
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
        self.keep(seq, record, key);
        Ok(())
    }

    /// Keeps what has to be known later of draws that were taken.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn keep(&mut self, seq: u64, record: &DrawsRecord, key: Option<HashedKey>) {
        self.requests_upto = self.requests_upto.max(record.request.saturating_add(1));
        self.latest_ms = self.latest_ms.max(record.at_ms);
        if let Some(until_ms) = record.held_until_ms {
            self.hold(record, until_ms);
        }
        if let Some(key) = key {
            self.keys.insert(seq, key, record, self.remember);
        }
    }

    /// Holds what was taken.
    #[inline(never)]
    fn hold(&mut self, record: &DrawsRecord, until_ms: u64) {
        let pool = &mut self.pools[record.pool as usize];
        for item in prizes(&record.items) {
            pool.extra(item).held += 1;
        }
        let hold = Hold {
            pool: record.pool,
            until_ms,
            items: record.items.clone(),
        };
        self.holds.insert(record.request, hold);
    }
}

/// How far a request came.
enum Collected {
    All,
    /// There is nothing, or less than it asked for.
    TooFew,
    /// Units of this item have to come first, or word that nobody has any.
    Waits(u32),
}

impl<S: Selector> Pool<S> {
    /// Takes the one unit that a request chooses first, if that is all there is to do. Otherwise what
    /// it has chosen is begun.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn take_one(&mut self, begun: &mut Begun, stream: &mut Stream, items: &mut Vec<u32>) -> bool {
        let chosen = match self.choose(stream) {
            Ok(item) if item != NO_PRIZE => {
                self.take(item)
                    .expect("the item was chosen from what is in stock");
                items.push(item);
                return true;
            }
            Ok(no_prize) => no_prize,
            Err(elsewhere) => elsewhere.chosen,
        };
        begun.choices.push(chosen);
        false
    }

    /// Goes on with what a request has taken and chosen.
    fn collect(
        &mut self,
        asked: &Asked,
        begun: &mut Begun,
        stream: &mut Stream,
        record: &mut DrawsRecord,
        hand_overs: &mut u64,
    ) -> Collected {
        let count = usize::from(asked.shape.count());
        let mut made = 0;
        while record.items.len() < count && self.weight_in_stock > 0 {
            let choice = match begun.choices.get(made) {
                Some(chosen) => self.choose_on(*chosen, stream),
                None => self.choose(stream),
            };
            let item = match choice {
                Ok(item) => item,
                Err(elsewhere) => {
                    begun
                        .choices
                        .splice(..begun.choices.len().min(made + 1), [elsewhere.chosen]);
                    return Collected::Waits(elsewhere.wanted);
                }
            };
            made += 1;
            *hand_overs += u64::from(begun.wanted.take_if(|wanted| *wanted == item).is_some());
            self.take(item)
                .expect("the item was chosen from what is in stock");
            record.items.push(item);
        }
        begun.choices.clear();
        if record.items.is_empty() {
            return Collected::TooFew;
        }
        let missing = count - prizes(&record.items).count();
        if missing > 0 && !asked.shape.has(Shape::PARTIAL) {
            match self.set_aside(missing, &mut begun.aside) {
                Ok(true) => {}
                Ok(false) => return Collected::TooFew,
                Err(wanted) => return Collected::Waits(wanted),
            }
        }
        Collected::All
    }

    /// Whether there were as many units as were asked for, besides those that were drawn: puts them
    /// aside, or says which item may be elsewhere. The answer must not depend on what was drawn, or
    /// the odds would not be the weights: so a pool that answers "no prize" does not refuse a
    /// request for the luck of having met its last unit early.
    fn set_aside(&mut self, units: usize, aside: &mut Vec<u32>) -> Result<bool, u32> {
        let items = 0..self.remaining.len();
        for item in items.clone() {
            let is_drawn = self.weights.at(item) > 0;
            while is_drawn && aside.len() < units && self.remaining[item] > 0 {
                self.take(item as u32).expect("units of it are here");
                aside.push(item as u32);
            }
        }
        if aside.len() >= units {
            return Ok(true);
        }
        let elsewhere = items
            .into_iter()
            .find(|item| self.stocked_weight(*item) > 0);
        elsewhere.map_or(Ok(false), |item| Err(item as u32))
    }

    /// Marks items as such that nobody has, unless there are units here, or takes the mark away.
    fn set_all_gone(&mut self, items: &[u32], gone: bool) {
        for item in items.iter().map(|item| *item as usize) {
            let is_here = self.remaining.get(item).is_some_and(|units| *units > 0);
            self.set_gone(item, gone && !is_here);
        }
    }

    #[inline]
    fn untake_all(&mut self, items: &[u32]) {
        for item in items {
            self.untake_one(*item);
        }
    }

    #[inline(never)]
    fn untake_one(&mut self, item: u32) {
        self.untake(item).expect("it was taken just now");
    }
}

/// The items that are not "no prize".
pub(super) fn prizes(items: &[u32]) -> impl Iterator<Item = u32> + '_ {
    items.iter().copied().filter(|item| *item != NO_PRIZE)
}
