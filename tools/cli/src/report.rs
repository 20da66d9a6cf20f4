//! What draws came to, item by item: the figures that `draw`, `simulate` and `bench` have in common.

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
    let report = |(index, (item, &drawn)): (usize, (tombola::ItemDefinition<&str>, &u64))| {
        let (drawn_total, remaining) = total(index);
        ItemReport {
            pool: pool.name.clone(),
            item: item.id.to_owned(),
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
