//! An item of a pool as whoever looks sees it.

use crate::pool::ItemDefinition;

/// An item of a pool, and what became of its units: as long as it is not unlimited,
/// `initial + restocked + voided = drawn + remaining + held`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemState<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its weight; 0 if it is retired.
    pub weight: u64,
    /// The stock it was registered with; `None` is unlimited.
    pub initial: Option<u64>,
    /// Units that came in later.
    pub restocked: u64,
    /// Units handed out, those that came back included.
    pub drawn: u64,
    /// Units that are reserved.
    pub held: u64,
    /// Units that were handed out and came back.
    pub voided: u64,
    /// Units that went to other shards. (In one shard's part of a pool on all shards.)
    pub sent: u64,
    /// Units that came from other shards.
    pub received: u64,
    /// Units in stock; `None` is unlimited.
    pub remaining: Option<u64>,
    /// Whether it is out of the draws for good.
    pub is_retired: bool,
}

impl ItemState<'_> {
    /// The item as somebody would define it now: with all the stock it ever got.
    pub fn definition(&self) -> ItemDefinition {
        ItemDefinition {
            id: self.id.to_owned(),
            weight: self.weight,
            stock: self.initial.map(|initial| initial + self.restocked),
        }
    }

    /// Whether no unit was lost or made.
    pub fn is_conserved(&self) -> bool {
        let sum = |units: &[u64]| units.iter().map(|units| u128::from(*units)).sum::<u128>();
        match (self.initial, self.remaining) {
            (Some(initial), Some(remaining)) => {
                sum(&[initial, self.restocked, self.voided, self.received])
                    == sum(&[self.drawn, remaining, self.held, self.sent])
            }
            (None, None) => self.restocked == 0 && self.voided <= self.drawn,
            _ => false,
        }
    }
}
