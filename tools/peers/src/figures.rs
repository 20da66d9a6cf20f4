//! What is told of a measurement.

use hdrhistogram::Histogram;
use serde::Serialize;

/// One measurement, or the medians of several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) draws_per_second: f64,
    /// From asking, or from when it was due, to the answer.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// What the device got, over all draws.
    pub(crate) bytes_a_draw: f64,
}

impl Figures {
    pub(crate) fn new(draws_per_second: f64, ns: &Histogram<u64>, bytes_a_draw: f64) -> Self {
        let us = |quantile| ns.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            draws_per_second,
            p50_us: us(0.5),
            p99_us: us(0.99),
            p999_us: us(0.999),
            bytes_a_draw,
        }
    }

    /// The median of each figure by itself; `None` of nothing.
    pub(crate) fn median(rounds: &[Self]) -> Option<Self> {
        if rounds.is_empty() {
            return None;
        }
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Some(Self {
            draws_per_second: of(|one| one.draws_per_second),
            p50_us: of(|one| one.p50_us),
            p99_us: of(|one| one.p99_us),
            p999_us: of(|one| one.p999_us),
            bytes_a_draw: of(|one| one.bytes_a_draw),
        })
    }
}

/// Of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    f64::midpoint(values[middle], values[(values.len() - 1) / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert_eq!(Figures::median(&[]), None);
    }
}
