//! What goes into an engine and what comes out: requests, their ids, completions.

mod completion;
mod ids;
mod slots;

pub use completion::{Completion, Outcome};
pub(crate) use ids::{RESERVED_AT_MOST, RequestIdLease, RequestIdSource};

pub(crate) use slots::{Asked, CompletionSlot, RequestSlot, Shape};

use std::fmt;

/// Names a pool of one engine: the shard it lives on and its place there.
///
/// Valid for as long as the data directory lives. Using it with another engine answers
/// [`Outcome::UnknownPool`] or draws from that engine's pool of the same place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(u32);

impl PoolId {
    pub(crate) const INDEX_BITS: u32 = 23;
    const ON_ALL_SHARDS: u32 = 1 << Self::INDEX_BITS;
    /// The most pools one shard may have.
    pub(crate) const POOLS_MAX: usize = 1 << Self::INDEX_BITS;
    /// The most shards one engine may have.
    pub(crate) const SHARDS_MAX: usize = 256;

    pub(crate) fn new(shard: usize, index: u32) -> Self {
        debug_assert!(shard < Self::SHARDS_MAX && (index as usize) < Self::POOLS_MAX);
        Self(((shard as u32) << (Self::INDEX_BITS + 1)) | index)
    }

    /// The same place on all shards; this one keeps what the others have not got.
    pub(crate) fn on_all_shards(home: usize, index: u32) -> Self {
        Self(Self::new(home, index).0 | Self::ON_ALL_SHARDS)
    }

    /// The shard that owns the pool; of a pool on all shards, the one that keeps what the others
    /// have not got.
    pub fn shard(self) -> usize {
        (self.0 >> (Self::INDEX_BITS + 1)) as usize
    }

    /// Whether the pool lives on all shards.
    pub fn is_on_all_shards(self) -> bool {
        self.0 & Self::ON_ALL_SHARDS != 0
    }

    /// Whether requests for both go the same way.
    pub(crate) fn goes_with(self, other: Self) -> bool {
        self.0 >> Self::INDEX_BITS == other.0 >> Self::INDEX_BITS
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

/// Draws from one pool, asked for.
///
/// Made from a [`PoolId`] or a [`PoolHandle`](crate::PoolHandle) it is one draw. The methods ask for
/// more:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use tombola::{Engine, PoolDefinition, Request};
///
/// let engine = Engine::in_memory().open()?;
/// let pool = engine.register(PoolDefinition::new("banner").unlimited("dust", 1))?;
/// let mut client = engine.client()?;
/// let ten = Request::from(&pool).count(10).key(0x1f);
/// let first = client.draw(ten, Duration::from_secs(10))?;
/// let again = client.draw(ten, Duration::from_secs(10))?;
/// assert!(again.is_replay() && !first.is_replay());
/// assert!(again.items().eq(first.items()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The pool to draw from.
    pub pool: PoolId,
    shape: Shape,
    hold_ms: u64,
    key: u128,
}

/// The most draws one request may ask for.
pub const COUNT_MAX: u8 = 100;

impl Request {
    /// Asks for so many draws, 1 (the default) to [`COUNT_MAX`]: one after the other without
    /// putting anything back, answered by one completion, and in the log all or none.
    #[must_use]
    pub fn count(mut self, count: u8) -> Self {
        self.shape = self.shape.with_count(count);
        self
    }

    /// When fewer units are left than draws were asked for: `true` hands out what there is,
    /// `false` (the default) refuses the whole request with [`Outcome::TooFew`].
    #[must_use]
    pub fn partial(mut self, partial: bool) -> Self {
        self.shape = self.shape.with(Shape::PARTIAL, partial);
        self
    }

