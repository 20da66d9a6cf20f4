use std::hint::select_unpredictable;

use super::{Stream, below, random::below_both};

/// An alias table: an item in constant time, however many there are, as long as weights stay.
///
/// There is a bucket for every item, all of the same size: the sum of the weights. Item and weights
/// are scaled so that together they fill the buckets, and none holds parts of more than two items: a
/// first part of the item whose number it has, and the rest of one other, its alias. So a random
/// bucket and a random place in it tell an item with exactly its share; integers throughout, nothing
/// is rounded. (A. J. Walker, "An Efficient Method for Generating Discrete Random Variables with
/// General Distributions", ACM Transactions on Mathematical Software 3(3), 1977.)
///
/// Items can be struck. They stay in their buckets, and a draw that meets one is made again: what is
/// left has the same shares among itself. Whoever has struck so much that this happens often makes
/// the table anew, some entries at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Alias {
    entries: Vec<Entry>,
    /// A bit for each item.
    struck: Vec<u64>,
    /// The sum of the weights when the table was begun.
    total: u64,
    /// `total` times the number of items; 0 where that does not fit.
    places: u64,
    making: Making,
    is_ready: bool,
}

/// 12 bytes: with the usual alignment it would be 16, and a third more to miss in the cache.
#[derive(Debug, Clone, Copy, Default)]
#[repr(Rust, packed(4))]
struct Entry {
    /// Places below this one in the bucket are the item's own.
    own: u64,
    /// Whose the others are.
    alias: u32,
}

/// How far a table is made: both kinds of items are gone through in their order, and of the large
/// one at hand what is left is poured into the buckets of small ones until it is small itself.
#[derive(Debug, Clone, Copy, Default)]
struct Making {
    small: usize,
    large: usize,
    /// What is left of the large one, scaled.
    left: u128,
    filled: usize,
}

impl Alias {
    /// Forgets everything, and makes room.
    pub(super) fn begin(&mut self, items: usize, total: u64) {
        self.entries.clear();
        self.entries.resize(items, Entry::default());
        self.struck.clear();
        self.struck.resize(items.div_ceil(64), 0);
        self.total = total;
        self.places = total.checked_mul(items as u64).unwrap_or(0);
        self.making = Making::default();
        self.is_ready = false;
    }

    /// Fills some more entries. `weight` tells the weights, which are those of the beginning.
    pub(super) fn fill(&mut self, entries: usize, weight: impl Fn(usize) -> u64) {
        for _ in 0..entries {
            if self.is_ready || self.total == 0 {
                return;
            }
            self.fill_one(&weight);
        }
    }

    fn fill_one(&mut self, weight: &impl Fn(usize) -> u64) {
        let items = self.entries.len();
        let size = u128::from(self.total);
        let scaled = |item| u128::from(weight(item)) * items as u128;
        let Making {
            mut small,
            mut large,
            mut left,
            filled,
        } = self.making;
        let next_large = |from| (from..items).find(|item| scaled(*item) >= size);
        if filled == 0 {
            large = next_large(0).expect("some weight is not below the average");
            left = scaled(large);
        }
        while small < items && scaled(small) >= size {
            small += 1;
        }
        // Once the large item has become a small one it goes into its own bucket, as do those that
        // fill theirs alone at the end.
        let (item, own) = if left < size || small == items {
            let (item, own) = (large, left);
            if let Some(next) = next_large(item + 1) {
                large = next;
                left = scaled(next);
            }
            (item, own)
        } else {
            small += 1;
            (small - 1, scaled(small - 1))
        };
        self.entries[item] = Entry {
            own: own as u64,
            alias: large as u32,
        };
        left -= size - own;
        self.making = Making {
            small,
            large,
            left,
            filled: filled + 1,
        };
        self.is_ready = filled + 1 == items;
    }

    /// Whether every entry is there, and can be drawn from.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Not to be drawn from any more.
    pub(super) fn forget(&mut self) {
        self.is_ready = false;
    }

    /// The sum of the weights when it was begun.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Strikes an item, or takes that back.
    pub(super) fn strike(&mut self, item: usize, is_struck: bool) {
        let (word, bit) = (item / 64, 1 << (item % 64));
        if is_struck {
            self.struck[word] |= bit;
        } else {
            self.struck[word] &= !bit;
        }
    }

    #[inline]
    pub(super) fn is_struck(&self, item: usize) -> bool {
        self.struck[item / 64] >> (item % 64) & 1 != 0
    }

    /// An item that is not struck. There must be one, and the table ready.
    #[inline]
    pub(super) fn pick(&self, stream: &mut Stream) -> usize {
        loop {
            let (bucket, place) = if self.places > 0 {
                below_both(stream, (self.entries.len() as u64, self.total), self.places)
            } else {
                (
                    below(stream, self.entries.len() as u64),
                    below(stream, self.total),
                )
            };
            let item = self.at(bucket as usize, place);
            if !self.is_struck(item) {
                return item;
            }
        }
    }

    /// Whose this place in this bucket is.
    #[inline]
    fn at(&self, bucket: usize, place: u64) -> usize {
        let Entry { own, alias } = self.entries[bucket];
        // Random by design, so a branch would be mispredicted every other time.
        select_unpredictable(place < own, bucket, alias as usize)
    }
}

#[cfg(test)]
impl Alias {
    /// How many places of all buckets are each item's.
    pub(super) fn shares(&self) -> Vec<u128> {
        let mut shares = vec![0; self.entries.len()];
        for (bucket, entry) in self.entries.iter().enumerate() {
            shares[bucket] += u128::from(entry.own);
            shares[entry.alias as usize] += u128::from(self.total - entry.own);
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(weights: &[u64], at_once: usize) -> Alias {
        let mut alias = Alias::default();
        alias.begin(weights.len(), weights.iter().sum());
        for _ in 0..weights.len().div_ceil(at_once) {
            assert!(!alias.is_ready());
            alias.fill(at_once, |item| weights[item]);
        }
        alias
    }

    #[test]
    fn places_are_whose_they_should_be() {
        let alias = made(&[1, 0, 5], 1);
        let mut seen = [0; 3];
        for bucket in 0..3 {
            for place in 0..6 {
                seen[alias.at(bucket, place)] += 1;
            }
        }
        assert_eq!(seen, [3, 0, 15]);
    }

    #[test]
    fn what_is_struck_is_not_picked_until_it_is_back() {
        let mut alias = made(&[1, 1, 1, 1000], 4);
        alias.strike(3, true);
        let mut stream = Stream::for_shard(5, 0);
        let mut seen = [0; 4];
        for _ in 0..300 {
            seen[alias.pick(&mut stream)] += 1;
        }
        assert!(
            seen[3] == 0 && seen[..3].iter().all(|seen| *seen > 50),
            "{seen:?}"
        );
        alias.strike(3, false);
        assert!((0..100).any(|_| alias.pick(&mut stream) == 3));
    }

    proptest! {
        /// Exactly the weights, scaled by the number of items, whatever they are.
        #[test]
        fn shares_are_the_weights(
            weights in prop::collection::vec(prop_oneof![Just(0), 1..10u64, any::<u32>().prop_map(u64::from), 1..u64::MAX / 64], 1..60),
            at_once in 1..7usize,
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let alias = made(&weights, at_once);
            prop_assert!(alias.is_ready());
            let items = weights.len() as u128;
            let expected: Vec<u128> = weights.iter().map(|weight| u128::from(*weight) * items).collect();
            prop_assert_eq!(alias.shares(), expected);
        }
    }
}
