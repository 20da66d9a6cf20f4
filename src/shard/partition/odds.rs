//! How likely every item is, at this moment.

use super::{ItemState, Partition, Pool};
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
    /// Units in stock; `None` is unlimited, or not known from one shard's log.
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

/// What one shard knows of a pool's odds. Of a pool on all shards it takes all parts to tell.
#[derive(Debug, Clone)]
pub(crate) struct OddsPart {
    seq: u64,
    is_open: bool,
    on_exhausted: OnExhausted,
    items: Vec<ItemPart>,
}

#[derive(Debug, Clone)]
struct ItemPart {
    place: u32,
    id: String,
    weight: u64,
    /// Less than none where units were drawn that came from another shard: units on their way count
    /// where they come from.
    units: Option<i128>,
}

impl OddsPart {
    /// The odds, from all parts. Where they were not told at the same moment, a unit that came in
    /// and was drawn in between may count once too little.
    pub(crate) fn whole(mut self, others: impl Iterator<Item = Self>) -> Odds {
        for other in others {
            for (item, more) in self.items.iter_mut().zip(other.items) {
                item.units = item.units.zip(more.units).map(|(one, more)| one + more);
            }
        }
        let mut weight_total = 0;
        let items: Vec<ItemOdds> = self
            .items
            .into_iter()
            .map(|item| {
                weight_total += item.weight;
                let remaining = item.units.map(|units| u64::try_from(units).unwrap_or(0));
                ItemOdds {
                    place: item.place,
                    id: item.id,
                    weight: if remaining == Some(0) { 0 } else { item.weight },
                    remaining,
                }
            })
            .collect();
        let weight_in_stock: u64 = items.iter().map(|item| item.weight).sum();
        // While anything is left, what ran out still has its share in a pool that answers so.
        let has_no_prizes = self.on_exhausted == OnExhausted::NoPrize && weight_in_stock > 0;
        let no_prize_weight = if has_no_prizes {
            weight_total - weight_in_stock
        } else {
            0
        };
        Odds {
            seq: self.seq,
            is_open: self.is_open,
            total_weight: weight_in_stock + no_prize_weight,
            no_prize_weight,
            items,
        }
    }
}

impl<S: Selector> Partition<S> {
    /// What this shard knows of the odds of the pool at this place; `seq` is the last record that
    /// was applied.
    pub(crate) fn odds(&self, pool: u32, seq: u64, now_ms: u64) -> Option<OddsPart> {
        let pool = self.pools.get(pool as usize);
        Some(
            pool.filter(|pool| pool.is_registered())?
                .odds_part(seq, now_ms),
        )
    }
}

impl<S: Selector> Pool<S> {
    /// The odds of the pool; `seq` is the last record that was applied.
    ///
    /// Of a pool on all shards, one shard's part tells what its log says: on the
    /// [home shard](Self::home_shard) that is when an item ran out on all shards, and came back.
    pub fn odds(&self, seq: u64, now_ms: u64) -> Odds {
        let mut part = self.odds_part(seq, now_ms);
        if self.spread.is_some() {
            for item in &mut part.items {
                item.units = self.gone[item.place as usize].then_some(0);
            }
        }
        part.whole(std::iter::empty())
    }

    fn odds_part(&self, seq: u64, now_ms: u64) -> OddsPart {
        let units = |item: &ItemState<'_>| {
            let remaining = i128::from(item.remaining?);
            Some(remaining + i128::from(item.sent) - i128::from(item.received))
        };
        let items = (0..).zip(self.items());
        let items = items.filter(|(_, item)| !item.is_retired);
        OddsPart {
            seq,
            is_open: self.is_open(now_ms),
            on_exhausted: self.definition.on_exhausted,
            items: items
                .map(|(place, item)| ItemPart {
                    place,
                    id: item.id.to_owned(),
                    weight: item.weight,
                    units: units(&item),
                })
                .collect(),
        }
    }
}
