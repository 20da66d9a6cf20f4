//! Everything that is known about a data directory whose processes were killed.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
};

use tombola::{
    Request,
    recovery::{self, Examination},
    wal::record::{NO_PRIZE, Record, Settlement},
};

use crate::{common::LIMIT, setting::Setting};

/// An answer as the process wrote it down.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    request: u64,
    seq: u64,
    pool: u32,
    key: Option<u128>,
    count: u8,
    items: Vec<u32>,
}

#[derive(Default)]
pub(crate) struct Known {
    /// What the log was seen to hold, also what it does not hold any more.
    records: BTreeMap<u64, Record>,
    answers: BTreeMap<u64, Answer>,
    keyed: BTreeMap<u128, Answer>,
}

/// What became of an item's units.
#[derive(Debug, Default, PartialEq)]
struct Units {
    drawn: u64,
    held: u64,
    voided: u64,
}

impl Known {
    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Reads the log and what the process was told, and compares them.
    pub(crate) fn read(&mut self, setting: &Setting) {
        let state = recovery::read_records(&setting.data, &mut |_, seq, record| {
            if let Some(before) = self.records.insert(seq, record.clone()) {
                assert_eq!(before, *record, "{setting:?}: record {seq} has changed");
            }
        })
        .unwrap();
        let findings: Vec<_> = state.findings().collect();
        assert!(findings.is_empty(), "{setting:?}: {findings:?}");
        crate::common::assert_conserved(&state);
        let told = fs::read_to_string(&setting.told).unwrap_or_default();
        self.read_told(&told, &state, setting);
        self.assert_once();
        if !setting.snapshots {
            self.assert_units(&state);
        }
    }

    fn read_told(&mut self, told: &str, state: &Examination, setting: &Setting) {
        let (mut restocking, mut restocked) = (0, 0);
        for line in told.lines().filter_map(|line| line.strip_suffix(" .")) {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().unwrap();
            match words[0] {
                "drawn" => self.told_of(Answer::read(&words), state, setting),
                "voided" => self.told_of_end(number(1), Settlement::Voided, setting),
                "confirmed" => self.told_of_end(number(1), Settlement::Confirmed, setting),
                "restocking" => restocking += number(1),
                "restocked" => restocked += number(1),
                other => panic!("{other}"),
            }
        }
        if let Some(pool) = state.pools().first() {
            let rare = pool.items().next().unwrap();
            assert!((restocked..=restocking).contains(&rare.restocked));
        }
    }

    /// An answer is in the log as it was given, all of it.
    fn told_of(&mut self, answer: Answer, state: &Examination, setting: &Setting) {
        if let Some(key) = answer.key {
            let first = self.keyed.entry(key).or_insert_with(|| answer.clone());
            assert_eq!(*first, answer, "{setting:?}: one key, two answers");
        }
        let logged = match self.records.get(&answer.seq) {
            Some(Record::Draw(draw)) => (draw.request, draw.pool, vec![draw.item]),
            Some(Record::Draws(draws)) => {
                assert_eq!((draws.key, draws.asked), (answer.key, answer.count));
                (draws.request, draws.pool, draws.items.clone())
            }
            None if answer.seq <= state.shards[0].snapshot_seq => return,
            other => panic!("{setting:?}: {answer:?} is lost: {other:?}"),
        };
        let told = (answer.request, answer.pool, answer.items.clone());
        assert_eq!(told, logged, "{setting:?}");
        self.answers.insert(answer.request, answer);
    }

    fn told_of_end(&self, request: u64, how: Settlement, setting: &Setting) {
        let is_it = |record: &Record| match record {
            Record::Voided(voided) => how == Settlement::Voided && voided.request == request,
            Record::Settled(settled) => (settled.request, settled.how) == (request, how),
            _ => false,
        };
        let is_there = self.records.values().any(is_it);
        assert!(is_there || setting.snapshots, "{how:?} {request} is lost");
    }

    /// No request and no key was drawn for twice, and nothing came back twice.
    fn assert_once(&self) {
        let (mut requests, mut keys) = (HashSet::new(), HashSet::new());
        let mut came_back = HashSet::new();
        for record in self.records.values() {
            let is_new = match record {
                Record::Draw(draw) => requests.insert(draw.request),
                Record::Draws(draws) => {
                    requests.insert(draws.request) && draws.key.is_none_or(|key| keys.insert(key))
                }
                Record::Voided(voided) => came_back.insert(voided.request),
                Record::Settled(settled) if settled.how != Settlement::Confirmed => {
                    came_back.insert(settled.request)
                }
                _ => true,
            };
            assert!(is_new, "{record:?} is there twice");
        }
    }

    /// Counts the units by hand, where the log holds everything.
    fn assert_units(&self, state: &Examination) {
        let mut units: BTreeMap<(u32, u32), Units> = BTreeMap::new();
        let mut holds = BTreeMap::new();
        let mut each = |pool: u32, items: &[u32], count: &dyn Fn(&mut Units)| {
            for item in items.iter().filter(|item| **item != NO_PRIZE) {
                count(units.entry((pool, *item)).or_default());
            }
        };
        for record in self.records.values() {
            match record {
                Record::Draw(draw) => each(draw.pool, &[draw.item], &|units| units.drawn += 1),
                Record::Draws(draws) if draws.held_until_ms.is_some() => {
                    each(draws.pool, &draws.items, &|units| units.held += 1);
                    holds.insert(draws.request, draws);
                }
                Record::Draws(draws) => each(draws.pool, &draws.items, &|units| units.drawn += 1),
                Record::Settled(settled) => {
                    let draws = holds.remove(&settled.request).unwrap();
                    let was_confirmed = settled.how == Settlement::Confirmed;
                    each(draws.pool, &draws.items, &|units| {
                        units.held -= 1;
                        units.drawn += u64::from(was_confirmed);
                    });
                }
                Record::Voided(voided) => {
                    each(voided.pool, &voided.items, &|units| units.voided += 1);
                }
                _ => {}
            }
        }
        for (pool, found) in (0..).zip(state.shards[0].partition.pools()) {
            for (item, found) in (0..).zip(found.items()) {
                let counted = units.remove(&(pool, item)).unwrap_or_default();
                let told = Units {
                    drawn: found.drawn,
                    held: found.held,
                    voided: found.voided,
                };
                assert_eq!(told, counted, "{}", found.id);
            }
        }
    }

    /// The newest keys get what they got, from an engine that is dropped then.
    pub(crate) fn ask_again(&self, setting: &Setting) {
        let engine = setting.open();
        let mut client = engine.client().unwrap();
        for first in self.keyed.values().rev().take(40) {
            let pools = engine.pools();
            let pool = pools
                .iter()
                .find(|pool| pool.id().index() == first.pool)
                .unwrap();
            let request = Request::from(pool)
                .count(first.count)
                .key(first.key.unwrap());
            let again = client.draw(request, LIMIT).unwrap();
            assert!(again.is_replay(), "{setting:?}: {first:?}");
            assert_eq!(
                (again.original(), again.seq),
                (first.request, Some(first.seq))
            );
            let items = again.items().map(|item| item.unwrap_or(NO_PRIZE));
            assert!(items.eq(first.items.iter().copied()), "{setting:?}");
        }
    }
}

impl Answer {
    fn read(words: &[&str]) -> Self {
        let number = |at: usize| words[at].parse().unwrap();
        Self {
            request: number(1),
            seq: number(2),
            pool: number(3) as u32,
            key: words[4].parse().ok(),
            count: number(5) as u8,
            items: words[6]
                .split(',')
                .map(|item| item.parse().unwrap())
                .collect(),
        }
    }
}
