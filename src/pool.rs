//! Pools and items: what may be drawn, how likely, and how often.

mod change;
mod definitions;
mod difference;
mod items;
mod numbers;
mod seen;
#[cfg(test)]
mod testing;

use std::fmt;

pub use change::{ChangeError, PoolChange};
pub(crate) use definitions::Definitions;
pub use difference::Unchangeable;
pub use items::Items;
pub(crate) use numbers::Numbers;

use bincode::{Decode, Encode};
use seen::Seen;
use serde::{Deserialize, Serialize};

/// The longest pool name or item id, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 256;
/// The most items one pool may have.
pub const ITEMS_MAX: usize = 1 << 24;

/// What a pool does with the weight of an item that ran out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// The items still in stock share the odds in proportion to their weights (the default).
    #[default]
    Renormalise,
    /// The odds of the others stay as they were; a draw that hits the empty item answers
    /// "no prize".
    NoPrize,
}

impl OnExhausted {
    /// What the config file calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Renormalise => "renormalise",
            Self::NoPrize => "no_prize",
        }
    }
}

/// Where a pool lives.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// On one shard, chosen by the pool's name (the default).
    #[default]
    OneShard,
    /// On all shards: every one of them draws from it, with the odds of the whole pool.
    ///
    /// The units are split among the shards, and each serves the requests that come to it from its
    /// own part. A draw that chooses an item of which its shard has none left waits for a unit from
    /// another shard; if nobody has one, it chooses again. What a set of requests gets together,
    /// when all of them are answered, is distributed as on one shard, to the last unit, and
    /// [`Exhausted`](crate::Outcome::Exhausted) means that no shard had any. *Which* of the requests
    /// under way at the same time gets an item's last unit depends on who comes first, as on one
    /// shard. Requests for several draws that need units from several shards collect them one after
    /// the other, and what a refused one had collected is there for the next.
    ///
    /// Units that come back can be drawn on every shard once the void or the change is answered;
    /// those of a hold that has expired, at once on the shard that they come to, and a moment later
    /// on the others.
    ///
    /// Such a pool has the same place on every shard, behind all pools that are there. A shard may have
    /// 65 536 places and four for each of its pools, so that no shard has to fill up very many; names
    /// scatter pools so evenly that only names chosen for it come to that.
    AllShards,
}

impl Placement {
    /// What the config file calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneShard => "one_shard",
            Self::AllShards => "all_shards",
        }
    }
}

/// One item of a pool, with its id as a `String` or, where a pool tells it, as a `&str`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ItemDefinition<I = String> {
    /// The item's name, unique within its pool, 1 to [`NAME_BYTES_MAX`] bytes.
    pub id: I,
    /// How likely the item is, relative to the others. An item of weight 0 is never drawn.
    pub weight: u64,
    /// How many units there are; `None` is unlimited.
    pub stock: Option<u64>,
}

impl From<ItemDefinition<&str>> for ItemDefinition {
    fn from(item: ItemDefinition<&str>) -> Self {
        Self {
            id: item.id.to_owned(),
            weight: item.weight,
            stock: item.stock,
        }
    }
}

impl<I: fmt::Display> fmt::Display for ItemDefinition<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item \"{}\" with weight {} and ", self.id, self.weight)?;
        match self.stock {
            Some(stock) => write!(f, "a stock of {stock}"),
            None => write!(f, "unlimited stock"),
        }
    }
}

/// A named pool of items, as it is registered with an engine.
///
/// ```
/// use tombola::PoolDefinition;
///
/// let banner = PoolDefinition::new("banner").item("gold", 10, 100).unlimited("dust", 90);
/// assert!(banner.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct PoolDefinition {
    /// The pool's name, unique within its engine, 1 to [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// What happens to the weight of an item that ran out.
    pub on_exhausted: OnExhausted,
    /// Where it lives.
    pub placement: Placement,
    /// Whether it takes draws; a closed pool can be opened later.
    pub is_open: bool,
    /// Draws before this are refused; milliseconds since 1970.
    pub opens_at_ms: Option<u64>,
    /// Draws from this on are refused; milliseconds since 1970.
    pub closes_at_ms: Option<u64>,
    /// The items, in the order in which they are reported.
    pub items: Items,
}

/// Why a pool definition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool needs at least one item.
    #[error("pool \"{pool}\" has no items; add at least one")]
    Empty {
        /// The pool.
        pool: String,
    },
    /// Every weight is 0, so nothing could ever be drawn.
    #[error(
        "the weights of pool \"{pool}\" sum to 0, so nothing could be drawn; give an item a weight above 0"
    )]
    ZeroWeight {
        /// The pool.
        pool: String,
    },
    /// The weights' sum does not fit into 64 bits.
    #[error(
        "the weights of pool \"{pool}\" sum to more than {}; scale them down",
        u64::MAX
    )]
    WeightOverflow {
        /// The pool.
        pool: String,
    },
    /// Two items have the same id.
    #[error("pool \"{pool}\" has two items with the id \"{item}\"; rename or merge them")]
    DuplicateItem {
        /// The pool.
        pool: String,
        /// The id that stands twice.
        item: String,
    },
    /// A pool name or item id is empty, too long or has control characters.
    #[error("{what} \"{name}\" must have 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    Name {
        /// What is named: "pool" or "item".
        what: &'static str,
        /// The name, shortened.
        name: String,
    },
    /// More items than a pool may have.
    #[error("pool \"{pool}\" has {items} items; the most is {ITEMS_MAX}: split it")]
    TooManyItems {
        /// The pool.
        pool: String,
        /// How many it has.
        items: usize,
    },
    /// The pool would close before it opens.
    #[error("pool \"{pool}\" closes before it opens; set closes_at after opens_at")]
    Window {
        /// The pool.
        pool: String,
    },
    /// A stock that is too large to be told from "unlimited".
    #[error(
        "item \"{item}\" of pool \"{pool}\" has a stock of {}; leave the stock out for an unlimited item",
        u64::MAX
    )]
    Stock {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
}

