//! Which answer is a key's, in a table of a fixed size.
//!
//! A slot holds a number and 32 bits of its key's hash, not the key, which the answer has: 16 to 32
//! bytes a key, against the 33 or 66 of a map. It is probed one slot after the other, and taking a
//! key out moves up those behind it. So it never has to be cleaned up, which for a map that forgets
//! a key for every new one would mean to stand still and copy all of them, again and again.

use std::hash::{BuildHasher, RandomState};

/// Numbers have so many bits; after this they begin again.
pub(super) const NUMBER_MAX: u32 = (1 << 31) - 1;

/// The numbers of answers, by their keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Twice as many as there are keys at most, or more: a power of two.
    slots: Vec<Slot>,
    /// Seeded at random: the keys are the callers', who must not be able to make them collide.
    hasher: RandomState,
}

/// A hash in the upper half and one more than a number in the lower; or 0, so that a large table is
/// no work before it is used.
type Slot = u64;

const EMPTY: Slot = 0;

fn hash(slot: Slot) -> u32 {
    (slot >> 32) as u32
}

fn number(slot: Slot) -> u32 {
    slot as u32 - 1
}

impl Index {
    /// For so many keys at most.
    pub(super) fn for_keys(most: usize) -> Self {
        Self {
            slots: vec![EMPTY; (2 * most.max(1)).next_power_of_two()],
            hasher: RandomState::new(),
        }
    }

    /// How many keys it has room for.
    pub(super) fn room(&self) -> usize {
        self.slots.len() / 2
    }

    fn wrap(&self, at: usize) -> usize {
        at & (self.slots.len() - 1)
    }

    /// How far it is from where a slot's key belongs on to a place in the table.
    fn steps_from_home(&self, slot: Slot, at: usize) -> usize {
        self.wrap(at.wrapping_sub(hash(slot) as usize))
    }

    /// A key's hash, and where it stands, or the empty slot in which it would: `key_of` tells the
    /// key of an answer.
    fn probe(&self, key: u128, key_of: impl Fn(u32) -> u128) -> (u32, usize) {
        let wanted = self.hasher.hash_one(key) as u32;
        let mut at = self.wrap(wanted as usize);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY || (hash(slot) == wanted && key_of(number(slot)) == key) {
                return (wanted, at);
            }
            at = self.wrap(at + 1);
        }
    }

    /// The number of a key's answer.
    pub(super) fn get(&self, key: u128, key_of: impl Fn(u32) -> u128) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = self.slots[self.probe(key, key_of).1];
        (slot != EMPTY).then(|| number(slot))
    }

    /// Puts a key in, for which there must be room; `false` if it is there already.
    pub(super) fn insert(&mut self, key: u128, number: u32, key_of: impl Fn(u32) -> u128) -> bool {
        let (hash, at) = self.probe(key, key_of);
        let is_new = self.slots[at] == EMPTY;
        if is_new {
            self.slots[at] = u64::from(hash) << 32 | u64::from(number + 1);
        }
        is_new
    }

    /// Takes a key out, which must be there. Those behind it that it kept from their homes move up.
    pub(super) fn remove(&mut self, key: u128, key_of: impl Fn(u32) -> u128) {
        let mut free = self.probe(key, key_of).1;
        let mut at = self.wrap(free + 1);
        while self.slots[at] != EMPTY {
            let slot = self.slots[at];
            // Not if its home lies between the two.
            if self.steps_from_home(slot, at) >= self.wrap(at.wrapping_sub(free)) {
                self.slots[free] = slot;
                free = at;
            }
            at = self.wrap(at + 1);
        }
        self.slots[free] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::selector::{Stream, below};

    /// Against a map, with a table that is as full as it gets and keys that come and go.
    #[test]
    fn it_finds_what_a_map_finds() {
        for most in [1, 2, 7, 64] {
            let mut stream = Stream::for_shard(most, 0);
            let mut index = Index::for_keys(most as usize);
            // An answer's number is its key here, a little larger.
            let key_of = |number: u32| u128::from(number) - 100;
            let mut map = HashMap::new();
            for _ in 0..10_000 {
                let key = u128::from(below(&mut stream, 2 * most));
                let known = map.get(&key).copied();
                assert_eq!(index.get(key, key_of), known);
                if known.is_some() {
                    assert!(!index.insert(key, 0, key_of));
                    index.remove(key, key_of);
                    map.remove(&key);
                } else if map.len() < index.room() {
                    assert!(index.insert(key, key as u32 + 100, key_of));
                    map.insert(key, key as u32 + 100);
                }
            }
        }
    }
}