    /// Gives the request a key of the caller's. Another request with the same key, pool and count
    /// is answered with what the first one got, and [`Completion::is_replay`] says so.
    ///
    /// While a key is remembered, a request for another pool of the same shard, or with another
    /// count, is refused with [`Outcome::KeyConflict`]. (A shard remembers the keys of its own pools;
    /// for a pool of another shard the same key is another key.) A refusal is not remembered: asked
    /// again, it may be answered otherwise.
    ///
    /// What is remembered is bounded, see [`remember_keys`](crate::Config::remember_keys) and
    /// [`remember_for`](crate::Config::remember_for). **A key that was forgotten cannot be told apart
    /// from a new one: it is drawn for again**, and remembered as new. So send a key again only
    /// while it is sure to be remembered, or say that it is a [`retry`](Self::retry).
    #[must_use]
    pub fn key(mut self, key: u128) -> Self {
        self.shape = self.shape.with(Shape::KEY, true);
        self.key = key;
        self
    }

    /// Says that this key may have been sent before. Without a key it means nothing.
    ///
    /// | the key | no key was ever forgotten by the shard | some key was |
    /// |---|---|---|
    /// | is remembered | what it got | what it got |
    /// | was answered and is forgotten | | [`Outcome::Forgotten`] |
    /// | never arrived, or was refused | drawn for: it is new for certain | [`Outcome::Forgotten`] |
    ///
    /// In the second column the last two cannot be told apart, so nothing is drawn in either;
    /// whether the first attempt was answered is to be found in the log, by its key, as far as that
    /// reaches back. A shard keeps in mind for good that it has forgotten a key, through snapshots
    /// and restarts. The one thing it does not know of are keys in a part of the log that was given
    /// up with `recover --accept-loss`: these are new to it.
    #[must_use]
    pub fn retry(mut self, retry: bool) -> Self {
        self.shape = self.shape.with(Shape::RETRY, retry);
        self
    }

    /// Only reserves what is drawn: it is handed out when it is [confirmed](crate::Engine::confirm),
    /// and returns to stock when it is [voided](crate::Engine::void) or after this time: whole
    /// milliseconds, rounded up, from 1 ms to ten years (3 660 days). A request with another time
    /// is not taken ([`SubmitError::Mistake`](crate::SubmitError::Mistake)).
    #[must_use]
    pub fn hold_for(mut self, time: std::time::Duration) -> Self {
        self.shape = self.shape.with(Shape::HOLD, true);
        self.hold_ms = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        self
    }

    /// What is wrong with it, whatever the engine.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        if !(1..=COUNT_MAX).contains(&self.shape.count()) {
            Some("its count is not 1 to 100")
        } else if self.shape.has(Shape::HOLD) && !(1..=HOLD_MS_MAX).contains(&self.hold_ms) {
            Some("its hold is not 1 ms to 10 years")
        } else {
            None
        }
    }
}

/// The longest hold: ten years.
const HOLD_MS_MAX: u64 = 10 * 366 * 24 * 60 * 60 * 1000;

impl From<PoolId> for Request {
    #[inline]
    fn from(pool: PoolId) -> Self {
        Self {
            pool,
            shape: Shape::PLAIN,
            hold_ms: 0,
            key: 0,
        }
    }
}

/// Why a request was refused, as its completion says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// See [`Outcome::Exhausted`].
    Exhausted,
    /// See [`Outcome::TooFew`].
    TooFew,
    /// See [`Outcome::UnknownPool`].
    UnknownPool,
    /// See [`Outcome::Closed`].
    Closed,
    /// See [`Outcome::NotYetOpen`].
    NotYetOpen,
    /// See [`Outcome::KeyConflict`].
    KeyConflict,
    /// See [`Outcome::Forgotten`].
    Forgotten,
    /// See [`Outcome::TooManyHolds`].
    TooManyHolds,
    /// See [`Outcome::Unavailable`].
    Unavailable,
}

/// The ids of the accepted part of a batch: consecutive, in the order of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    /// The id of the first accepted request.
    pub first: RequestId,
    /// How many were accepted.
    pub count: usize,
    /// The shard to which the last of them went; that of all of them if they are for one pool which
    /// lives on one shard. Those for a pool on all shards may have gone to several.
    pub shard: usize,
}
