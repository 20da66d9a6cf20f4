//! Changes to a pool that is registered.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ItemDefinition, PoolError};

/// A change to a pool that is registered, see [`Engine::edit`](crate::Engine::edit). Items are named
/// by `I`: by their ids, or, in the log, by their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PoolChange<I = String> {
    /// Adds units to an item's stock.
    Restock {
        /// The item.
        item: I,
        /// How many units come in.
        units: u64,
    },
    /// Gives an item another weight.
    Weight {
        /// The item.
        item: I,
        /// Its weight from now on.
        weight: u64,
    },
    /// Adds an item behind the others.
    Add {
        /// The item.
        item: ItemDefinition,
    },
    /// Takes an item out of the draws for good. What was drawn of it and what is left stays known.
    Retire {
        /// The item.
        item: I,
    },
    /// Opens the pool for draws (within its window, if it has one).
    Open,
    /// Closes the pool: a draw is refused until it is opened again.
    Close,
    /// Sets or lifts the pool's window, in milliseconds since 1970.
    Window {
        /// Draws before this are refused.
        opens_at_ms: Option<u64>,
        /// Draws from this on are refused.
        closes_at_ms: Option<u64>,
    },
}

impl<I> PoolChange<I> {
    /// The same change with the item named otherwise.
    ///
    /// # Errors
    /// What `name` fails with.
    pub fn try_map<J, E>(self, name: impl FnOnce(I) -> Result<J, E>) -> Result<PoolChange<J>, E> {
        Ok(match self {
            Self::Restock { item, units } => PoolChange::Restock {
                item: name(item)?,
                units,
            },
            Self::Weight { item, weight } => PoolChange::Weight {
                item: name(item)?,
                weight,
            },
            Self::Add { item } => PoolChange::Add { item },
            Self::Retire { item } => PoolChange::Retire { item: name(item)? },
            Self::Open => PoolChange::Open,
            Self::Close => PoolChange::Close,
            Self::Window {
                opens_at_ms,
                closes_at_ms,
            } => PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            },
        })
    }
}

/// Why a change to a pool is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The engine has no such pool.
    #[error("the engine has no such pool; register it first")]
    UnknownPool,
    /// The pool has no item of this id.
    #[error("pool \"{pool}\" has no item \"{item}\"; add it first")]
    UnknownItem {
        /// The pool.
        pool: String,
        /// The id.
        item: String,
    },
    /// The item was retired, which is for good.
    #[error("item \"{item}\" of pool \"{pool}\" is retired; add an item with another id")]
    Retired {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
    /// The item never runs out, so its stock cannot grow.
    #[error("item \"{item}\" of pool \"{pool}\" has unlimited stock; there is nothing to restock")]
    Unlimited {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
    /// The stock would be larger than can be counted.
    #[error("item \"{item}\" of pool \"{pool}\" would have had more than {} units; restock fewer", u64::MAX - 1)]
    TooMuchStock {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
    /// The pool closes before it opens.
    #[error("the window of pool \"{pool}\" ends before it begins; swap its ends")]
    Window {
        /// The pool.
        pool: String,
    },
    /// The pool would not be one that can be registered.
    #[error(transparent)]
    Pool(#[from] PoolError),
}
