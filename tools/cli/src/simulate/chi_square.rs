//! Whether draws agree with their weights.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Categories that are expected more rarely are counted together: below, the statistic does not
/// have the distribution that its p-value is taken from.
const EXPECTED_MIN: f64 = 5.0;

/// Pearson's statistic: the sum of `(actual - expected)² / expected`.
///
/// Before anything runs out this is the textbook test. Afterwards the expected counts are the sums
/// of the odds at each draw, as in the log-rank test: actual less expected is then a martingale,
/// asymptotically normal, and its covariance is that of the textbook case less something positive
/// semidefinite. So the p-value is never too small; where a few heavy items ran out it is larger
/// than it need be. No draw is left out, and none is held against odds that it did not have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct ChiSquare {
    pub(super) statistic: f64,
    pub(super) degrees: u64,
    /// How likely a statistic at least this large is if the odds are right.
    pub(super) p_value: f64,
}

impl ChiSquare {
    /// Of expected and actual counts.
    pub(super) fn of(categories: &[(f64, u64)]) -> Self {
        if categories
            .iter()
            .any(|&(expected, actual)| expected <= 0.0 && actual > 0)
        {
            // What cannot happen has happened.
            return Self {
                statistic: f64::MAX,
                degrees: 1,
                p_value: 0.0,
            };
        }
        let (rare, mut common): (Vec<_>, Vec<_>) = categories
            .iter()
            .copied()
            .filter(|&(expected, _)| expected > 0.0)
            .partition(|&(expected, _)| expected < EXPECTED_MIN);
        if !rare.is_empty() {
            let rare = rare
                .into_iter()
                .fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            common.sort_by(|one, other| other.0.total_cmp(&one.0));
            match common.last_mut().filter(|_| rare.0 < EXPECTED_MIN) {
                Some(least) => *least = (least.0 + rare.0, least.1 + rare.1),
                None => common.push(rare),
            }
        }
        let statistic = common
            .iter()
            .map(|&(expected, actual)| (actual as f64 - expected).powi(2) / expected)
            .sum();
        Self::with(statistic, common.len().saturating_sub(1) as u64)
    }

    /// Of pools together: they are independent of each other.
    pub(super) fn sum(of: impl Iterator<Item = Self>) -> Self {
        let (statistic, degrees) = of.fold((0.0, 0), |sum, one| {
            (sum.0 + one.statistic, sum.1 + one.degrees)
        });
        Self::with(statistic, degrees)
    }

    fn with(statistic: f64, degrees: u64) -> Self {
        // With one category there is nothing that could disagree.
        let p_value = ChiSquared::new(degrees as f64).map_or(1.0, |chi| chi.sf(statistic));
        Self {
            // The sum of nothing is a negative zero.
            statistic: statistic + 0.0,
            degrees,
            p_value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_values() {
        // A die thrown 60 times.
        let counts = [5, 8, 9, 8, 10, 20];
        let die = ChiSquare::of(&counts.map(|count| (10.0, count)));
        assert!((die.statistic - 13.4).abs() < 1e-9);
        assert_eq!(die.degrees, 5);
        assert!((die.p_value - 0.0199).abs() < 1e-4, "{}", die.p_value);
    }

    #[test]
    fn rare_categories_are_counted_together() {
        let rare = ChiSquare::of(&[(50.0, 50), (3.0, 2), (3.0, 4), (0.0, 0)]);
        assert_eq!((rare.degrees, rare.statistic), (1, 0.0));
        let rarer = ChiSquare::of(&[(50.0, 51), (10.0, 10), (1.0, 0)]);
        assert_eq!(rarer.degrees, 1);
    }

    #[test]
    fn the_ends_of_the_scale() {
        assert!(ChiSquare::of(&[(0.0, 1), (9.0, 8)]).p_value < 1e-9);
        assert!(ChiSquare::of(&[(9.0, 9)]).p_value > 0.999);
        assert!(ChiSquare::of(&[]).p_value > 0.999);
        let both =
            [(13.4, 5), (2.0, 1)].map(|(statistic, degrees)| ChiSquare::with(statistic, degrees));
        assert_eq!(ChiSquare::sum(both.into_iter()).degrees, 6);
    }
}
