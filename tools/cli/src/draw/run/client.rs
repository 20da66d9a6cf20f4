//! One client thread of a run.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola::{Client, Completion, Idle, Outcome, PoolHandle, Request};

use super::{
    super::{
        acks::Acks,
        pace::Pace,
        tally::{Places, Tally},
        turns::{RUN_MAX, Turns},
    },
    Shared,
};
use crate::failure::Failure;

/// So many answers are taken at once.
const POLL_MAX: usize = 1024;
/// How long a client waits for the next answer. Long enough for a slow disk; but an engine whose
/// disk is full waits for space, which may never come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client sleeps that has nothing to do, where the shards sleep too.
const NAP: Duration = Duration::from_micros(50);

/// A client and everything it needs, so that it shares nothing on the way of a draw.
pub(super) struct Worker<'a> {
    pub(super) client: Client,
    pub(super) idle: Idle,
    pub(super) pools: &'a [PoolHandle],
    pub(super) places: &'a Places,
    pub(super) shared: &'a Shared<'a>,
    pub(super) turns: Turns,
    pub(super) pace: Pace,
    pub(super) tally: Tally,
    pub(super) acks: Option<Acks<'a>>,
}

/// How a client ended.
pub(super) struct Ended {
    pub(super) tally: Tally,
    pub(super) latency: Histogram<u64>,
    pub(super) unanswered: usize,
    pub(super) failure: Option<Failure>,
}

impl Worker<'_> {
    pub(super) fn run(mut self) -> Ended {
        let failure = self.draw().err();
        if failure.is_some() {
            self.shared.failed.store(true, Ordering::Relaxed);
        }
        Ended {
            tally: self.tally,
            latency: self.pace.into_latency(),
            unanswered: self.client.open_requests(),
            failure,
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let Some(first) = self.pools.first() else {
            return Ok(());
        };
        let mut requests = [Request::from(first); RUN_MAX as usize];
        let mut answers = vec![Completion::default(); POLL_MAX];
        let mut moved = Instant::now();
        loop {
            let asks = !self.shared.ends();
            let sent = if asks { self.submit(&mut requests)? } else { 0 };
            let polled = self.poll(&mut answers)?;
            if sent > 0 || polled > 0 {
                moved = Instant::now();
                continue;
            }
            let more = asks
                && self.turns.current().is_some()
                && self.shared.wanted.load(Ordering::Relaxed) > 0;
            if !more && self.client.open_requests() == 0 {
                return Ok(());
            }
            let open = self.client.open_requests();
            if open > 0 && moved.elapsed() > PATIENCE {
                return Err(Failure::Failed(format!(
                    "{open} draws are not answered since {} s; the disk may be full or not respond, \
                     see above; run it again once that is mended: it recovers, and the log tells \
                     which of them were made",
                    PATIENCE.as_secs()
                )));
            }
            match self.idle {
                Idle::Park => thread::sleep(NAP),
                Idle::Yield | Idle::Spin => thread::yield_now(),
            }
        }
    }

    /// Asks for what the turn of a pool still has, as far as it is due, wanted, and finds room.
    fn submit(&mut self, requests: &mut [Request]) -> Result<u64, Failure> {
        let Some((pool, left)) = self.turns.current() else {
            return Ok(0);
        };
        let wanted = self.shared.take(self.pace.due(left));
        if wanted == 0 {
            return Ok(0);
        }
        let id = self.pools[pool].id();
        let batch = &mut requests[..wanted as usize];
        batch.fill(id.into());
        let now = self.pace.now();
        let submitted = self.client.submit_batch(batch);
        let sent = submitted.as_ref().map_or(0, |ids| ids.count as u64);
        self.shared.give_back(wanted - sent);
        submitted.map_err(|error| Failure::Failed(error.to_string()))?;
        self.pace.sent(id.shard(), now, sent);
        self.turns.used(sent);
        Ok(sent)
    }

    /// Takes what was answered: its time first, then the counts and the file.
    fn poll(&mut self, answers: &mut [Completion]) -> Result<usize, Failure> {
        let count = self.client.poll(answers)?;
        if count == 0 {
            return Ok(0);
        }
        let answers = &answers[..count];
        let now = self.pace.now();
        for run in answers.chunk_by(|one, other| one.shard == other.shard) {
            self.pace.answered(run[0].shard, now, run.len() as u64);
        }
        let mut refused = 0;
        for answer in answers {
            let pool = self.places.of(answer.pool);
            if !self.tally.count(pool, answer) {
                if answer.outcome != Outcome::Exhausted {
                    let name = &self.pools[pool].definition().name;
                    return Err(Failure::Failed(format!(
                        "the engine does not know pool \"{name}\" any more"
                    )));
                }
                refused += 1;
                self.turns.sold_out(pool);
            }
            if let Some(acks) = &mut self.acks {
                acks.add(pool, answer);
            }
        }
        let draws = count as u64 - refused;
        self.shared.answered.fetch_add(draws, Ordering::Relaxed);
        self.shared.give_back(refused);
        if let Some(acks) = &mut self.acks {
            acks.write()?;
        }
        Ok(count)
    }
}
