//! Weighted selection: which item a random number falls on.
//!
//! A selector knows weights and nothing else: no clock, no I/O, no allocation after it is made.
//! [`Adaptive`] is the engine's; [`PrefixSum`] the slow and obvious one it is checked against.

mod adaptive;
mod alias;
mod fenwick;
mod prefix_sum;
mod random;

pub use adaptive::Adaptive;
pub use fenwick::Fenwick;
pub use prefix_sum::PrefixSum;
pub use random::{Stream, below};

/// The weights' sum does not fit into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the weights sum to more than {}", u64::MAX)]
pub struct WeightOverflow;

/// Picks an index with probability exactly proportional to its weight.
pub trait Selector: Clone {
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

    /// The item has run out: its weight is 0 until it is [restored](Self::restore).
    fn strike(&mut self, index: usize) {
        self.set_weight(index, 0).expect("the sum falls");
    }

    /// The item is there again, with the weight it had.
    fn restore(&mut self, index: usize, weight: u64) {
        let restored = self.set_weight(index, weight);
        restored.expect("the sum is no more than it was");
    }

    /// A random index. [`total`](Self::total) must not be 0.
    #[inline]
    fn pick(&mut self, stream: &mut Stream) -> usize {
        self.select(below(stream, self.total()))
    }
}
