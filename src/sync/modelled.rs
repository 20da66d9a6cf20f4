//! What the models run on: `loom`'s atomics and threads, and what `loom` cannot see into built on
//! them, with the orderings that the real one documents, or weaker ones.
//!
//! A model has no time: who parks is woken or stays asleep, and `loom` reports that as a deadlock.

mod arc;
mod atomic;
mod channel;
mod once;
mod planted;
mod queue;
mod ring;

pub(crate) use arc::Arc;
pub(crate) use atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, AtomicWaker, fence};
pub(crate) use channel::{Receiver, SyncSender, sync_channel};
pub(crate) use once::OnceLock;
pub(crate) use planted::{Mistake, explore, explore_with};
pub(crate) use queue::ArrayQueue;
pub(crate) use ring::{Consumer, Producer, PushError, RingBuffer, WriteChunkUninit};

/// Threads of a model.
pub(crate) mod thread {
    use std::time::Duration;

    pub(crate) use loom::thread::{Builder, JoinHandle, Thread, current, park, spawn, yield_now};

    /// Parks until somebody wakes it, however long that takes.
    pub(crate) fn park_timeout(_: Duration) {
        park();
    }

    /// Lets the others go on.
    pub(crate) fn sleep(_: Duration) {
        yield_now();
    }
}
