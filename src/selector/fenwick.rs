use std::hint::select_unpredictable;

use super::{Selector, WeightOverflow};

/// A Fenwick tree over 64-bit weights.
///
/// Selecting and changing a weight take a number of steps that is the logarithm of the number of
/// items. The tree is kept in level order: node 1 is the root, the children of node `k` are `2k`
/// and `2k + 1`, and each node holds the sum of the weights below its left child. These are the
/// partial sums of the usual Fenwick order, but the nodes that every descent visits lie together,
/// so they stay in the cache, and no two of them compete for one cache set.
///
/// It takes 8 to 12 bytes an item: a half of 4 an item, for the lowest level, and a half of the same
/// for the others with the number of items rounded up to a power of two. The weights themselves are
/// not kept, because they follow from the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenwick {
    /// Node 0 is unused. The lowest level begins at `lowest` and ends where the items do; the leaf
    /// of item `i` would be the node `2 * lowest + i`.
    nodes: Vec<u64>,
    /// A power of two.
    lowest: usize,
    total: u64,
    items: usize,
}

impl Fenwick {
    /// The weight of an item: what the nearest ancestor that has it on its left holds, less what
    /// lies to the left of it there.
    pub(super) fn weight(&self, index: usize) -> u64 {
        let mut node = 2 * self.lowest + index;
        let mut before = 0;
        while node > 1 {
            let is_left = node.is_multiple_of(2);
            node /= 2;
            if is_left {
                return self.nodes[node] - before;
            }
            before += self.nodes[node];
        }
        self.total - before
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Makes room for as many items again: everything so far goes below the left child of a new
    /// root.
    fn double(&mut self) {
        let mut nodes = vec![0; self.nodes.len() + self.lowest];
        nodes[1] = self.total;
        for (node, sum) in self.nodes.iter().enumerate().skip(1) {
            // In the left half of the level below.
            nodes[node + (1 << node.ilog2())] = *sum;
        }
        self.nodes = nodes;
        self.lowest *= 2;
    }
}

impl Selector for Fenwick {
    fn new(weights: &[u64]) -> Result<Self, WeightOverflow> {
        let total = weights
            .iter()
            .try_fold(0u64, |sum, &weight| sum.checked_add(weight))
            .ok_or(WeightOverflow)?;
        let lowest = weights.len().div_ceil(2).next_power_of_two();
        let mut nodes = vec![0; lowest + weights.len().div_ceil(2)];
        // Behind the last item there is nothing.
        let sum_at = |nodes: &[u64], node: usize| nodes.get(node).copied().unwrap_or(0);
        // First every node takes the sum of both its children, from the bottom to the top. Then
        // each one, from the top to the bottom, keeps that of its left child alone.
        for (node, pair) in nodes[lowest..].iter_mut().zip(weights.chunks(2)) {
            *node = pair.iter().sum();
        }
        for node in (1..lowest).rev() {
            nodes[node] = sum_at(&nodes, 2 * node) + sum_at(&nodes, 2 * node + 1);
        }
        for node in 1..lowest {
            nodes[node] = sum_at(&nodes, 2 * node);
        }
        for (node, pair) in nodes[lowest..].iter_mut().zip(weights.chunks(2)) {
            *node = pair[0];
        }
        Ok(Self {
            nodes,
            lowest,
            total,
            items: weights.len(),
        })
    }

    #[inline]
    fn total(&self) -> u64 {
        self.total
    }

    fn set_weight(&mut self, index: usize, weight: u64) -> Result<(), WeightOverflow> {
        assert!(
            index < self.items,
            "there is no item {index} among {}",
            self.items
        );
        let old = self.weight(index);
        self.total = (self.total - old)
            .checked_add(weight)
            .ok_or(WeightOverflow)?;
        let change = weight.wrapping_sub(old);
        let mut node = 2 * self.lowest + index;
        while node > 1 {
            let is_left = node.is_multiple_of(2);
            node /= 2;
            let change = select_unpredictable(is_left, change, 0);
            self.nodes[node] = self.nodes[node].wrapping_add(change);
        }
        Ok(())
    }

    fn push(&mut self, weight: u64) -> Result<(), WeightOverflow> {
        self.total.checked_add(weight).ok_or(WeightOverflow)?;
        if self.items == 2 * self.lowest {
            self.double();
        }
        if self.items.is_multiple_of(2) {
            self.nodes.push(0);
        }
        self.items += 1;
        self.set_weight(self.items - 1, weight)
    }

