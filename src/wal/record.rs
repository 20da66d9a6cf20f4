//! What the log holds: everything that changes a shard's state, and nothing else.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::pool::{ItemDefinition, OnExhausted};

/// The item of a draw that answered "no prize".
pub const NO_PRIZE: u32 = u32::MAX;

/// One record of a shard's log. Its sequence number is its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A draw was made.
    Draw(DrawRecord),
    /// A part of a pool's registration; the pool is open for draws once all its parts are there.
    Pool(PoolPart),
    /// Request ids below `upto` may have been handed out. (Shard 0 only.)
    RequestsReserved {
        /// The first id that has not been reserved.
        upto: u64,
    },
}

/// A draw: one unit of an item was taken, or the answer was "no prize".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawRecord {
    /// The pool's place on its shard.
    pub pool: u32,
    /// The item's place in its pool, or [`NO_PRIZE`].
    pub item: u32,
    /// The request that asked for it.
    pub request: u64,
}

/// Some items of a pool that is being registered.
///
/// A large pool does not fit into one block, so its registration is a run of parts. A run that
/// does not reach its end (the process died) is replaced by the next one for the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct PoolPart {
    /// The pool's place on its shard.
    pub pool: u32,
    /// The pool's name.
    pub name: String,
    /// What happens to the weight of an item that ran out.
    pub on_exhausted: OnExhausted,
    /// How many items the whole pool has.
    pub items_total: u32,
    /// The place of the first item of this part.
    pub first_item: u32,
    /// The items of this part.
    pub items: Vec<ItemDefinition>,
}

impl PoolPart {
    /// Encoded, a part is smaller than this in every format.
    pub(crate) const BYTES_MAX: usize = 12 * 1024;

    /// The part of `definition` that begins with item `first`, as large as a part may be.
    pub(crate) fn of(definition: &crate::PoolDefinition, pool: u32, first: usize) -> Self {
        // An id may double when a text format escapes it; the rest of an item stays below 96 bytes.
        let mut budget = Self::BYTES_MAX - 1024;
        let mut fits = |item: &&ItemDefinition| {
            let bytes = 2 * item.id.len() + 96;
            let fits = bytes <= budget;
            budget = budget.saturating_sub(bytes);
            fits
        };
        Self {
            pool,
            name: definition.name.clone(),
            on_exhausted: definition.on_exhausted,
            items_total: definition.items.len() as u32,
            first_item: first as u32,
            items: definition.items[first..]
                .iter()
                .take_while(&mut fits)
                .cloned()
                .collect(),
        }
    }

    /// The place of the item after this part's last.
    pub(crate) fn end(&self) -> usize {
        self.first_item as usize + self.items.len()
    }
}
