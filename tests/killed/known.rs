//! Everything that is known about a data directory whose processes were killed: what they
//! submitted and what was acknowledged, against what was recovered.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use tombola::{
    Placement, Request,
    recovery::Examination,
    wal::record::{Record, Settlement},
};

use crate::{
    common::{LIMIT, assert_conserved},
    counted::assert_counted,
    edited::assert_edited,
    moved::Moved,
    setting::{Setting, pools},
    tell::{Answer, Ask, Edit, POOLS, Told},
    whole::{self, Records},
};

#[derive(Default)]
pub(crate) struct Known {
    /// What the log was seen to hold.
    records: Records,
    asked: Vec<Ask>,
    /// By the request that drew.
    answers: BTreeMap<u64, Answer>,
    /// What a key got.
    keyed: BTreeMap<u128, Answer>,
    settling: HashSet<(u64, Settlement)>,
    settled: HashSet<(u64, Settlement)>,
    /// In the order in which they were made, and whether they were acknowledged.
    edits: Vec<(Edit, bool)>,
}

impl Known {
    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// How often units moved between shards.
    pub(crate) fn transfers(&self) -> usize {
        Moved::of(&self.records).received()
    }

    /// What a process said.
    pub(crate) fn hear(&mut self, told: Told) {
        match told {
            Told::Asking(asks) => self.asked.extend(asks),
            Told::Answered(answer) => self.answered(answer),
            Told::Settling(request, how) => drop(self.settling.insert((request, how))),
            Told::Settled(request, how) => drop(self.settled.insert((request, how))),
            Told::Editing(edit) => self.edits.push((edit, false)),
            Told::Edited => self.edits.last_mut().expect("one was begun").1 = true,
            Told::Opening | Told::Open | Told::Snapshotting | Told::Snapshot => {}
        }
    }

    /// The same key gets the same, and is told so; the same request is never answered otherwise.
    fn answered(&mut self, answer: Answer) {
        let is_replay = answer.is_replay;
        let answer = Answer {
            is_replay: false,
            ..answer
        };
        if let Some(key) = answer.ask.key
            && let Some(first) = self.keyed.insert(key, answer.clone())
        {
            assert_eq!(first, answer, "one key, two answers");
            assert!(is_replay, "{answer:?} was given before");
        }
        if let Some(first) = self.answers.insert(answer.request, answer.clone()) {
            assert_eq!(first, answer, "one request, two answers");
        }
    }

    /// Reads what is recovered, and compares. Returns what the next open has to make up for.
    pub(crate) fn read(&mut self, setting: &Setting) -> Unfinished {
        let (records, state) = whole::read(setting);
        for (place, before) in &self.records {
            let now = records.get(place);
            assert_eq!(Some(before), now, "{setting:?}: {place:?} has changed");
        }
        self.records = records;
        assert_conserved(&state);
        assert_counted(&self.records, &state);
        self.assert_acknowledged(setting, &state);
        self.assert_submitted(&state);
        self.assert_once();
        Unfinished {
            edits: assert_edited(&self.edits, &self.records, &state),
            transfers: Moved::of(&self.records).on_their_way(),
        }
    }

    /// Everything that was acknowledged is there, as it was told and whole.
    fn assert_acknowledged(&self, setting: &Setting, state: &Examination) {
        for answer in self.answers.values() {
            let logged = self.records.get(&(answer.shard, answer.seq)).map(Drawn::of);
            let Some(Some(logged)) = logged else {
                panic!("{setting:?}: {answer:?} is lost");
            };
            assert_eq!(
                (logged.request, logged.items),
                (answer.request, &*answer.items)
            );
            assert!(logged.is_for(&answer.ask, answer.shard, state));
        }
        let settled: HashSet<_> = self.records.values().filter_map(settlement).collect();
        let lost: Vec<_> = self.settled.difference(&settled).collect();
        assert!(lost.is_empty(), "{setting:?}: {lost:?} are lost");
    }

    /// Nothing is there that nobody asked for: the draws, in the order of their requests, are some
    /// of those that were asked for, in that order. What ended is what was to end so, or its time
    /// was over.
    fn assert_submitted(&self, state: &Examination) {
        let mut drawn: Vec<_> = (self.records.iter())
            .filter_map(|((shard, _), record)| Some((*shard, Drawn::of(record)?)))
            .collect();
        drawn.sort_by_key(|(_, drawn)| drawn.request);
        let mut asked = self.asked.iter();
        for (shard, drawn) in &drawn {
            let found = asked.any(|ask| drawn.is_for(ask, *shard, state));
            assert!(found, "{drawn:?} was not asked for");
        }
        let ends: BTreeMap<u64, u64> = (drawn.iter())
            .filter_map(|(_, drawn)| Some((drawn.request, drawn.held_until_ms?)))
            .collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        for (request, how) in self.records.values().filter_map(settlement) {
            let is_right = match how {
                Settlement::Expired => ends[&request] <= now.as_millis() as u64,
                _ => self.settling.contains(&(request, how)),
            };
            assert!(is_right, "{request} was not to be {how:?}");
        }
    }

