//! How likely every item is, at this moment.

use super::{Partition, Pool};
use crate::{pool::OnExhausted, selector::Selector};

/// The odds of a pool: an item's probability is its weight here over `total_weight`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odds {
    /// The records of the shard up to this sequence number are in it.
    pub seq: u64,
    /// Whether the pool takes draws at all; the odds are those it has when it does.
    pub is_open: bool,
    /// What the weights add up to, with that of "no prize". 0 if nothing is left.
    pub total_weight: u64,
    /// The weight of "no prize": that of the items that ran out, in a pool that answers so.
    pub no_prize_weight: u64,
    /// The items that are not retired, by their places.
    pub items: Vec<ItemOdds>,
}

/// The odds of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemOdds {
    /// Its place in the pool.
    pub place: u32,
    /// Its id.
    pub id: String,
    /// Its weight in the next draw: 0 if it ran out.
    pub weight: u64,
    /// Units in stock; `None` is unlimited.
    pub remaining: Option<u64>,
}

impl Odds {
    /// The probability of "no prize", 0 to 1.
    pub fn no_prize_probability(&self) -> f64 {
        self.share(self.no_prize_weight)
    }

    /// The probability of an item of this pool, 0 to 1.
    pub fn probability(&self, item: &ItemOdds) -> f64 {
        self.share(item.weight)
    }

    fn share(&self, weight: u64) -> f64 {
        if self.total_weight == 0 {
            0.0
        } else {
            weight as f64 / self.total_weight as f64
        }
    }
}

impl<S: Selector> Partition<S> {
    /// The odds of the pool at this place; `seq` is the last record that was applied.
    pub fn odds(&self, pool: u32, seq: u64, now_ms: u64) -> Option<Odds> {
        let pool = self.pools.get(pool as usize);
        Some(pool.filter(|pool| pool.is_registered())?.odds(seq, now_ms))
    }
}

impl<S: Selector> Pool<S> {
    /// Its odds; `seq` is the last record that was applied.
    pub fn odds(&self, seq: u64, now_ms: u64) -> Odds {
        let items: Vec<ItemOdds> = self
            .items()
            .enumerate()
            .filter(|(_, item)| !item.is_retired)
            .map(|(place, item)| ItemOdds {
                place: place as u32,
                id: item.id.to_owned(),
                weight: if item.remaining == Some(0) {
                    0
                } else {
                    item.weight
                },
                remaining: item.remaining,
            })
            .collect();
        // While anything is left, what ran out still has its share in a pool that answers so.
        let has_no_prizes =
            self.definition.on_exhausted == OnExhausted::NoPrize && self.weight_in_stock > 0;
        let no_prize_weight = if has_no_prizes {
            self.weight_total - self.weight_in_stock
        } else {
            0
        };
        Odds {
            seq,
            is_open: self.is_open(now_ms),
            total_weight: self.weight_in_stock + no_prize_weight,
            no_prize_weight,
            items,
        }
    }
}