    #[inline]
    fn select(&self, mut target: u64) -> usize {
        let (nodes, lowest) = self.nodes.split_at(self.lowest);
        let mut node = 1;
        // The condition of the loop is the bounds check too. Which way a step goes is random by
        // design, so a branch on it would be mispredicted every other time.
        while node < nodes.len() {
            let left = nodes[node];
            let goes_right = target >= left;
            target = select_unpredictable(goes_right, target.wrapping_sub(left), target);
            node = 2 * node + usize::from(goes_right);
        }
        let pair = node - nodes.len();
        2 * pair + usize::from(target >= lowest[pair])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::selector::PrefixSum;

    #[test]
    fn every_target_falls_where_the_weights_say() {
        for items in 1..=33usize {
            let weights: Vec<_> = (0..items as u64).map(|i| i * 7 % 5).collect();
            let fenwick = Fenwick::new(&weights).unwrap();
            let expected = weights
                .iter()
                .enumerate()
                .flat_map(|(index, &weight)| (0..weight).map(move |_| index));
            let selected = (0..fenwick.total()).map(|target| fenwick.select(target));
            assert!(selected.eq(expected), "{items} items");
        }
    }

    #[test]
    fn one_item_and_no_item() {
        let mut one = Fenwick::new(&[u64::MAX]).unwrap();
        assert_eq!((one.select(0), one.select(u64::MAX - 1)), (0, 0));
        one.set_weight(0, 3).unwrap();
        assert_eq!(one.total(), 3);
        assert_eq!(Fenwick::new(&[]).unwrap().total(), 0);
    }

    #[test]
    fn an_overflow_changes_nothing() {
        assert_eq!(
            Fenwick::new(&[u64::MAX, 1]).err(),
            Some(WeightOverflow),
            "when it is made"
        );
        let mut fenwick = Fenwick::new(&[5, u64::MAX - 8, 2]).unwrap();
        let before = fenwick.nodes.clone();
        assert_eq!(fenwick.set_weight(2, 4), Err(WeightOverflow));
        assert_eq!((&fenwick.nodes, fenwick.total), (&before, u64::MAX - 1));
        assert_eq!(fenwick.set_weight(2, 3), Ok(()));
        assert_eq!(fenwick.total(), u64::MAX);
        assert_eq!(fenwick.select(u64::MAX - 1), 2);
        assert_eq!(fenwick.select(u64::MAX - 4), 1);
    }

    #[test]
    #[should_panic(expected = "there is no item 3 among 3")]
    fn a_padding_item_cannot_be_given_a_weight() {
        let _ = Fenwick::new(&[1, 2, 3]).unwrap().set_weight(3, 1);
    }

    /// Weights of every magnitude: zeros, small ones, and such that the sum comes near 2^64.
    fn weight() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            1..10u64,
            any::<u32>().prop_map(u64::from),
            u64::MAX / 4..u64::MAX / 2,
            u64::MAX - 100..=u64::MAX,
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_prefix_sums(
            weights in prop::collection::vec(weight(), 1..70),
            program in prop::collection::vec((any::<prop::sample::Index>(), weight(), any::<bool>()), 0..60),
            targets in prop::collection::vec(any::<u64>(), 8),
        ) {
            let made = (Fenwick::new(&weights), PrefixSum::new(&weights));
            let (mut fenwick, mut prefix_sum) = match made {
                (Ok(fenwick), Ok(prefix_sum)) => (fenwick, prefix_sum),
                (fenwick, prefix_sum) => {
                    prop_assert!(fenwick.is_err() && prefix_sum.is_err());
                    // Weights that overflow are left at 0, for the program to fill.
                    let zeros = vec![0; weights.len()];
                    (Fenwick::new(&zeros).unwrap(), PrefixSum::new(&zeros).unwrap())
                }
            };
            let mut items = weights.len();
            for (index, weight, pushes) in program {
                if pushes {
                    let pushed = fenwick.push(weight);
                    prop_assert_eq!(pushed, prefix_sum.push(weight));
                    items += usize::from(pushed.is_ok());
                } else {
                    let index = index.index(items);
                    prop_assert_eq!(
                        fenwick.set_weight(index, weight),
                        prefix_sum.set_weight(index, weight)
                    );
                }
                let total = prefix_sum.total();
                prop_assert_eq!(fenwick.total(), total);
                if total == 0 {
                    continue;
                }
                for target in targets.iter().map(|target| target % total).chain([0, total - 1]) {
                    prop_assert_eq!(fenwick.select(target), prefix_sum.select(target));
                }
            }
        }
    }
}
