//! Draws that are made together for one request, those with a key, and those that only reserve.

use super::{Elsewhere, Misfit, Partition, Pool, holds::Hold, keys::KeyedAnswer, unknown_pool};
use crate::{
    machine::Clock,
    request::{Asked, COUNT_MAX, Refusal, Shape},
    selector::{Selector, Stream},
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

    /// What a plain draw has chosen.
    pub(crate) fn choice(&self) -> Option<u32> {
        self.choices.first().copied()
    }
}

/// What a request came to that is no plain draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StagedDraws {
    /// The record says what was taken.
    Drawn,
    /// It waits for another shard.
    Waits(Begun),
    /// The request's key was there before; the record says what it got then.
    Replay(KeyedAnswer),
    /// Nothing was taken.
    Refused(Refusal),
}

impl<S: Selector> Partition<S> {
    /// Draws what `asked` asks for, one unit after the other, or finds what its key got before.
    /// `record` becomes what has to be written, or says what was drawn the first time.
    ///
    /// `turn` is for a request whose turn it is to collect: the items of which nobody has any but
    /// those that it has taken itself.
    pub(crate) fn stage_draws(
        &mut self,
        asked: &Asked,
        terms: &Terms<'_>,
        mut begun: Begun,
        turn: Option<&[u32]>,
        stream: &mut Stream,
        record: &mut DrawsRecord,
    ) -> StagedDraws {
        let has_taken = !begun.items.is_empty();
        if let Err(answer) = self.begin_draws(asked, has_taken, terms, record) {
            // What it had taken goes back: its key was answered meanwhile, or the pool has closed.
            self.abandon(&begun);
            return answer;
        }
        let pool = &mut self.pools[asked.pool.index() as usize];
        record.items.append(&mut begun.items);
        let absent = turn.unwrap_or_default();
        pool.set_all_gone(absent, true);
        let hand_overs = &mut self.hand_overs;
        let collected = pool.collect(asked, &mut begun, stream, record, hand_overs);
        pool.set_all_gone(absent, false);
        match collected {
            Collected::All => {
                pool.untake_all(&begun.aside);
                self.keep(terms.seq, record);
                self.staged += 1;
                StagedDraws::Drawn
            }
            Collected::TooFew => {
                pool.untake_all(&begun.aside);
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
                StagedDraws::Waits(begun)
            }
        }
    }

    /// Puts back what a request had taken that will not be answered.
    pub(crate) fn abandon(&mut self, begun: &Begun) {
        if let Some(pool) = self.pools.get_mut(begun.pool as usize) {
            pool.untake_all(&begun.items);
            pool.untake_all(&begun.aside);
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
            Ok(()) => {}
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

/// How far a request came.
enum Collected {
    All,
    /// There is nothing, or less than it asked for.
    TooFew,
    /// Units of this item have to come first, or word that nobody has any.
    Waits(u32),
}

impl<S: Selector> Pool<S> {
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
