//! Which faults are injected, and what is told about them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The faults a [`SimStorage`](super::SimStorage) injects. Writes are numbered from 1, across all
/// files, also those that fail. Where several faults name one write, the first one counts.
///
/// ```
/// use tombola::storage::sim::FaultPlan;
///
/// let plan = FaultPlan::new().lose_write(3).tear_write(4, 512).delay(5, 42);
/// ```
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    faults: Vec<(u64, Fault)>,
    pub(super) delay_max: u64,
    pub(super) seed: u64,
}

/// What happens to one write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Fail(io::ErrorKind),
    Tear(usize),
    Lose,
    Crash,
    FailFlush,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The n-th write fails with an error of this kind, and nothing of it is written. Later calls
    /// would succeed; [`SimCounts::calls_after_error`] catches a caller that makes any.
    #[must_use]
    pub fn fail_write(self, n: u64, kind: io::ErrorKind) -> Self {
        self.with(n, Fault::Fail(kind))
    }

    /// A power cut in the middle of the n-th write: the first `bytes` of it are written, the file
    /// keeps what it had behind them, and this and every later call fails.
    ///
    /// # Panics
    /// If `bytes` is not a multiple of 512, the least a device writes as a whole.
    #[must_use]
    pub fn tear_write(self, n: u64, bytes: usize) -> Self {
        assert!(
            bytes.is_multiple_of(512),
            "a device does not tear a write after {bytes} bytes"
        );
        self.with(n, Fault::Tear(bytes))
    }

    /// The n-th write is begun, never reaches the file, and never finishes: with a power cut at a
    /// later write, a hole among the writes in flight. A caller that waits for nothing but lost
    /// writes learns of a power cut.
    #[must_use]
    pub fn lose_write(self, n: u64) -> Self {
        self.with(n, Fault::Lose)
    }

    /// A power cut before the n-th write: nothing of it is written, and this and every later call
    /// fails.
    #[must_use]
    pub fn crash_at_write(self, n: u64) -> Self {
        self.with(n, Fault::Crash)
    }

    /// The flush of the n-th write fails: its bytes are in the file, but reaping it reports an
    /// error, once. Reaped again it would be said to be finished, as the kernel does after a failed
    /// fsync; whether its bytes are on the device nobody knows.
    #[must_use]
    pub fn fail_flush(self, n: u64) -> Self {
        self.with(n, Fault::FailFlush)
    }

    /// Every finished write is held back for up to `reaps_max` calls of `reap`, and those that are
    /// due are returned in any order. Both are chosen by the seed. A call that waits passes over
    /// the time until the first is due.
    #[must_use]
    pub fn delay(mut self, reaps_max: u64, seed: u64) -> Self {
        self.delay_max = reaps_max;
        self.seed = seed;
        self
    }

    fn with(mut self, n: u64, fault: Fault) -> Self {
        self.faults.push((n, fault));
        self
    }

    /// What happens to the n-th write.
    pub(super) fn fault(&self, n: u64) -> Option<Fault> {
        let planned = self.faults.iter().find(|(number, _)| *number == n);
        planned.map(|&(_, fault)| fault)
    }
}

/// Tells what has happened in a [`SimStorage`](super::SimStorage), from any thread.
#[derive(Debug, Clone, Default)]
pub struct SimHandle {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) writes: AtomicU64,
    pub(super) finished: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) torn: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) crashes: AtomicU64,
    pub(super) flushes_failed: AtomicU64,
    pub(super) calls_after_error: AtomicU64,
}

/// How often what has happened in a [`SimStorage`](super::SimStorage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SimCounts {
    /// Writes the storage was asked for.
    pub writes: u64,
    /// Writes it has returned as finished.
    pub finished: u64,
    /// Writes it made fail.
    pub failed: u64,
    /// Writes it tore.
    pub torn: u64,
    /// Writes it lost.
    pub lost: u64,
    /// Power cuts, at most one: planned, at a torn write, or when only lost writes were waited for.
    pub crashes: u64,
    /// Flushes it has reported as failed.
    pub flushes_failed: u64,
    /// Calls of `attach`, `write` and `reap` after one of them had returned an error.
    pub calls_after_error: u64,
}

impl SimHandle {
    /// How often what has happened so far.
    pub fn counts(&self) -> SimCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let counters = &self.counters;
        SimCounts {
            writes: read(&counters.writes),
            finished: read(&counters.finished),
            failed: read(&counters.failed),
            torn: read(&counters.torn),
            lost: read(&counters.lost),
            crashes: read(&counters.crashes),
            flushes_failed: read(&counters.flushes_failed),
            calls_after_error: read(&counters.calls_after_error),
        }
    }

    /// Counts one more, and tells how many there are now.
    pub(super) fn count(&self, which: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        which(&self.counters).fetch_add(1, Ordering::AcqRel) + 1
    }
}
