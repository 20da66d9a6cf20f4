//! What draws came to, item by item, and how long their acknowledgement took: the figures that
//! `draw`, `simulate` and `bench` have in common.

use hdrhistogram::Histogram;
use serde::Serialize;
use tombola::PoolDefinition;

/// An item of a pool, and what draws came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ItemReport {
    pub(crate) pool: String,
    pub(crate) item: String,
    pub(crate) weight: u64,
    /// The weight over the sum of all weights of the pool: the odds while every item is in stock.
    pub(crate) expected_share: f64,
    /// Units that this run drew, held ones included.
    pub(crate) drawn: u64,
    /// Units over the draws that this run had answered from the pool; 0 without any.
    pub(crate) share: f64,
    /// Units that were handed out ever since the pool was registered, where that is known. A held
    /// one counts once it is confirmed.
    pub(crate) drawn_total: Option<u64>,
    /// Units in stock; `None` for unlimited.
    pub(crate) remaining: Option<u64>,
}

/// The items of a pool, of which this run drew `counts` units each and answered "no prize" to
/// `no_prizes` draws. `total` tells for each item what was drawn ever and what remains.
pub(crate) fn items(
    pool: &PoolDefinition,
    counts: &[u64],
    no_prizes: u64,
    total: impl Fn(usize) -> (Option<u64>, Option<u64>),
) -> Vec<ItemReport> {
    let weights = pool.total_weight().unwrap_or(u64::MAX) as f64;
    let answered = counts.iter().sum::<u64>() + no_prizes;
    let report = |(index, (item, &drawn)): (usize, (&tombola::ItemDefinition, &u64))| {
        let (drawn_total, remaining) = total(index);
        ItemReport {
            pool: pool.name.clone(),
            item: item.id.clone(),
            weight: item.weight,
            expected_share: item.weight as f64 / weights,
            drawn,
            share: drawn as f64 / answered.max(1) as f64,
            drawn_total,
            remaining,
        }
    };
    pool.items
        .iter()
        .zip(counts)
        .enumerate()
        .map(report)
        .collect()
}

/// How long draws took from being sent (or due) to their acknowledgement, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// From a histogram of nanoseconds, see [`nanoseconds`].
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1000.0,
        }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self;
        write!(
            f,
            "p50 {p50:.1} us, p90 {p90:.1} us, p99 {p99:.1} us, p99.9 {p999:.1} us, max {max:.1} us"
        )
    }
}

/// A histogram of nanoseconds up to an hour, with three significant digits.
pub(crate) fn nanoseconds() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("the bounds are valid")
}
