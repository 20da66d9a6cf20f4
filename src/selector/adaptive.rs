use super::{Fenwick, Selector, Stream, WeightOverflow, alias::Alias, below};

/// The selector of the engine: an [alias table](https://en.wikipedia.org/wiki/Alias_method) for as
/// long as weights stay, and a [`Fenwick`] tree where they change.
///
/// The tree always holds the weights as they are. The table makes a choice in constant time, where
/// the tree takes the logarithm of the number of items. Items that run out are struck from the table
/// and chosen again where a draw meets them; once more than half of the weight is struck, or a
/// weight becomes another one, draws are made with the tree, and they make the table anew a few
/// entries at a time, once there were as many of them as items. So no draw waits for a table, and
/// nothing is allocated. Either way the odds are exactly the weights.
#[derive(Debug, Clone)]
pub struct Adaptive {
    fenwick: Fenwick,
    alias: Alias,
    /// Draws until the table is begun.
    waits: usize,
}

/// With fewer items the tree is as fast.
const ITEMS_MIN: usize = 16;
/// Entries of the table that a draw makes.
const ENTRIES_A_DRAW: usize = 4;

impl Adaptive {
    /// The weights are others than those of the table.
    fn forget(&mut self) {
        self.alias.forget();
        self.waits = self.fenwick.items();
    }

    /// A draw while there is no table.
    #[cold]
    fn pick_from_tree(&mut self, stream: &mut Stream) -> usize {
        if self.fenwick.items() >= ITEMS_MIN {
            if self.waits > 0 {
                self.waits -= 1;
                if self.waits == 0 {
                    self.alias.begin(self.fenwick.items(), self.fenwick.total());
                }
            } else {
                let fenwick = &self.fenwick;
                self.alias.fill(ENTRIES_A_DRAW, |item| fenwick.weight(item));
            }
        }
        self.fenwick.select(below(stream, self.fenwick.total()))
    }
}

impl Selector for Adaptive {
    fn new(weights: &[u64]) -> Result<Self, WeightOverflow> {
        let fenwick = Fenwick::new(weights)?;
        let mut alias = Alias::default();
        if weights.len() >= ITEMS_MIN {
            alias.begin(weights.len(), fenwick.total());
            alias.fill(weights.len(), |item| weights[item]);
        }
        Ok(Self {
            fenwick,
            alias,
            waits: 0,
        })
    }

    #[inline]
    fn total(&self) -> u64 {
        self.fenwick.total()
    }

    fn set_weight(&mut self, index: usize, weight: u64) -> Result<(), WeightOverflow> {
        self.fenwick.set_weight(index, weight)?;
        self.forget();
        Ok(())
    }

    fn strike(&mut self, index: usize) {
        self.fenwick.strike(index);
        if self.alias.is_ready() && self.fenwick.total() >= self.alias.total() / 2 {
            self.alias.strike(index, true);
        } else {
            self.forget();
        }
    }

    fn restore(&mut self, index: usize, weight: u64) {
        self.fenwick.restore(index, weight);
        if self.alias.is_ready() && self.alias.is_struck(index) {
            self.alias.strike(index, false);
        } else {
            // It ran out before the table was made.
            self.forget();
        }
    }

    fn push(&mut self, weight: u64) -> Result<(), WeightOverflow> {
        self.fenwick.push(weight)?;
        self.forget();
        Ok(())
    }

    #[inline]
    fn select(&self, target: u64) -> usize {
        self.fenwick.select(target)
    }

    #[inline]
    fn pick(&mut self, stream: &mut Stream) -> usize {
        if self.alias.is_ready() {
            self.alias.pick(stream)
        } else {
            self.pick_from_tree(stream)
        }
    }
}

/// What the table is like is no state: it follows from the weights.
impl PartialEq for Adaptive {
    fn eq(&self, other: &Self) -> bool {
        self.fenwick == other.fenwick
    }
}

impl Eq for Adaptive {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What can be picked, and with what share, is what the weights say.
    fn assert_exact(adaptive: &Adaptive, weights: &[u64]) -> Result<(), TestCaseError> {
        let tree: Vec<u64> = (0..weights.len())
            .map(|item| adaptive.fenwick.weight(item))
            .collect();
        prop_assert_eq!(&tree[..], weights);
        if adaptive.alias.is_ready() {
            let shares = adaptive.alias.shares();
            prop_assert_eq!(shares.len(), weights.len());
            for (item, share) in shares.into_iter().enumerate() {
                let share = if adaptive.alias.is_struck(item) {
                    0
                } else {
                    share
                };
                prop_assert_eq!(share, u128::from(weights[item]) * weights.len() as u128);
            }
            prop_assert!(
                adaptive.total() >= adaptive.alias.total() / 2,
                "too much is struck"
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn odds_are_the_weights_whatever_happens(
            mut weights in prop::collection::vec(0..50u64, 1..60),
            program in prop::collection::vec((0..20u8, any::<prop::sample::Index>(), 1..50u64), 0..150),
            seed in any::<u64>(),
        ) {
            let mut adaptive = Adaptive::new(&weights).unwrap();
            let mut had = weights.clone();
            let mut stream = Stream::for_shard(seed, 0);
            for (step, index, weight) in program {
                let item = index.index(weights.len());
                match step {
                    0 => {
                        (weights[item], had[item]) = (weight, weight);
                        adaptive.set_weight(item, weight).unwrap();
                    }
                    1 => {
                        weights.push(weight);
                        had.push(weight);
                        adaptive.push(weight).unwrap();
                    }
                    2..=4 if weights[item] > 0 => {
                        weights[item] = 0;
                        adaptive.strike(item);
                    }
                    5..=6 if weights[item] == 0 && had[item] > 0 => {
                        weights[item] = had[item];
                        adaptive.restore(item, had[item]);
                    }
                    _ => for _ in 0..weight {
                        if adaptive.total() > 0 {
                            prop_assert!(weights[adaptive.pick(&mut stream)] > 0);
                        }
                    },
                }
                assert_exact(&adaptive, &weights)?;
            }
        }
    }

    /// After a change it is the tree's turn, and then that of a new table.
    #[test]
    fn the_table_comes_back() {
        let mut adaptive = Adaptive::new(&[7; 40]).unwrap();
        let mut stream = Stream::for_shard(1, 0);
        assert!(adaptive.alias.is_ready());
        adaptive.set_weight(3, 9).unwrap();
        assert!(!adaptive.alias.is_ready());
        let draws = (1..1000).find(|_| {
            adaptive.pick(&mut stream);
            adaptive.alias.is_ready()
        });
        assert_eq!(draws, Some(40 + 40 / ENTRIES_A_DRAW));
        for item in 0..20 {
            adaptive.strike(item);
        }
        // 142 is half of what there was, rounded up.
        assert!(!adaptive.alias.is_ready() && adaptive.total() == 140);
    }
}
