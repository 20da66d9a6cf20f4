//! Which answer is a key's, in a table of a fixed size.
//!
//! A slot holds a number and 32 bits of its key's hash, not the key, which the answer has. With the
//! hashes it is 20 to 40 bytes a key, against the 33 or 66 of a map. It is probed one slot after the other, and taking a
//! key out moves up those behind it. So it never has to be cleaned up, which for a map that forgets
//! a key for every new one would mean to stand still and copy all of them, again and again.
//!
//! The hashes stand once more in the order in which their keys came: so the oldest
//! is found and taken out, and a larger table is filled, without a look at any key.

use super::secret::Secret;

/// Numbers have so many bits; after this they begin again.
pub(super) const NUMBER_MAX: u32 = (1 << 31) - 1;

/// The numbers of answers, by the hashes of their keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Twice as many as there are keys at most, or more: a power of two.
    slots: Vec<Slot>,
    /// By the last bits of their keys' numbers; half as many as there are slots.
    hashes: Vec<u32>,
    /// The number of the oldest key.
    first: u32,
    /// How many keys there are.
    count: usize,
    secret: Secret,
}

/// A hash in the upper half and one more than a number in the lower; or 0, so that a large table is
/// no work before it is used.
type Slot = u64;

const EMPTY: Slot = 0;

fn slot(hash: u32, number: u32) -> Slot {
    u64::from(hash) << 32 | u64::from(number + 1)
}

fn hash(slot: Slot) -> u32 {
    (slot >> 32) as u32
}

fn number(slot: Slot) -> u32 {
    slot as u32 - 1
}

impl Index {
    /// What the other methods take for a key.
    #[inline]
    pub(super) fn hash(&self, key: u128) -> u32 {
        self.secret.hash(key) as u32
    }

    /// How many keys it has room for.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.hashes.len()
    }

    /// Makes room for so many keys; for no fewer than there are.
    pub(super) fn grow(&mut self, most: usize) {
        let room = most.max(self.count).next_power_of_two();
        // Zeros, for which the system gives no memory before they are written over.
        let before = std::mem::replace(&mut self.hashes, vec![0; room]);
        self.slots = vec![EMPTY; 2 * room];
        for at in 0..self.count {
            let number = self.number(at);
            let hash = before[number as usize & (before.len() - 1)];
            self.place(hash, number);
        }
    }

    /// The number of the key that is the `at`th from the oldest.
    #[inline]
    fn number(&self, at: usize) -> u32 {
        self.first.wrapping_add(at as u32) & NUMBER_MAX
    }

    #[inline]
    fn wrap(&self, at: usize) -> usize {
        at & (self.slots.len() - 1)
    }

    /// How far it is from where a slot's key belongs on to a place in the table.
    fn steps_from_home(&self, slot: Slot, at: usize) -> usize {
        self.wrap(at.wrapping_sub(hash(slot) as usize))
    }

    /// The place of the first slot, from a hash's home on, that is empty or fits.
    #[inline]
    fn probe(&self, hash: u32, fits: impl Fn(Slot) -> bool) -> usize {
        let mut at = self.wrap(hash as usize);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY || fits(slot) {
                return at;
            }
            at = self.wrap(at + 1);
        }
    }

    /// Which key of this hash it is, counted from the oldest: `is_it` tells whether it is the one
    /// that is looked for.
    #[inline]
    pub(super) fn find(&self, wanted: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let from_oldest = |slot| (number(slot).wrapping_sub(self.first) & NUMBER_MAX) as usize;
        let at = self.probe(wanted, |slot| {
            hash(slot) == wanted && is_it(from_oldest(slot))
        });
        let slot = self.slots[at];
        (slot != EMPTY).then(|| from_oldest(slot))
    }

    /// Puts in a key that is not there, and for which there must be room.
    #[inline]
    pub(super) fn push(&mut self, hash: u32) {
        let number = self.number(self.count);
        self.place(hash, number);
        self.count += 1;
    }

    #[inline]
    fn place(&mut self, hash: u32, number: u32) {
        let at = self.probe(hash, |_| false);
        self.slots[at] = slot(hash, number);
        let at = self.place_of_hash(number);
        self.hashes[at] = hash;
    }

    #[inline]
    fn place_of_hash(&self, number: u32) -> usize {
        number as usize & (self.hashes.len() - 1)
    }

    /// Takes the oldest key out, if there is one. Those behind it that it kept from their homes move
    /// up.
    #[inline]
    pub(super) fn pop(&mut self) {
        if self.count == 0 {
            return;
        }
        let hash = self.hashes[self.place_of_hash(self.first)];
        let oldest = slot(hash, self.first);
        self.first = self.number(1);
        self.count -= 1;
        let mut free = self.probe(hash, |slot| slot == oldest);
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
    use std::collections::VecDeque;

    use super::*;
    use crate::selector::{Stream, below};

    /// Against a queue that is searched, with a table that is as full as it gets, keys that come and
    /// go, hashes that meet, and numbers that begin again.
    #[test]
    fn it_finds_what_a_queue_finds() {
        for most in [1, 2, 7, 64] {
            let mut stream = Stream::for_shard(most, 0);
            let mut index = Index {
                first: NUMBER_MAX - 1_000,
                ..Index::default()
            };
            let mut queue = VecDeque::new();
            index.grow(1);
            for step in 0..10_000u32 {
                // Keys are told apart by more than their hash, which few bits make meet often.
                let key = below(&mut stream, 2 * most);
                let hash = (key % (most + 1)) as u32 * 0x0101_0101;
                let found = index.find(hash, |at| queue[at] == key);
                assert_eq!(found, queue.iter().position(|other| *other == key));
                if queue.len() == index.room() || step % 7 == 0 {
                    index.pop();
                    queue.pop_front();
                } else if found.is_none() {
                    index.push(hash);
                    queue.push_back(key);
                }
                if step % 1_000 == 0 {
                    index.grow(queue.len().max(most as usize));
                }
            }
            assert!(index.first < NUMBER_MAX / 2, "the numbers have begun again");
        }
    }
}
