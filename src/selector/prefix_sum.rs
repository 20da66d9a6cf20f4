use super::{Selector, WeightOverflow};

/// Cumulated weights and a binary search: so plain that it can be seen to be right.
///
/// Changing a weight takes time in proportion to the number of items. It is there for the engine's
/// own selector to be checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixSum {
    /// For each item the sum of all weights up to and with its own.
    sums: Vec<u64>,
}

impl Selector for PrefixSum {
    fn new(weights: &[u64]) -> Result<Self, WeightOverflow> {
        let mut sum = 0u64;
        let sums = weights.iter().map(|&weight| {
            sum = sum.checked_add(weight).ok_or(WeightOverflow)?;
            Ok(sum)
        });
        Ok(Self {
            sums: sums.collect::<Result<_, _>>()?,
        })
    }

    fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    fn set_weight(&mut self, index: usize, weight: u64) -> Result<(), WeightOverflow> {
        let before = match index {
            0 => 0,
            _ => self.sums[index - 1],
        };
        let old = self.sums[index] - before;
        (self.total() - old)
            .checked_add(weight)
            .ok_or(WeightOverflow)?;
        for sum in &mut self.sums[index..] {
            *sum = *sum - old + weight;
        }
        Ok(())
    }

    fn push(&mut self, weight: u64) -> Result<(), WeightOverflow> {
        let total = self.total().checked_add(weight).ok_or(WeightOverflow)?;
        self.sums.push(total);
        Ok(())
    }

    fn select(&self, target: u64) -> usize {
        self.sums.partition_point(|&sum| sum <= target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_weight() {
        let mut selector = PrefixSum::new(&[2, 0, 1]).unwrap();
        let selected = |selector: &PrefixSum| -> Vec<_> {
            (0..selector.total())
                .map(|target| selector.select(target))
                .collect()
        };
        assert_eq!(selected(&selector), [0, 0, 2]);
        selector.set_weight(1, 3).unwrap();
        selector.set_weight(0, 0).unwrap();
        assert_eq!(selected(&selector), [1, 1, 1, 2]);
    }

    #[test]
    fn an_overflow_changes_nothing() {
        assert_eq!(
            PrefixSum::new(&[u64::MAX, 1]).err(),
            Some(WeightOverflow),
            "when it is made"
        );
        let mut selector = PrefixSum::new(&[1, u64::MAX - 1]).unwrap();
        assert_eq!(selector.set_weight(0, 2), Err(WeightOverflow));
        assert_eq!(selector.sums, [1, u64::MAX]);
    }
}
