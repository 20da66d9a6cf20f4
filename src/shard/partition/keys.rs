//! What was answered to requests with a key, so that asking again gets the same.
//!
//! Keys are forgotten in the order in which they came into the log, when a new one comes: so replay
//! remembers exactly what the live shard did.

mod index;
mod secret;

use std::collections::VecDeque;

use bincode::{Decode, Encode};

use super::Misfit;
use crate::{
    request::COUNT_MAX,
    wal::{
        record::{DrawsRecord, Remember},
        segment::SEQ_MAX,
    },
};
use index::Index;

/// No more are remembered, whatever the log says.
const KEYS_MAX: u64 = 1 << 24;

/// The answers of the newest keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyMemory {
    /// The oldest first.
    answers: VecDeque<KeyedAnswer>,
    forgotten: u64,
    /// The items of all answers, one after the other.
    items: VecDeque<u32>,
    items_forgotten: u64,
    /// Which answer is each key's.
    index: Index,
}

/// A key and its hash, which is computed once.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashedKey {
    key: u128,
    hash: u32,
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
    /// Makes a key ready for the other methods.
    #[inline]
    pub(super) fn hashed(&self, key: u128) -> HashedKey {
        HashedKey {
            key,
            hash: self.index.hash(key),
        }
    }

    /// What a key got.
    #[inline]
    pub(super) fn get(&self, HashedKey { key, hash }: HashedKey) -> Option<&KeyedAnswer> {
        let at = self.index.find(hash, |at| self.answers[at].key == key)?;
        Some(&self.answers[at])
    }

    /// The items of an answer.
    #[inline]
    pub(crate) fn items(&self, answer: &KeyedAnswer) -> impl Iterator<Item = u32> + '_ {
        let from = (answer.items_at - self.items_forgotten) as usize;
        let items = self.items.range(from..from + usize::from(answer.items));
        items.copied()
    }

    /// What a request got, if it had a key. (Slow: it looks at every key.)
    pub(crate) fn find(&self, request: u64) -> Option<&KeyedAnswer> {
        self.answers.iter().find(|answer| answer.request == request)
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
    #[expect(
        clippy::inline_always,
        reason = "a call here costs every draw with a key a thirtieth of its instructions"
    )]
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        seq: u64,
        HashedKey { key, hash }: HashedKey,
        draws: &DrawsRecord,
        limits: Remember,
    ) {
        if limits.keys_for_ms > 0 {
            self.forget_old(limits.keys_for_ms, draws.at_ms);
        }
        // First of all room for the one that comes.
        self.limit_to(limits.keys.min(KEYS_MAX).saturating_sub(1));
        self.make_room(limits);
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
        for item in &draws.items {
            self.items.push_back(*item);
        }
        self.index.push(hash);
        if limits.keys == 0 {
            self.forget();
        }
    }

    /// Forgets those that have been there for so long.
    #[inline(never)]
    fn forget_old(&mut self, keys_for_ms: u64, now_ms: u64) {
        let is_old = |oldest: &KeyedAnswer| oldest.at_ms.saturating_add(keys_for_ms) <= now_ms;
        while self.answers.front().is_some_and(is_old) {
            self.forget();
        }
    }

    /// Forgets the oldest until there are no more than the limit.
    #[inline]
    pub(super) fn limit(&mut self, limits: Remember) {
        self.limit_to(limits.keys);
    }

    #[inline]
    fn limit_to(&mut self, keys: u64) {
        while self.answers.len() as u64 > keys.min(KEYS_MAX) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let Some(KeyedAnswer { items, .. }) = self.answers.pop_front() else {
            return;
        };
        self.index.pop();
        for _ in 0..items {
            self.items.pop_front();
        }
        self.items_forgotten += u64::from(items);
        self.forgotten += 1;
    }

    /// Makes room for as many as are remembered, so that no later draw has to wait for that. It is
    /// not touched before it is used, and so takes no memory before.
    #[inline]
    fn make_room(&mut self, limits: Remember) {
        let kept = self.answers.len();
        let most = kept.max(limits.keys.clamp(1, KEYS_MAX) as usize);
        if self.index.room() < most || self.answers.capacity() < most {
            self.grow(most);
        }
    }

    #[cold]
    fn grow(&mut self, most: usize) {
        self.answers.reserve_exact(most - self.answers.len());
        self.items.reserve(most.saturating_sub(self.items.len()));
        self.index.grow(most);
    }

    /// Fills the index, which is empty; `false` if a key is there twice.
    fn index_all(&mut self, limits: Remember) -> bool {
        // Who has no keys does without the room for them.
        if !self.answers.is_empty() {
            self.make_room(limits);
        }
        self.answers.iter().all(|answer| {
            let hash = self.index.hash(answer.key);
            let is_it = |at: usize| self.answers[at].key == answer.key;
            let is_new = self.index.find(hash, is_it).is_none();
            self.index.push(hash);
            is_new
        })
    }

    /// What a snapshot holds.
    pub(super) fn image(&self) -> impl Encode + '_ {
        (
            &self.forgotten,
            &self.items_forgotten,
            &self.answers,
            &self.items,
        )
    }
}

impl PartialEq for KeyMemory {
    fn eq(&self, other: &Self) -> bool {
        // The index follows from the answers.
        (&self.answers, &self.items) == (&other.answers, &other.items)
            && (self.forgotten, self.items_forgotten) == (other.forgotten, other.items_forgotten)
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
        let mut are_sound = self.answers.len() as u64 <= KEYS_MAX;
        for answer in &self.answers {
            are_sound &= answer.items_at == items_at
                && (1..=answer.asked).contains(&answer.items)
                && answer.asked <= COUNT_MAX;
            items_at = items_at.saturating_add(u64::from(answer.items));
        }
        let is_all = items_at - self.items_forgotten == self.items.len() as u64
            && self.forgotten.max(self.items_forgotten) <= SEQ_MAX;
        let mut memory = KeyMemory {
            answers: self.answers,
            forgotten: self.forgotten,
            items: self.items,
            items_forgotten: self.items_forgotten,
            index: Index::default(),
        };
        if !(are_sound && is_all && memory.index_all(limits)) {
            return Err(Misfit("the remembered keys contradict each other".into()));
        }
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_as_many_items_as_a_request_can_have_got() {
        let comes_back = |items: u8, asked: u8| {
            let answer = KeyedAnswer {
                key: 1,
                request: 2,
                seq: 3,
                at_ms: 4,
                held_until_ms: 0,
                pool: 0,
                asked,
                items,
                items_at: 0,
            };
            let back = KeysBack {
                forgotten: 0,
                items_forgotten: 0,
                answers: [answer].into(),
                items: vec![0; usize::from(items)].into(),
            };
            let limits = Remember {
                keys: 10,
                keys_for_ms: 0,
                settled: 0,
            };
            back.check(limits).is_ok()
        };
        assert!(comes_back(1, 1) && comes_back(1, 3) && comes_back(COUNT_MAX, COUNT_MAX));
        assert!(!comes_back(0, 1) && !comes_back(0, 0));
        assert!(!comes_back(2, 1) && !comes_back(1, COUNT_MAX + 1));
    }
}
