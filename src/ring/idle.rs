//! What a thread does while there is nothing to do.

use std::{hint, sync::atomic::Ordering, time::Duration};

use crate::{
    config::Idle,
    sync::{
        AtomicBool, OnceLock, fence,
        thread::{self, Thread},
    },
};

/// A shard's sleep, and what wakes it from it.
#[derive(Debug)]
pub(crate) struct Sleeper {
    idle: Idle,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Sleeper {
    /// However lost a wake-up might be, a parked shard looks again after so long.
    const SLEEP_MAX: Duration = Duration::from_millis(50);

    pub(crate) fn new(idle: Idle) -> Self {
        Self {
            idle,
            asleep: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    /// The calling thread is the one that sleeps here.
    pub(crate) fn moves_in(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Nothing to do. `busy_elsewhere` forbids a sleep: something is on its way that will not wake
    /// this thread. `look` looks once more, after the sleep was announced, for what could be done.
    #[inline]
    pub(crate) fn rest(&self, busy_elsewhere: bool, look: impl FnOnce() -> bool) {
        match self.idle {
            Idle::Spin => hint::spin_loop(),
            Idle::Park if !busy_elsewhere => {
                self.asleep.store(true, Ordering::Relaxed);
                // Pairs with the fence in `wake`: either this thread sees the request that was
                // pushed before that fence, or the other sees `asleep`.
                fence(Ordering::SeqCst);
                if look() {
                    // What is there may be nothing that can be done now: requests while the
                    // disk is full, or of a client that does not take its answers.
                    thread::yield_now();
                } else {
                    thread::park_timeout(Self::SLEEP_MAX);
                }
                self.asleep.store(false, Ordering::Relaxed);
            }
            Idle::Yield | Idle::Park => thread::yield_now(),
        }
    }

    /// Whether the thread may give its core away at all.
    #[inline]
    pub(crate) fn may_sleep(&self) -> bool {
        self.idle != Idle::Spin
    }

    /// Something was pushed for the sleeper. Costs nothing unless it parks.
    #[inline]
    pub(crate) fn wake(&self) {
        if self.idle == Idle::Park {
            fence(Ordering::SeqCst);
            if self.asleep.load(Ordering::Relaxed)
                && let Some(thread) = self.thread.get()
            {
                thread.unpark();
            }
        }
    }
}

/// A client's waiting: first it looks again at once, then it gives its core away, and with
/// [`Idle::Park`] it sleeps after a while.
#[derive(Debug)]
pub(crate) struct Backoff {
    idle: Idle,
    rounds: u32,
}

impl Backoff {
    const SPINS: u32 = 64;
    const YIELDS: u32 = 512;
    const SLEEP: Duration = Duration::from_micros(50);

    pub(crate) fn new(idle: Idle) -> Self {
        Self { idle, rounds: 0 }
    }

    /// Whether it still looks again at once, every few nanoseconds: too short a time to ask the clock.
    #[inline]
    pub(crate) fn spins(&self) -> bool {
        !self.rounds.is_multiple_of(Self::SPINS)
            && (self.rounds < Self::SPINS || self.idle == Idle::Spin)
    }

    #[inline]
    pub(crate) fn wait(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        if self.rounds < Self::SPINS || self.idle == Idle::Spin {
            hint::spin_loop();
        } else if self.rounds < Self::YIELDS || self.idle == Idle::Yield {
            thread::yield_now();
        } else {
            thread::sleep(Self::SLEEP);
        }
    }
}
