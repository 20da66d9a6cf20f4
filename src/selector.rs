//! Weighted selection: which item a random number falls on.
//!
//! A selector knows weights and nothing else: no clock, no I/O, no allocation after it is made.
//! [`Fenwick`] is the engine's; [`PrefixSum`] the slow and obvious one it is checked against.

mod fenwick;
mod prefix_sum;
mod random;

pub use fenwick::Fenwick;
pub use prefix_sum::PrefixSum;
pub use random::{Stream, below};

/// The weights' sum does not fit into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the weights sum to more than {}", u64::MAX)]
pub struct WeightOverflow;

/// Picks an index with probability exactly proportional to its weight.
pub trait Selector: Sized {
    /// Takes the weights in the order of their indices.
    ///
    /// # Errors
    /// Where they sum to more than a `u64` holds.
    fn new(weights: &[u64]) -> Result<Self, WeightOverflow>;

    /// The sum of all weights.
    fn total(&self) -> u64;

    /// Changes one weight.
    ///
    /// # Errors
    /// Where the sum would not fit into a `u64`; nothing is changed then.
    ///
    /// # Panics
    /// If there is no such index.
    fn set_weight(&mut self, index: usize, weight: u64) -> Result<(), WeightOverflow>;

    /// Adds an index behind the others. (It may take as long as making the selector anew.)
    ///
    /// # Errors
    /// Where the sum would not fit into a `u64`; nothing is changed then.
    fn push(&mut self, weight: u64) -> Result<(), WeightOverflow>;

    /// The index on which `target` falls: the first whose cumulated weight exceeds it. An index of
    /// weight 0 is never returned.
    ///
    /// # Panics
    /// May panic, or answer any index, if `target` is not below [`total`](Self::total).
    fn select(&self, target: u64) -> usize;
}
