//! The slow and obvious engine. It cannot know which item is drawn, so it takes the answer, checks
//! that it was possible, and follows it.

use std::collections::BTreeMap;

use tombola::{Completion, Outcome, recovery::Examination};

use super::{
    memory::{Drawn, End, Ends, Keys},
    pool::Pool,
    step::{Draw, Settings},
};

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clock_ms: u64,
    /// The newest time in the log.
    latest_ms: u64,
    pub(crate) pools: Vec<Pool>,
    pub(crate) keys: Keys,
    pub(crate) holds: BTreeMap<u64, Drawn>,
    ends: Ends,
    holds_max: usize,
    /// All that was ever drawn, by request.
    drawn: BTreeMap<u64, Drawn>,
    last_request: u64,
    last_seq: u64,
    keeps_log: bool,
    /// The last request that each snapshot covers.
    snapshots: Vec<u64>,
}

impl Model {
    pub(crate) fn new(pools: Vec<Pool>, clock_ms: u64, keeps_log: bool) -> Self {
        Self {
            clock_ms,
            latest_ms: 0,
            pools,
            keys: Keys::default(),
            holds: BTreeMap::new(),
            ends: Ends::default(),
            holds_max: 0,
            drawn: BTreeMap::new(),
            last_request: 0,
            last_seq: 0,
            keeps_log,
            snapshots: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, settings: &Settings) {
        self.keys.set(settings);
        self.ends.set(settings.remember_settled);
        self.holds_max = settings.holds_max;
    }

    /// Checks an answer, and follows it.
    pub(crate) fn answer(&mut self, draw: &Draw, completion: &Completion) {
        assert!(completion.request > self.last_request, "request ids rise");
        self.last_request = completion.request;
        if let Some(first) = draw.key.and_then(|key| self.keys.get(key)) {
            if (first.pool, first.count) == (draw.pool, draw.count) {
                assert_is_replay(completion, first);
            } else {
                assert_refused(completion, Outcome::KeyConflict);
            }
            return;
        }
        if let Some(refusal) = self.refusal(draw) {
            assert_refused(completion, refusal);
            return;
        }
        assert!(!completion.is_replay(), "its key is not remembered");
        assert!(completion.seq > Some(self.last_seq), "records follow");
        self.last_seq = completion.seq.unwrap();
        let at_ms = self.time_of(draw);
        if !draw.is_plain() {
            self.latest_ms = at_ms;
        }
        let drawn = Drawn {
            request: completion.request,
            seq: completion.seq,
            pool: draw.pool,
            count: draw.count,
            at_ms,
            held_until_ms: draw.hold_ms.map(|ms| at_ms + ms),
            items: completion.items().collect(),
        };
        assert_is_outcome_of(completion, draw, &drawn.items);
        assert_eq!(completion.held_until_ms(), drawn.held_until_ms);
        let pool = &mut self.pools[draw.pool];
        let before = pool.units_left();
        pool.take(&drawn.items, draw.hold_ms.is_some());
        assert!(pool.is_enough(before, &drawn.items, draw.count));
        if let Some(key) = draw.key {
            self.keys.remember(key, drawn.clone());
        }
        if draw.hold_ms.is_some() {
            self.holds.insert(drawn.request, drawn.clone());
        }
        self.drawn.insert(drawn.request, drawn);
    }

    /// Why nothing is drawn for a request whose key, if it has one, is not remembered.
    fn refusal(&self, draw: &Draw) -> Option<Outcome> {
        if draw.key.is_some() && draw.is_retry && self.keys.has_forgotten {
            return Some(Outcome::Forgotten);
        }
        if draw.hold_ms.is_some() && self.holds.len() >= self.holds_max {
            return Some(Outcome::TooManyHolds);
        }
        let Some(pool) = self.pools.get(draw.pool) else {
            return Some(Outcome::UnknownPool);
        };
        let too_few = !draw.is_partial && pool.units_left() < u64::from(draw.count);
        pool.refusal(self.time_of(draw))
            .or_else(|| too_few.then_some(Outcome::TooFew))
    }

    /// The time in the log never goes back; for plain draws there is none.
    fn time_of(&self, draw: &Draw) -> u64 {
        if draw.is_plain() {
            self.clock_ms
        } else {
            self.clock_ms.max(self.latest_ms)
        }
    }

    pub(crate) fn confirm(&mut self, request: u64) -> Result<(), &'static str> {
        if let Some(hold) = self.holds.remove(&request) {
            self.pools[hold.pool].hand_out(&hold.items);
            self.ends.insert(request, End::Confirmed);
            return Ok(());
        }
        Err(self.ends.get(request).map_or("NotHeld", End::name))
    }

