//! Whether what was seen agrees with what was to be expected.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How likely counts that are at least as far off are, if the shares are the true ones. What has no
/// share must not be there at all.
pub(crate) fn p_value(observed: &[u64], shares: &[f64]) -> f64 {
    assert_eq!(observed.len(), shares.len());
    let total: f64 = shares.iter().sum();
    let draws: u64 = observed.iter().sum();
    let mut statistic = 0.0;
    let mut kinds = 0;
    for (seen, share) in observed.iter().zip(shares) {
        if *share == 0.0 {
            assert_eq!(*seen, 0, "what has no share was drawn");
            continue;
        }
        let expected = draws as f64 * share / total;
        statistic += (*seen as f64 - expected).powi(2) / expected;
        kinds += 1;
    }
    let freedom = f64::from(kinds - 1);
    1.0 - ChiSquared::new(freedom).unwrap().cdf(statistic)
}

/// How likely two lists of counts are that are at least as far from each other, if both come from
/// the same shares. (Press et al., "Numerical Recipes", on two binned distributions.)
#[allow(dead_code, reason = "not every test compares two engines")]
pub(crate) fn p_value_of_two(one: &[u64], other: &[u64]) -> f64 {
    assert_eq!(one.len(), other.len());
    let total = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let ratio = (total(other) / total(one)).sqrt();
    let seen = one.iter().zip(other).filter(|(a, b)| **a + **b > 0);
    let (mut statistic, mut kinds) = (0.0, 0);
    for (a, b) in seen {
        statistic += (*a as f64 * ratio - *b as f64 / ratio).powi(2) / (a + b) as f64;
        kinds += 1;
    }
    if kinds < 2 {
        return 1.0;
    }
    1.0 - ChiSquared::new(f64::from(kinds - 1))
        .unwrap()
        .cdf(statistic)
}
