//! What was answered to requests with a key, so that asking again gets the same.
//!
//! Keys are forgotten in the order in which they came into the log, when a new one comes: so replay
//! remembers exactly what the live shard did.

use std::collections::{HashMap, VecDeque};

use bincode::{Decode, Encode};

use super::Misfit;
use crate::wal::record::{DrawsRecord, Remember};

/// The answers of the newest keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyMemory {
    /// The oldest first.
    answers: VecDeque<KeyedAnswer>,
    /// The items of all answers, one after the other.
    items: VecDeque<u32>,
    /// The number of each key's answer, counted since the beginning.
    numbers: HashMap<u128, u64>,
    /// How many answers and items were forgotten.
    forgotten: u64,
    items_forgotten: u64,
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

impl KeyMemory {
    /// What a key got, and its items.
    pub(crate) fn get(&self, key: u128) -> Option<(&KeyedAnswer, impl Iterator<Item = u32> + '_)> {
        let number = self.numbers.get(&key)?;
        let answer = &self.answers[(number - self.forgotten) as usize];
        let from = (answer.items_at - self.items_forgotten) as usize;
        let items = self.items.range(from..from + usize::from(answer.items));
        Some((answer, items.copied()))
    }

    /// What a request got, if it had a key. (Slow: it looks at every key.)
    pub(crate) fn find(&self, request: u64) -> Option<(&KeyedAnswer, impl Iterator<Item = u32>)> {
        let answer = self
            .answers
            .iter()
            .find(|answer| answer.request == request)?;
        self.get(answer.key)
    }

    /// Whether a key that is not remembered may have been there.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.forgotten > 0
    }

    /// Keys that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Remembers a record with a key that is not remembered yet, and forgets what is too much.
    pub(super) fn insert(&mut self, seq: u64, key: u128, draws: &DrawsRecord, limits: Remember) {
        if self.numbers.is_empty() && self.numbers.capacity() == 0 {
            // Once, so that no later draw has to wait for a larger table.
            self.numbers
                .reserve(usize::try_from(limits.keys).unwrap_or(0).min(1 << 24));
        }
        if limits.keys_for_ms > 0 {
            while self.answers.front().is_some_and(|oldest| {
                oldest.at_ms.saturating_add(limits.keys_for_ms) <= draws.at_ms
            }) {
                self.forget();
            }
        }
        let number = self.forgotten + self.answers.len() as u64;
        self.answers.push_back(KeyedAnswer {
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
        self.numbers.insert(key, number);
        self.limit(limits);
    }

    /// Forgets the oldest until there are no more than the limit.
    pub(super) fn limit(&mut self, limits: Remember) {
        while self.answers.len() as u64 > limits.keys {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some(oldest) = self.answers.pop_front() {
            self.numbers.remove(&oldest.key);
            self.items.drain(..usize::from(oldest.items));
            self.items_forgotten += u64::from(oldest.items);
            self.forgotten += 1;
        }
    }

    /// What a snapshot holds.
    pub(super) fn image(&self) -> impl Encode + '_ {
        let Self {
            answers,
            items,
            forgotten,
            items_forgotten,
            ..
        } = self;
        (forgotten, items_forgotten, answers, items)
    }
}

impl PartialEq for KeyMemory {
    fn eq(&self, other: &Self) -> bool {
        let parts = |memory: &Self| (memory.forgotten, memory.items_forgotten);
        // The numbers follow from the answers.
        parts(self) == parts(other) && self.answers == other.answers && self.items == other.items
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

impl TryFrom<KeysBack> for KeyMemory {
    type Error = Misfit;

    fn try_from(back: KeysBack) -> Result<Self, Misfit> {
        let misfit = || Misfit("the remembered keys contradict each other".into());
        let mut numbers = HashMap::with_capacity(back.answers.len());
        let mut items_at = back.items_forgotten;
        for (at, answer) in back.answers.iter().enumerate() {
            let number = back.forgotten.checked_add(at as u64).ok_or_else(misfit)?;
            if answer.items_at != items_at || numbers.insert(answer.key, number).is_some() {
                return Err(misfit());
            }
            items_at = items_at
                .checked_add(u64::from(answer.items))
                .ok_or_else(misfit)?;
        }
        if items_at - back.items_forgotten != back.items.len() as u64 {
            return Err(misfit());
        }
        Ok(Self {
            answers: back.answers,
            items: back.items,
            numbers,
            forgotten: back.forgotten,
            items_forgotten: back.items_forgotten,
        })
    }
}
