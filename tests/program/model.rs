//! The slow and obvious engine. It cannot know which item is drawn, so it takes the answer, checks
//! that it was possible, and follows it.

use std::collections::BTreeMap;

use tombola::{Completion, Outcome, recovery::Examination};

use super::{
    memory::{Drawn, End, Memory},
    pool::Pool,
    step::{Draw, Settings},
};

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clock_ms: u64,
    pub(crate) pools: Vec<Pool>,
    pub(crate) shards: Vec<Memory>,
    holds_max: usize,
    /// All that was ever drawn, by request.
    drawn: BTreeMap<u64, Drawn>,
    last_request: u64,
    keeps_log: bool,
    /// The last request that each snapshot covers.
    snapshots: Vec<u64>,
}

/// Whether something is still in the log.
#[derive(Debug, Clone, Copy, PartialEq)]
enum InLog {
    Yes,
    No,
    /// Of several shards not all make a snapshot each time, but only those that have something new.
    Perhaps,
}

impl Model {
    pub(crate) fn new(pools: Vec<Pool>, shards: usize, clock_ms: u64, keeps_log: bool) -> Self {
        Self {
            clock_ms,
            pools,
            shards: (0..shards).map(|_| Memory::default()).collect(),
            holds_max: 0,
            drawn: BTreeMap::new(),
            last_request: 0,
            keeps_log,
            snapshots: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, settings: &Settings) {
        for memory in &mut self.shards {
            memory.keys.set(settings);
            memory.ends.set(settings.remember_settled);
        }
        self.holds_max = settings.holds_max;
    }

    /// Checks an answer, and follows it.
    pub(crate) fn answer(&mut self, draw: &Draw, completion: &Completion) {
        assert!(completion.request > self.last_request, "request ids rise");
        self.last_request = completion.request;
        let shard = completion.shard;
        let memory = &self.shards[shard];
        if let Some(first) = draw.key.and_then(|key| memory.keys.get(key)) {
            if (first.pool, first.count) == (draw.pool, draw.count) {
                assert_is_replay(completion, first);
            } else {
                assert_refused(completion, Outcome::KeyConflict);
            }
            return;
        }
        if let Some(refusal) = self.refusal(draw, memory) {
            assert_refused(completion, refusal);
            return;
        }
        assert!(!completion.is_replay(), "its key is not remembered");
        assert!(completion.seq > Some(memory.last_seq), "records follow");
        let at_ms = self.time_of(draw, memory);
        let memory = &mut self.shards[shard];
        memory.last_seq = completion.seq.unwrap();
        if !draw.is_plain() {
            memory.latest_ms = at_ms;
        }
        let drawn = Drawn {
            request: completion.request,
            shard,
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
            memory.keys.remember(key, drawn.clone());
        }
        if draw.hold_ms.is_some() {
            memory.holds.insert(drawn.request, drawn.clone());
        }
        self.drawn.insert(drawn.request, drawn);
    }

    /// Why nothing is drawn for a request whose key, if it has one, is not remembered.
    fn refusal(&self, draw: &Draw, memory: &Memory) -> Option<Outcome> {
        if draw.key.is_some() && draw.is_retry && memory.keys.has_forgotten {
            return Some(Outcome::Forgotten);
        }
        if draw.hold_ms.is_some() && memory.holds.len() >= self.holds_max {
            return Some(Outcome::TooManyHolds);
        }
        let Some(pool) = self.pools.get(draw.pool) else {
            return Some(Outcome::UnknownPool);
        };
        let too_few = !draw.is_partial && pool.units_left() < u64::from(draw.count);
        pool.refusal(self.time_of(draw, memory))
            .or_else(|| too_few.then_some(Outcome::TooFew))
    }

    /// The time in the log never goes back; for plain draws there is none.
    fn time_of(&self, draw: &Draw, memory: &Memory) -> u64 {
        if draw.is_plain() {
            self.clock_ms
        } else {
            self.clock_ms.max(memory.latest_ms)
        }
    }

    /// Ends a hold; `shard` is where to look, if that is known.
    pub(crate) fn confirm(&mut self, id: u64, shard: Option<usize>) -> Result<(), &'static str> {
        for at in self.shards_of(shard) {
            let memory = &mut self.shards[at];
            if let Some(hold) = memory.holds.remove(&id) {
                self.pools[hold.pool].hand_out(&hold.items);
                memory.ends.insert(id, End::Confirmed);
                return Ok(());
            }
            if let Some(end) = memory.ends.get(id) {
                return Err(end.name());
            }
        }
        Err("NotHeld")
    }