    pub(crate) fn void(&mut self, request: u64) -> Result<(), &'static str> {
        if let Some(hold) = self.holds.remove(&request) {
            self.pools[hold.pool].let_go(&hold.items);
            self.ends.insert(request, End::Voided);
            return Ok(());
        }
        match self.ends.get(request) {
            Some(end @ (End::Voided | End::Expired)) => return Err(end.name()),
            Some(End::Confirmed) | None => {}
        }
        if request == 0 || request > self.last_request {
            return Err("Unknown");
        }
        if self.ends.is_forgotten(request) {
            return Err("Forgotten");
        }
        let logged = self
            .drawn
            .get(&request)
            .filter(|_| self.log_has(Some(request)));
        let Some(drawn) = self.keys.find(request).or(logged) else {
            let is_whole = self.log_has(None);
            return Err(if is_whole { "Unknown" } else { "Forgotten" });
        };
        self.pools[drawn.pool].take_back(&drawn.items);
        self.ends.insert(request, End::Voided);
        Ok(())
    }

    /// Whether the log holds the record of a request, or everything since the beginning. What the
    /// older of the last two snapshots covers is deleted.
    fn log_has(&self, request: Option<u64>) -> bool {
        let [.., older, _] = self.snapshots[..] else {
            return self.keeps_log;
        };
        request.is_some_and(|request| request > older)
    }

    pub(crate) fn snapshot(&mut self) {
        self.snapshots.push(self.last_request);
    }

    /// Holds whose time is over end, the earliest first.
    pub(crate) fn expire(&mut self) {
        let mut over: Vec<(u64, u64)> = self
            .holds
            .values()
            .map(|hold| (hold.held_until_ms.unwrap(), hold.request))
            .filter(|(until_ms, _)| *until_ms <= self.clock_ms.max(self.latest_ms))
            .collect();
        over.sort_unstable();
        for (_, request) in over {
            let hold = self.holds.remove(&request).unwrap();
            self.pools[hold.pool].let_go(&hold.items);
            self.ends.insert(request, End::Expired);
        }
    }

    /// The files say the same.
    pub(crate) fn assert_is(&self, found: &Examination) {
        assert_eq!(found.findings().count(), 0);
        let pools = found.pools();
        assert_eq!(pools.len(), self.pools.len());
        for (found, pool) in pools.into_iter().zip(&self.pools) {
            pool.assert_is(&found);
        }
        let partition = &found.shards[0].partition;
        assert_eq!(partition.keys_remembered(), self.keys.len());
        assert_eq!(partition.holds_open(), self.holds.len());
        assert!(found.requests_upto() > self.last_request);
    }
}

fn assert_refused(completion: &Completion, refusal: Outcome) {
    assert_eq!(completion.outcome, refusal);
    assert_eq!((completion.seq, completion.items().len()), (None, 0));
    assert!(!completion.is_replay() && completion.held_until_ms().is_none());
}

fn assert_is_replay(completion: &Completion, first: &Drawn) {
    assert!(completion.is_replay());
    assert_eq!(completion.original(), first.request);
    assert_eq!(completion.seq, first.seq);
    assert!(completion.items().eq(first.items.iter().copied()));
    assert_eq!(completion.held_until_ms(), first.held_until_ms);
}

fn assert_is_outcome_of(completion: &Completion, draw: &Draw, items: &[Option<u32>]) {
    let expected = match items {
        _ if draw.count > 1 => Outcome::Items,
        [Some(item)] => Outcome::Item(*item),
        [None] => Outcome::NoPrize,
        _ => panic!("one draw brought {items:?}"),
    };
    assert_eq!(completion.outcome, expected);
}
