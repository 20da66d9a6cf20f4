//! What goes into an engine and what comes out: requests, their ids, completions.

mod ids;

pub(crate) use ids::{RESERVED_AT_MOST, RequestIdLease, RequestIdSource};

use std::fmt;

/// Names a pool of one engine: the shard it lives on and its place there.
///
/// Valid for as long as the data directory lives. Using it with another engine answers
/// [`Outcome::UnknownPool`] or draws from that engine's pool of the same place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(u32);

impl PoolId {
    pub(crate) const INDEX_BITS: u32 = 24;
    /// The most pools one shard may have.
    pub(crate) const POOLS_MAX: usize = 1 << Self::INDEX_BITS;
    /// The most shards one engine may have.
    pub(crate) const SHARDS_MAX: usize = 256;

    pub(crate) fn new(shard: usize, index: u32) -> Self {
        debug_assert!(shard < Self::SHARDS_MAX && (index as usize) < Self::POOLS_MAX);
        Self(((shard as u32) << Self::INDEX_BITS) | index)
    }

    /// The shard that owns the pool.
    pub fn shard(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    /// The pool's place among its shard's pools, as the log names it.
    pub fn index(self) -> u32 {
        self.0 & (Self::POOLS_MAX as u32 - 1)
    }
}

impl fmt::Debug for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolId({}:{})", self.shard(), self.index())
    }
}

/// A request's number: unique in its data directory for ever, and rising across restarts.
pub type RequestId = u64;

/// One draw, asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The pool to draw from.
    pub pool: PoolId,
}

impl From<PoolId> for Request {
    fn from(pool: PoolId) -> Self {
        Self { pool }
    }
}

/// The ids of the accepted part of a batch: consecutive, in the order of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    /// The id of the first accepted request.
    pub first: RequestId,
    /// How many were accepted.
    pub count: usize,
}

/// How a draw ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// One unit of the item at this place of its pool was handed out.
    Item(u32),
    /// The draw hit an item that ran out, in a pool that answers so ([`crate::OnExhausted::NoPrize`]).
    NoPrize,
    /// Nothing is left in the whole pool. The log does not hold it.
    Exhausted,
    /// The engine has no such pool. The log does not hold it.
    UnknownPool,
}

/// The answer to one request. It is given when its record is as durable as the engine was asked to
/// make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The request this answers.
    pub request: RequestId,
    /// The shard that made the draw.
    pub shard: usize,
    /// The record's sequence number in the shard's log; `None` for what the log does not hold.
    pub seq: Option<u64>,
    /// The pool.
    pub pool: PoolId,
    /// What came of it.
    pub outcome: Outcome,
}

/// A request as it lies in a ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSlot {
    pub(crate) request: RequestId,
    pub(crate) pool: PoolId,
}

/// A completion as it lies in a ring: the item, or one of the codes below; seq 0 is "not logged".
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompletionSlot {
    pub(crate) request: RequestId,
    pub(crate) seq: u64,
    pub(crate) pool: PoolId,
    pub(crate) item: u32,
}

impl CompletionSlot {
    pub(crate) const NO_PRIZE: u32 = u32::MAX;
    pub(crate) const EXHAUSTED: u32 = u32::MAX - 1;
    pub(crate) const UNKNOWN_POOL: u32 = u32::MAX - 2;
}

impl From<CompletionSlot> for Completion {
    fn from(slot: CompletionSlot) -> Self {
        Self {
            request: slot.request,
            shard: slot.pool.shard(),
            seq: (slot.seq != 0).then_some(slot.seq),
            pool: slot.pool,
            outcome: match slot.item {
                CompletionSlot::NO_PRIZE => Outcome::NoPrize,
                CompletionSlot::EXHAUSTED => Outcome::Exhausted,
                CompletionSlot::UNKNOWN_POOL => Outcome::UnknownPool,
                item => Outcome::Item(item),
            },
        }
    }
}

impl From<Completion> for CompletionSlot {
    fn from(completion: Completion) -> Self {
        Self {
            request: completion.request,
            seq: completion.seq.unwrap_or(0),
            pool: completion.pool,
            item: match completion.outcome {
                Outcome::Item(item) => item,
                Outcome::NoPrize => Self::NO_PRIZE,
                Outcome::Exhausted => Self::EXHAUSTED,
                Outcome::UnknownPool => Self::UNKNOWN_POOL,
            },
        }
    }
}
