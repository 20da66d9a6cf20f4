//! What an engine asks of a shard besides draws, and what a shard tells everybody about itself.

use std::sync::{Arc, atomic::Ordering};

use super::{desk::Job, partition::OddsPart};
use crate::{
    error::{Error, Stopped},
    pool::PoolDefinition,
    ring::{Reply, ShardEnd, Sleeper},
    stats::ShardStats,
    sync::{ArrayQueue, AtomicBool, AtomicU8, OnceLock, fence},
};

/// A control request.
#[derive(Debug)]
pub(crate) enum Control {
    /// A client has come.
    Client { index: usize, end: ShardEnd },
    /// Do something that ends as a record.
    Do(Job),
    /// Tell where a pool is, or would go.
    Look {
        name: String,
        reply: Reply<Standpoint>,
    },
    /// Tell a pool's odds.
    Odds {
        pool: u32,
        reply: Reply<Option<OddsPart>>,
    },
    /// Tell how it goes.
    Stats { reply: Reply<ShardStats> },
    /// Seal the open segment; answered with the number of the last sealed one, when that is durable.
    Seal { reply: Reply<u64> },
    /// Answered when the others can know what this shard did before.
    Fence { reply: Reply<()> },
    /// Take no new requests; answered when all that can be answered are.
    Drain { reply: Reply<()> },
    /// End, without sealing anything.
    Halt,
}

/// A pool that a shard has.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) place: u32,
    pub(crate) registered: Arc<PoolDefinition>,
    pub(crate) current: PoolDefinition,
}

/// What a shard knows of a pool.
#[derive(Debug)]
pub(crate) struct Standpoint {
    /// The pool, if it is registered.
    pub(crate) pool: Option<Known>,
    /// Where the next pool goes.
    pub(crate) free_place: u32,
    /// A pool on all shards has to have a place before this one.
    pub(crate) places_max: usize,
}

/// A shard as the other threads know it.
#[derive(Debug)]
pub(crate) struct ShardHandle {
    pub(crate) inbox: ArrayQueue<Control>,
    pub(crate) sleeper: Sleeper,
    state: AtomicU8,
    failure: OnceLock<Stopped>,
    /// Its thread takes nothing out of the inbox any more.
    is_gone: AtomicBool,
}

const RUNNING: u8 = 0;
/// No new requests, but answers.
const DRAINING: u8 = 1;
const CLOSED: u8 = 2;
const FAILED: u8 = 3;

/// Control requests that may wait.
const INBOX_SLOTS: usize = 2048;

impl ShardHandle {
    pub(crate) fn new(sleeper: Sleeper) -> Self {
        let inbox = ArrayQueue::new(INBOX_SLOTS);
        Self {
            inbox,
            sleeper,
            state: AtomicU8::new(RUNNING),
            failure: OnceLock::new(),
            is_gone: AtomicBool::new(false),
        }
    }

    /// Asks for something.
    pub(crate) fn send(&self, control: Control) -> Result<(), Error> {
        self.inbox.push(control).map_err(|_| Error::Busy)?;
        self.sleeper.wake();
        // Pairs with the fence in `close`: either this thread sees that the other is gone, or that
        // one finds what was pushed when it empties the inbox.
        fence(Ordering::SeqCst);
        if self.is_gone.load(Ordering::Relaxed) {
            self.empty_inbox();
        }
        Ok(())
    }

    /// The thread is gone: who waits for a reply learns it, because that is dropped.
    fn empty_inbox(&self) {
        while self.inbox.pop().is_some() {}
    }

    /// Why the shard takes no more draws, if it does not.
    #[inline]
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        // Acquire: who sees the state also sees the reason, and every completion published before.
        match self.state.load(Ordering::Acquire) {
            RUNNING => None,
            state => self.reason(state),
        }
    }

    /// Why the shard answers no more either, if it does not.
    pub(crate) fn over(&self) -> Option<Stopped> {
        // One look, see `stopped`: by a second one it may have begun to drain.
        match self.state.load(Ordering::Acquire) {
            RUNNING | DRAINING => None,
            state => self.reason(state),
        }
    }

    fn reason(&self, state: u8) -> Option<Stopped> {
        if state == FAILED {
            self.failure.get().cloned()
        } else {
            Some(Stopped::Closed)
        }
    }

    /// The shard takes no more draws because the engine closes.
    pub(crate) fn drain(&self) {
        // A failed shard stays a failed shard.
        let _ =
            self.state
                .compare_exchange(RUNNING, DRAINING, Ordering::Release, Ordering::Relaxed);
    }

    /// The shard is gone.
    pub(crate) fn close(&self) {
        let close = |state| (state != FAILED).then_some(CLOSED);
        // Release: see `stopped`.
        let _ = self
            .state
            .fetch_update(Ordering::Release, Ordering::Relaxed, close);
        self.is_gone.store(true, Ordering::Relaxed);
        // See `send`.
        fence(Ordering::SeqCst);
        self.empty_inbox();
    }

    /// The shard takes no more draws because something failed.
    pub(crate) fn fail(&self, shard: usize, reason: String) {
        let _ = self.failure.set(Stopped::Failed { shard, reason });
        self.state.store(FAILED, Ordering::Release);
    }
}
