//! The run: client threads that keep their rings full, or to a schedule, until the count is reached.

mod client;

use std::{
    num::{NonZeroU8, NonZeroU64},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde::Serialize;
use tombola::{Client, Engine, PoolHandle};

use self::client::{Ended, Worker};
use super::{
    acks::{AckFile, Acks, Endings},
    pace::Pace,
    patience::Patience,
    tally::{Places, Tally},
    turns::Turns,
};
use crate::failure::Failure;

/// What is to be drawn, and how.
pub(crate) struct Plan<'a> {
    /// The pools, which are drawn from in turn.
    pub(crate) pools: &'a [PoolHandle],
    /// How many draws.
    pub(crate) count: u64,
    /// How many each request asks for.
    pub(crate) several: Option<NonZeroU8>,
    /// By how many threads.
    pub(crate) clients: usize,
    /// How many a second; as many as go if it is not given.
    pub(crate) rate: Option<NonZeroU64>,
    /// Where acknowledgements are noted.
    pub(super) acks: Option<&'a AckFile>,
    /// Ends the run early when it is set.
    pub(crate) stop: &'a AtomicBool,
    /// Shows how far it is.
    pub(crate) progress: &'a ProgressBar,
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) tally: Tally,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Nanoseconds until each draw was acknowledged.
    pub(crate) latency: Histogram<u64>,
    /// Nothing was left to draw before the count was reached.
    pub(crate) sold_out: bool,
    /// It was ended early by a signal.
    pub(crate) interrupted: bool,
    /// Requests that have no answer, and will have none.
    pub(crate) unanswered: usize,
    /// What became of the lines, where requests were read from some.
    pub(crate) lines: Option<LineCounts>,
    /// What went wrong first.
    pub(crate) failure: Option<Failure>,
}

/// What became of the lines that requests were read from.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct LineCounts {
    /// Requests that were answered.
    pub(crate) answered: u64,
    /// Of these, what an earlier request with the same key had got.
    pub(crate) replays: u64,
    /// Of these, holds that were confirmed, and requests that were voided.
    pub(crate) settled: u64,
    /// What is no request.
    pub(crate) bad_lines: u64,
}

/// What the clients of a run share.
struct Shared<'a> {
    /// Requests that nobody has sent yet, or that were refused.
    wanted: AtomicU64,
    /// Draws that were acknowledged.
    answered: AtomicU64,
    /// Something went wrong: nobody asks for more.
    failed: AtomicBool,
    stop: &'a AtomicBool,
}

impl Shared<'_> {
    /// Takes up to `most` of the requests that are wanted.
    fn take(&self, most: u64) -> u64 {
        let taken = |wanted: u64| Some(wanted - wanted.min(most));
        // Only the number matters; no other memory depends on it.
        self.wanted
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .map_or(0, |wanted| wanted.min(most))
    }

    /// Puts requests back that could not be sent, or were refused.
    fn give_back(&self, count: u64) {
        if count > 0 {
            self.wanted.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Whether nobody should ask for more.
    fn ends(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }
}

impl Plan<'_> {
    /// Draws. What goes wrong once it has begun is told in the result, beside what was drawn.
    pub(crate) fn run(&self, engine: &Engine) -> Result<Run, Failure> {
        let clients: Vec<Client> = (0..self.clients)
            .map(|_| engine.client())
            .collect::<Result<_, _>>()?;
        let places = Places::new(self.pools);
        let endings = self.acks.map(|_| Endings::new(self.pools));
        let acks = self.acks.zip(endings.as_ref());
        let several = self.several.map_or(1, NonZeroU8::get);
        let requests = self.count.div_ceil(several.into());
        let shared = Shared {
            wanted: AtomicU64::new(requests),
            answered: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            stop: self.stop,
        };
        let share = requests / (self.pools.len() * self.clients) as u64;
        let begun = Instant::now();
        let (ended, endings) = mpsc::channel();
        let results = thread::scope(|scope| {
            for client in clients {
                let ended = ended.clone();
                let worker = Worker {
                    client,
                    patience: Patience::new(engine.config().idle),
                    pools: self.pools,
                    several: self.several,
                    places: &places,
                    shared: &shared,
                    turns: Turns::new(self.pools.len(), share),
                    pace: Pace::new(begun, self.rate, several, self.clients),
                    tally: Tally::new(self.pools),
                    acks: acks.map(|(file, endings)| {
                        Acks::new(file, endings, self.several.map(|_| self.pools))
                    }),
                    failure: None,
                };
                scope.spawn(move || {
                    // The receiver is there until every client has sent its end.
                    let _ = ended.send(worker.run());
                });
            }
            drop(ended);
            self.collect(&endings, &shared)
        });
        Ok(self.sum_up(begun.elapsed(), results))
    }

    /// Waits for the clients and shows how far they are.
    fn collect(&self, endings: &mpsc::Receiver<Ended>, shared: &Shared<'_>) -> Vec<Ended> {
        let mut results = Vec::with_capacity(self.clients);
        loop {
            match endings.recv_timeout(Duration::from_millis(100)) {
                Ok(ended) => results.push(ended),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return results,
            }
            self.progress
                .set_position(shared.answered.load(Ordering::Relaxed));
        }
    }

    fn sum_up(&self, elapsed: Duration, results: Vec<Ended>) -> Run {
        let mut run = Run {
            tally: Tally::new(self.pools),
            elapsed,
            latency: tombola_measure::nanoseconds(),
            sold_out: false,
            interrupted: self.stop.load(Ordering::Relaxed),
            unanswered: 0,
            lines: None,
            failure: None,
        };
        for ended in results {
            run.tally.add(&ended.tally);
            run.latency
                .add(&ended.latency)
                .expect("their bounds are the same");
            run.unanswered += ended.unanswered;
            run.failure = run.failure.or(ended.failure);
        }
        let is_short = run.tally.draws < self.count;
        run.sold_out = is_short && run.failure.is_none() && !run.interrupted;
        run
    }
}
