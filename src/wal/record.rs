//! What the log holds: everything that changes a shard's state, and nothing else.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::pool::{ItemDefinition, OnExhausted, Placement, PoolChange};

/// The item of a draw that answered "no prize".
pub const NO_PRIZE: u32 = u32::MAX;

/// One record of a shard's log. Its sequence number is its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A draw was made.
    Draw(DrawRecord),
    /// Draws were made together, for one request: with a count, a key or a hold.
    Draws(Box<DrawsRecord>),
    /// A hold ended.
    Settled(SettledRecord),
    /// What a request had been handed out came back.
    Voided(VoidedRecord),
    /// Units went to another shard, or are on their way there.
    Sent(TransferRecord),
    /// Units came from another shard.
    Received(TransferRecord),
    /// What was sent to another shard up to this number has come there.
    Delivered {
        /// The other shard.
        peer: u32,
        /// The last number that has come there.
        upto: u64,
    },
    /// An item of a pool on all shards ran out, or came back. (The pool's home shard only.)
    Availability(AvailabilityRecord),
    /// A part of a pool's registration; the pool is open for draws once all its parts are there.
    Pool(PoolPart),
    /// A part of a change to a pool; the change happens with its last part.
    Changed(ChangedPart),
    /// From here on so much is remembered.
    Remember(Remember),
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

impl DrawRecord {
    /// Stands where a draw is going to be.
    pub const NOTHING: Self = Self {
        pool: 0,
        item: NO_PRIZE,
        request: 0,
    };
}

/// Draws that were made together, for one request: all of them happened, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
pub struct DrawsRecord {
    /// The request that asked for them.
    pub request: u64,
    /// The pool's place on its shard.
    pub pool: u32,
    /// How many were asked for.
    pub asked: u8,
    /// When, in milliseconds since 1970; never less than in the record before.
    pub at_ms: u64,
    /// Until when the units are held; `None` if they were handed out.
    pub held_until_ms: Option<u64>,
    /// The caller's key.
    #[serde(with = "super::format::hex::optional")]
    pub key: Option<u128>,
    /// The items' places in the pool, in the order of the draws; [`NO_PRIZE`] for none.
    #[serde(with = "super::format::prizes")]
    pub items: Vec<u32>,
}

impl DrawsRecord {
    /// Encoded, a record of so many draws takes no more in any format.
    pub fn bytes_max(count: u8) -> usize {
        384 + 12 * usize::from(count)
    }
}

/// How a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The units were handed out.
    Confirmed,
    /// The units were given back.
    Voided,
    /// Nobody said anything in time; the units were given back.
    Expired,
}

/// A hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct SettledRecord {
    /// The request that holds.
    pub request: u64,
    /// How it ended.
    pub how: Settlement,
}

/// What a request had been handed out came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct VoidedRecord {
    /// The request.
    pub request: u64,
    /// The pool's place on its shard.
    pub pool: u32,
    /// The items' places in the pool; [`NO_PRIZE`] where there was none.
    #[serde(with = "super::format::prizes")]
    pub items: Vec<u32>,
}

/// Some of the changes to a pool that happen together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ChangedPart {
    /// The pool's place on its shard.
    pub pool: u32,
    /// Whether this is the first part: what an unfinished run left behind is gone.
    pub is_first: bool,
    /// Whether this is the last part, with which all of them happen.
    pub is_last: bool,
    /// The changes, items by their places.
    pub changes: Vec<PoolChange<u32>>,
}

/// Units that move between shards, in a pool that lives on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct TransferRecord {
    /// The other shard.
    pub peer: u32,
    /// Counts what goes from one shard to the other, from 1 on. What comes twice is known by it.
    pub number: u64,
    /// The pool's place, the same on all shards.
    pub pool: u32,
    /// The item's place in the pool.
    pub item: u32,
    /// How many units.
    pub units: u64,
}

/// Whether any shard has units of an item, in a pool that lives on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct AvailabilityRecord {
    /// The pool's place, the same on all shards.
    pub pool: u32,
    /// The item's place in the pool.
    pub item: u32,
    /// Whether it can be drawn from here on.
    pub in_stock: bool,
}

/// How much a shard remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
pub struct Remember {
    /// The most keys.
    pub keys: u64,
    /// How long a key is remembered at least, unless there are more of them; 0 is for ever.
    pub keys_for_ms: u64,
    /// The most holds that have ended and requests that were voided.
    pub settled: u64,
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
    /// Where it lives.
    pub placement: Placement,
    /// Whether it takes draws.
    pub is_open: bool,
    /// When draws begin, in milliseconds since 1970.
    pub opens_at_ms: Option<u64>,
    /// When draws end.
    pub closes_at_ms: Option<u64>,
    /// How many items the whole pool has.
    pub items_total: u32,
    /// The place of the first item of this part.
    pub first_item: u32,
    /// The items of this part.
    pub items: Vec<ItemDefinition>,
}

/// Encoded, a part of a run of records is smaller than this in every format.
const PART_BYTES_MAX: usize = 12 * 1024;

/// What an item takes at most: an id may double when a text format escapes it.
fn item_bytes_max(id: &str) -> usize {
    2 * id.len() + 96
}

impl ChangedPart {
    /// The part of `changes` that begins with the change `first`, as large as a part may be.
    pub(crate) fn of(changes: &[PoolChange<u32>], pool: u32, first: usize) -> Self {
        let mut budget = PART_BYTES_MAX - 1024;
        let fits = changes[first..].iter().take_while(|change| {
            let bytes = match change {
                PoolChange::Add { item } => item_bytes_max(&item.id) + 32,
                _ => 128,
            };
            let fits = bytes <= budget;
            budget = budget.saturating_sub(bytes);
            fits
        });
        let changes_here: Vec<_> = fits.cloned().collect();
        Self {
            pool,
            is_first: first == 0,
            is_last: first + changes_here.len() == changes.len(),
            changes: changes_here,
        }
    }
}

impl PoolPart {
    /// The part of `definition` that begins with item `first`, as large as a part may be.
    pub(crate) fn of(definition: &crate::PoolDefinition, pool: u32, first: usize) -> Self {
        let mut budget = PART_BYTES_MAX - 1024;
        let mut fits = |item: &ItemDefinition<&str>| {
            let bytes = item_bytes_max(item.id);
            let fits = bytes <= budget;
            budget = budget.saturating_sub(bytes);
            fits
        };
        Self {
            pool,
            name: definition.name.clone(),
            on_exhausted: definition.on_exhausted,
            placement: definition.placement,
            is_open: definition.is_open,
            opens_at_ms: definition.opens_at_ms,
            closes_at_ms: definition.closes_at_ms,
            items_total: definition.items.len() as u32,
            first_item: first as u32,
            items: definition
                .items
                .iter()
                .skip(first)
                .take_while(&mut fits)
                .map(ItemDefinition::from)
                .collect(),
        }
    }

    /// The place of the item after this part's last.
    pub(crate) fn end(&self) -> usize {
        self.first_item as usize + self.items.len()
    }
}
