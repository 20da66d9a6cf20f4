//! The pools that every system draws from.

use tombola::PoolDefinition;

/// The name of the pool, where a system wants one.
pub(crate) const NAME: &str = "peers";

/// Weights and units, in the order of the items' places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) weights: Vec<u64>,
    pub(crate) stock: Vec<u64>,
}

impl Pool {
    /// What is measured: a thousand items of weights from 1 to 100. Each has so many units that
    /// none runs out, and is counted all the same.
    pub(crate) fn measured() -> Self {
        Self::new(1000, |_| 1 << 40)
    }

    /// What is drained: few units of a few items.
    pub(crate) fn small() -> Self {
        Self::new(40, |place| 1 + place % 13)
    }

    fn new(items: u64, stock: impl Fn(u64) -> u64) -> Self {
        Self {
            // 37 and 100 have no common divisor, so every weight comes equally often.
            weights: (0..items).map(|place| 1 + place * 37 % 100).collect(),
            stock: (0..items).map(stock).collect(),
        }
    }

    /// The same as Tombola takes it.
    pub(crate) fn definition(&self) -> PoolDefinition {
        let items = self.weights.iter().zip(&self.stock).enumerate();
        items.fold(
            PoolDefinition::new(NAME),
            |pool, (place, (&weight, &stock))| pool.item(place.to_string(), weight, stock),
        )
    }

    /// The units of all items.
    pub(crate) fn units(&self) -> u64 {
        self.stock.iter().sum()
    }
}