    /// Follows the answer to a void, if it is a possible one.
    pub(crate) fn void(&mut self, id: u64, shard: Option<usize>, told: Result<(), &'static str>) {
        if id == 0 || id > self.last_request {
            assert_eq!(told, Err("Unknown"));
            return;
        }
        let mut is_forgotten = InLog::No;
        for at in self.shards_of(shard) {
            let logged = self.log_has(Some(id));
            let is_whole = self.log_has(None);
            let memory = &mut self.shards[at];
            if let Some(hold) = memory.holds.remove(&id) {
                assert_eq!(told, Ok(()));
                self.pools[hold.pool].let_go(&hold.items);
                memory.ends.insert(id, End::Voided);
                return;
            }
            match memory.ends.get(id) {
                Some(end @ (End::Voided | End::Expired)) => {
                    assert_eq!(told, Err(end.name()));
                    return;
                }
                Some(End::Confirmed) | None => {}
            }
            if memory.ends.is_forgotten(id) {
                is_forgotten = InLog::Yes;
                continue;
            }
            let mut drawn = memory.keys.find(id);
            if drawn.is_none() && (logged == InLog::Yes || logged == InLog::Perhaps && told.is_ok())
            {
                drawn = self.drawn.get(&id).filter(|drawn| drawn.shard == at);
            }
            if let Some(drawn) = drawn {
                assert_eq!(told, Ok(()));
                self.pools[drawn.pool].take_back(&drawn.items);
                memory.ends.insert(id, End::Voided);
                return;
            }
            match is_whole {
                InLog::No => is_forgotten = InLog::Yes,
                InLog::Perhaps if is_forgotten == InLog::No => is_forgotten = InLog::Perhaps,
                InLog::Yes | InLog::Perhaps => {}
            }
        }
        match is_forgotten {
            InLog::Yes => assert_eq!(told, Err("Forgotten")),
            InLog::No => assert_eq!(told, Err("Unknown")),
            InLog::Perhaps => assert!(matches!(told, Err("Forgotten" | "Unknown")), "{told:?}"),
        }
    }

    fn shards_of(&self, shard: Option<usize>) -> std::ops::Range<usize> {
        shard.map_or(0..self.shards.len(), |shard| shard..shard + 1)
    }

    /// Whether a shard's log holds the record of a request, or everything since the beginning. What
    /// the older of the last two snapshots covers is deleted.
    fn log_has(&self, request: Option<u64>) -> InLog {
        let [.., older, _] = self.snapshots[..] else {
            return if self.keeps_log {
                InLog::Yes
            } else {
                InLog::No
            };
        };
        match request {
            Some(request) if request > older => InLog::Yes,
            _ if self.shards.len() > 1 => InLog::Perhaps,
            _ => InLog::No,
        }
    }

    pub(crate) fn snapshot(&mut self) {
        self.snapshots.push(self.last_request);
    }

    /// Holds whose time is over end, the earliest first.
    pub(crate) fn expire(&mut self) {
        for memory in &mut self.shards {
            let now_ms = self.clock_ms.max(memory.latest_ms);
            let mut over: Vec<(u64, u64)> = memory
                .holds
                .values()
                .map(|hold| (hold.held_until_ms.unwrap(), hold.request))
                .filter(|(until_ms, _)| *until_ms <= now_ms)
                .collect();
            over.sort_unstable();
            for (_, request) in over {
                let hold = memory.holds.remove(&request).unwrap();
                self.pools[hold.pool].let_go(&hold.items);
                memory.ends.insert(request, End::Expired);
            }
        }
    }

    /// The files say the same.
    pub(crate) fn assert_is(&self, found: &Examination) {
        assert_eq!(found.findings().count(), 0);
        let pools = found.pools();
        assert_eq!(pools.len(), self.pools.len());
        for pool in &self.pools {
            let mut found = pools.iter();
            let found = found.find(|found| found.definition().name == pool.first.name);
            pool.assert_is(found.expect("every pool is there"));
        }
        for (shard, memory) in found.shards.iter().zip(&self.shards) {
            assert_eq!(shard.partition.keys_remembered(), memory.keys.len());
            assert_eq!(shard.partition.holds_open(), memory.holds.len());
        }
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