    /// No request and no key was drawn for twice, and nothing came back twice.
    fn assert_once(&self) {
        let (mut requests, mut keys) = (HashSet::new(), HashSet::new());
        let mut came_back = HashSet::new();
        for record in self.records.values() {
            if let Some(drawn) = Drawn::of(record) {
                let is_new = requests.insert(drawn.request);
                assert!(is_new && drawn.key.is_none_or(|key| keys.insert(key)));
            }
            match settlement(record) {
                None | Some((_, Settlement::Confirmed)) => {}
                Some((request, _)) => assert!(came_back.insert(request), "{record:?} again"),
            }
        }
    }

    /// Opens what is there and asks for keys again: those that were answered, and those that were
    /// on their way when the process was killed. Whatever these get now, they keep.
    pub(crate) fn ask_again(&mut self, setting: &Setting) {
        let engine = setting.open();
        let pools = pools(&engine);
        let mut client = engine.client().unwrap();
        let logged: BTreeSet<u128> = (self.records.values())
            .filter_map(|record| Drawn::of(record)?.key)
            .collect();
        let keyed: Vec<Ask> = (self.asked.iter().rev())
            .filter(|ask| ask.key.is_some())
            .take(30)
            .cloned()
            .collect();
        for ask in keyed.into_iter().flat_map(|ask| [ask.clone(), ask]) {
            self.hear(Told::Asking(vec![ask.clone()]));
            let request: Request = ask.request(&pools).retry(true);
            let answer = client.draw(request, LIMIT).unwrap();
            if logged.contains(&ask.key.unwrap()) {
                assert!(answer.is_replay(), "{setting:?}: {ask:?} was drawn for");
            }
            if let Some(told) = ask.answered(&answer) {
                self.hear(Told::Answered(told));
            }
        }
    }

    /// Recovers with nobody there: what was begun between shards is finished, nothing else is
    /// written but what is due by itself, and everything else is as it was.
    pub(crate) fn recover_again(&mut self, setting: &Setting, left: Unfinished) {
        let before = self.records.clone();
        let engine = setting.open();
        let begun = Instant::now();
        loop {
            let shards = engine.stats().unwrap().shards;
            let came: u64 = shards.iter().map(|shard| shard.transfers).sum();
            let is_durable = shards.iter().all(|shard| shard.durable_seq == shard.seq);
            if came == left.transfers as u64 && is_durable {
                break;
            }
            assert!(begun.elapsed() < LIMIT, "{came} of {left:?} have come");
            thread::yield_now();
        }
        drop(engine);
        assert_eq!(self.read(setting), Unfinished::default(), "{setting:?}");
        let is_new = |(place, _): &(&(usize, u64), &Record)| !before.contains_key(place);
        for (_, record) in self.records.iter().filter(is_new) {
            let is_due = match record {
                Record::Settled(settled) => settled.how == Settlement::Expired,
                Record::Pool(part) => part.placement == Placement::AllShards,
                Record::Changed(_) => left.edits > 0,
                Record::Received(_)
                | Record::Delivered { .. }
                | Record::Availability(_)
                | Record::RequestsReserved { .. }
                | Record::Remember(_) => true,
                _ => false,
            };
            assert!(is_due, "{setting:?}: {record:?} came from nowhere");
        }
    }
}

/// What was begun between shards and not ended when the process was killed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Unfinished {
    edits: usize,
    transfers: usize,
}

/// What one request drew.
#[derive(Debug)]
struct Drawn<'a> {
    request: u64,
    pool: u32,
    asked: u8,
    key: Option<u128>,
    held_until_ms: Option<u64>,
    items: &'a [u32],
}

impl<'a> Drawn<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        match record {
            Record::Draw(draw) => Some(Self {
                request: draw.request,
                pool: draw.pool,
                asked: 1,
                key: None,
                held_until_ms: None,
                items: std::slice::from_ref(&draw.item),
            }),
            Record::Draws(draws) => Some(Self {
                request: draws.request,
                pool: draws.pool,
                asked: draws.asked,
                key: draws.key,
                held_until_ms: draws.held_until_ms,
                items: &draws.items,
            }),
            _ => None,
        }
    }

    /// Whether this is what was asked for: all of it, unless less would do.
    fn is_for(&self, ask: &Ask, shard: usize, state: &Examination) -> bool {
        let pools = state.shards[shard].partition.pools();
        pools[self.pool as usize].definition().name == POOLS[ask.pool]
            && (self.asked, self.key) == (ask.count, ask.key)
            && self.held_until_ms.is_some() == ask.hold_ms.is_some()
            && (ask.partial || self.items.len() == usize::from(ask.count))
    }
}

/// A request that ended, and how.
fn settlement(record: &Record) -> Option<(u64, Settlement)> {
    match record {
        Record::Voided(voided) => Some((voided.request, Settlement::Voided)),
        Record::Settled(settled) => Some((settled.request, settled.how)),
        _ => None,
    }
}
