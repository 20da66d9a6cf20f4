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