impl PoolDefinition {
    /// A pool without items yet, that renormalises when an item runs out.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            on_exhausted: OnExhausted::default(),
            placement: Placement::default(),
            is_open: true,
            opens_at_ms: None,
            closes_at_ms: None,
            items: Items::new(),
        }
    }

    /// Sets where it lives.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets when draws begin and end, in milliseconds since 1970; `None` is no limit.
    #[must_use]
    pub fn window(mut self, opens_at_ms: Option<u64>, closes_at_ms: Option<u64>) -> Self {
        self.opens_at_ms = opens_at_ms;
        self.closes_at_ms = closes_at_ms;
        self
    }

    /// Registers the pool closed: it takes no draws until it is opened.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.is_open = false;
        self
    }

    /// Sets what happens to the weight of an item that ran out.
    #[must_use]
    pub fn on_exhausted(mut self, on_exhausted: OnExhausted) -> Self {
        self.on_exhausted = on_exhausted;
        self
    }

    /// Adds an item with a finite stock.
    #[must_use]
    pub fn item(mut self, id: impl AsRef<str>, weight: u64, stock: u64) -> Self {
        self.items.push(&ItemDefinition {
            id,
            weight,
            stock: Some(stock),
        });
        self
    }

    /// Adds an item that never runs out.
    #[must_use]
    pub fn unlimited(mut self, id: impl AsRef<str>, weight: u64) -> Self {
        self.items.push(&ItemDefinition {
            id,
            weight,
            stock: None,
        });
        self
    }

    /// The sum of all weights, or `None` where it does not fit into 64 bits.
    pub fn total_weight(&self) -> Option<u64> {
        self.items
            .iter()
            .try_fold(0u64, |sum, item| sum.checked_add(item.weight))
    }

    /// Checks everything that registering the pool would check.
    ///
    /// # Errors
    /// The first mistake found, see [`PoolError`].
    pub fn validate(&self) -> Result<(), PoolError> {
        match self.mistakes(1).into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Up to `limit` mistakes, each with the index of the item it concerns, if one.
    pub fn mistakes(&self, limit: usize) -> Vec<(Option<usize>, PoolError)> {
        let pool = || shortened(&self.name);
        let mut found = Vec::new();
        if !is_name(&self.name) {
            found.push((
                None,
                PoolError::Name {
                    what: "pool",
                    name: pool(),
                },
            ));
        }
        if let (Some(opens), Some(closes)) = (self.opens_at_ms, self.closes_at_ms)
            && closes <= opens
        {
            found.push((None, PoolError::Window { pool: pool() }));
        }
        if self.items.is_empty() {
            found.push((None, PoolError::Empty { pool: pool() }));
        } else if self.items.len() > ITEMS_MAX {
            let items = self.items.len();
            found.push((
                None,
                PoolError::TooManyItems {
                    pool: pool(),
                    items,
                },
            ));
        } else {
            match self.total_weight() {
                Some(0) => found.push((None, PoolError::ZeroWeight { pool: pool() })),
                None => found.push((None, PoolError::WeightOverflow { pool: pool() })),
                Some(_) => {}
            }
        }
        let mut seen = Seen::among(&self.items);
        for (index, item) in self.items.iter().enumerate() {
            if found.len() >= limit {
                break;
            }
            let id = || shortened(item.id);
            if !is_name(item.id) {
                found.push((
                    Some(index),
                    PoolError::Name {
                        what: "item",
                        name: id(),
                    },
                ));
            } else if !seen.insert(index) {
                found.push((
                    Some(index),
                    PoolError::DuplicateItem {
                        pool: pool(),
                        item: id(),
                    },
                ));
            }
            if item.stock == Some(u64::MAX) {
                found.push((
                    Some(index),
                    PoolError::Stock {
                        pool: pool(),
                        item: id(),
                    },
                ));
            }
        }
        found.truncate(limit);
        found
    }
}

/// The shard of a pool, or the home of one that lives on all of them: CRC-32C of its name, which is
/// the same for ever and everywhere.
pub(crate) fn home_shard(name: &str, shards: usize) -> usize {
    crc32c::crc32c(name.as_bytes()) as usize % shards
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_never_moves() {
        assert_eq!(home_shard("123456789", 1 << 16), 0xE306_9283 % (1 << 16));
        assert_eq!(home_shard("banner", 1), 0);
    }

    #[test]
    fn mistakes_are_all_found() {
        let pool = PoolDefinition::new("p")
            .item("a", u64::MAX, 1)
            .item("a", 1, 1)
            .item("", 0, u64::MAX);
        let found: Vec<_> = pool.mistakes(10).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, [None, Some(1), Some(2), Some(2)]);
        assert_eq!(
            pool.validate(),
            Err(PoolError::WeightOverflow { pool: "p".into() })
        );
    }

    #[test]
    fn empty_and_weightless_pools_are_refused() {
        assert!(matches!(
            PoolDefinition::new("p").validate(),
            Err(PoolError::Empty { .. })
        ));
        let weightless = PoolDefinition::new("p").unlimited("a", 0);
        assert!(matches!(
            weightless.validate(),
            Err(PoolError::ZeroWeight { .. })
        ));
    }
}
