//! What was answered to requests with a key, so that asking again gets the same.
//!
//! Keys are forgotten in the order in which they came into the log, when a new one comes: so replay
//! remembers exactly what the live shard did.

mod index;

use std::collections::VecDeque;

use bincode::{Decode, Encode};

use super::Misfit;
use crate::wal::{
    record::{DrawsRecord, Remember},
    segment::SEQ_MAX,
};
use index::Index;

/// No more are remembered, whatever the log says.
const KEYS_MAX: u64 = 1 << 24;

/// The answers of the newest keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyMemory {
    answers: Answers,
    /// The items of all answers, one after the other.
    items: VecDeque<u32>,
    items_forgotten: u64,
    /// The number of each key's answer.
    numbers: Index,
}

/// The answers that are remembered, and how many were before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answers {
    /// The oldest first.
    kept: VecDeque<KeyedAnswer>,
    forgotten: u64,
}

/// What a request with a key got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct KeyedAnswer {
    pub(crate) key: u128,
    pub(crate) request: u64,
    pub(crate) seq: u64,
    pub(crate) at_ms: u64,
    /// 0 for none.
    pub(crate) held_until_ms: u64,
    pub(crate) pool: u32,
    pub(crate) asked: u8,
    items: u8,
    /// Where its items begin, counted since the beginning.
    items_at: u64,
}

impl Answers {
    /// The number of the next: they are counted since the beginning, as far as an index holds that.
    fn next_number(&self) -> u32 {
        (self.forgotten + self.kept.len() as u64) as u32 & index::NUMBER_MAX
    }

    fn get(&self, number: u32) -> &KeyedAnswer {
        let at = number.wrapping_sub(self.forgotten as u32) & index::NUMBER_MAX;
        &self.kept[at as usize]
    }
}

impl KeyMemory {
    /// What a key got, and its items.
    pub(crate) fn get(&self, key: u128) -> Option<(&KeyedAnswer, impl Iterator<Item = u32> + '_)> {
        let number = self.numbers.get(key, |number| self.answers.get(number).key);
        let answer = self.answers.get(number?);
        let from = (answer.items_at - self.items_forgotten) as usize;
        let items = self.items.range(from..from + usize::from(answer.items));
        Some((answer, items.copied()))
    }

    /// What a request got, if it had a key. (Slow: it looks at every key.)
    pub(crate) fn find(&self, request: u64) -> Option<(&KeyedAnswer, impl Iterator<Item = u32>)> {
        let answer = self
            .answers
            .kept
            .iter()
            .find(|answer| answer.request == request)?;
        self.get(answer.key)
    }

    /// Whether a key that is not remembered may have been there.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.answers.forgotten > 0
    }

    /// Keys that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.answers.kept.len()
    }

    /// Remembers a record with a key that is not remembered yet, and forgets what is too much.
    pub(super) fn insert(&mut self, seq: u64, key: u128, draws: &DrawsRecord, limits: Remember) {
        if limits.keys_for_ms > 0 {
            while self.answers.kept.front().is_some_and(|oldest| {
                oldest.at_ms.saturating_add(limits.keys_for_ms) <= draws.at_ms
            }) {
                self.forget();
            }
        }
        // First of all room for the one that comes.
        self.limit_to(limits.keys.saturating_sub(1));
        self.make_room(limits);
        let number = self.answers.next_number();
        self.answers.kept.push_back(KeyedAnswer {
            key,
            request: draws.request,
            seq,
            at_ms: draws.at_ms,
            held_until_ms: draws.held_until_ms.unwrap_or(0),
            pool: draws.pool,
            asked: draws.asked,
            items: draws.items.len() as u8,
            items_at: self.items_forgotten + self.items.len() as u64,
        });
        self.items.extend(&draws.items);
        self.numbers
            .insert(key, number, |number| self.answers.get(number).key);
        self.limit(limits);
    }

    /// Forgets the oldest until there are no more than the limit.
    pub(super) fn limit(&mut self, limits: Remember) {
        self.limit_to(limits.keys);
    }

    fn limit_to(&mut self, keys: u64) {
        while self.answers.kept.len() as u64 > keys.min(KEYS_MAX) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some(oldest) = self.answers.kept.front().copied() {
            self.numbers
                .remove(oldest.key, |number| self.answers.get(number).key);
            self.answers.kept.pop_front();
            self.items.drain(..usize::from(oldest.items));
            self.items_forgotten += u64::from(oldest.items);
            self.answers.forgotten += 1;
        }
    }

    /// Makes room for as many as are remembered, so that no later draw has to wait for that;
    /// `false` if a key is there twice.
    fn make_room(&mut self, limits: Remember) -> bool {
        let kept = self.answers.kept.len();
        let most = kept.max(limits.keys.clamp(1, KEYS_MAX) as usize);
        if self.numbers.room() >= most && self.answers.kept.capacity() >= most {
            return true;
        }
        self.answers.kept.reserve_exact(most - kept);
        self.numbers = Index::for_keys(most);
        let key_of = |number| self.answers.get(number).key;
        (self.answers.forgotten..)
            .zip(&self.answers.kept)
            .all(|(number, answer)| {
                let number = number as u32 & index::NUMBER_MAX;
                self.numbers.insert(answer.key, number, key_of)
            })
    }

    /// What a snapshot holds.
    pub(super) fn image(&self) -> impl Encode + '_ {
        let Answers { kept, forgotten } = &self.answers;
        (forgotten, &self.items_forgotten, kept, &self.items)
    }
}

impl PartialEq for KeyMemory {
    fn eq(&self, other: &Self) -> bool {
        // The index follows from the answers.
        (&self.answers, &self.items, self.items_forgotten)
            == (&other.answers, &other.items, other.items_forgotten)
    }
}

impl Eq for KeyMemory {}

/// The counterpart of [`KeyMemory::image`], not checked yet.
#[derive(Decode)]
pub(super) struct KeysBack {
    forgotten: u64,
    items_forgotten: u64,
    answers: VecDeque<KeyedAnswer>,
    items: VecDeque<u32>,
}

impl KeysBack {
    pub(super) fn check(self, limits: Remember) -> Result<KeyMemory, Misfit> {
        let mut items_at = self.items_forgotten;
        let mut are_in_order = self.answers.len() as u64 <= KEYS_MAX;
        for answer in &self.answers {
            are_in_order &= answer.items_at == items_at;
            items_at = items_at.saturating_add(u64::from(answer.items));
        }
        let is_all = items_at - self.items_forgotten == self.items.len() as u64
            && self.forgotten.max(self.items_forgotten) <= SEQ_MAX;
        let mut memory = KeyMemory {
            answers: Answers {
                kept: self.answers,
                forgotten: self.forgotten,
            },
            items: self.items,
            items_forgotten: self.items_forgotten,
            numbers: Index::default(),
        };
        // Who has no keys does without the room for them.
        let mut are_new = || memory.answers.kept.is_empty() || memory.make_room(limits);
        if !(are_in_order && is_all && are_new()) {
            return Err(Misfit("the remembered keys contradict each other".into()));
        }
        Ok(memory)
    }
}
