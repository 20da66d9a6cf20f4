//! One client thread of a run.

use std::{num::NonZeroU8, sync::atomic::Ordering};

use hdrhistogram::Histogram;
use tombola::{Client, Completion, Outcome, PoolHandle, Request, config::Moment};

use super::{
    super::{
        acks::Acks,
        answer::refusal,
        pace::Pace,
        patience::Patience,
        tally::{Places, Tally},
        turns::{RUN_MAX, Turns},
    },
    Shared,
};
use crate::failure::Failure;

/// So many answers are taken at once.
const POLL_MAX: usize = 1024;

/// A client and everything it needs, so that it shares nothing on the way of a draw.
pub(super) struct Worker<'a> {
    pub(super) client: Client,
    pub(super) patience: Patience,
    pub(super) pools: &'a [PoolHandle],
    /// How many each request asks for.
    pub(super) several: Option<NonZeroU8>,
    pub(super) places: &'a Places,
    pub(super) shared: &'a Shared<'a>,
    pub(super) turns: Turns,
    pub(super) pace: Pace,
    pub(super) tally: Tally,
    pub(super) acks: Option<Acks<'a>>,
    /// Why nothing more is asked for. What is open is answered, counted and noted all the same.
    pub(super) failure: Option<Failure>,
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
        if let Err(failure) = self.draw() {
            self.fail(failure);
        }
        Ended {
            tally: self.tally,
            latency: self.pace.into_latency(),
            unanswered: self.client.open_requests(),
            failure: self.failure,
        }
    }

    /// Nobody asks for more.
    #[cold]
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.shared.failed.store(true, Ordering::Relaxed);
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let Some(first) = self.pools.first() else {
            return Ok(());
        };
        let mut requests = [Request::from(first); RUN_MAX as usize];
        let mut answers = vec![Completion::default(); POLL_MAX];
        loop {
            let asks = !self.shared.ends();
            let sent = if asks { self.submit(&mut requests)? } else { 0 };
            let polled = self.poll(&mut answers)?;
            if sent > 0 || polled > 0 {
                self.patience.moved();
                continue;
            }
            let more = asks
                && self.turns.current().is_some()
                && self.shared.wanted.load(Ordering::Relaxed) > 0;
            if !more && self.client.open_requests() == 0 {
                return Ok(());
            }
            self.patience.wait(self.client.open_requests())?;
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
        let mut request = Request::from(id);
        if let Some(several) = self.several {
            // Where fewer are left, these are what is wanted still.
            request = request.count(several.get()).partial(true);
        }
        batch.fill(request);
        let now = self.pace.now();
        let submitted = self.client.submit_batch(batch);
        let sent = submitted.as_ref().map_or(0, |ids| ids.count as u64);
        self.shared.give_back(wanted - sent);
        let ids = submitted.map_err(|error| Failure::Failed(error.to_string()))?;
        self.pace.sent(&ids, now);
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
        for run in answers.chunk_by(|one, other| other.request == one.request + 1) {
            let first = run[0].request;
            self.pace.answered(first..first + run.len() as u64, now);
        }
        let mut refused = 0;
        let before = self.tally.draws;
        for answer in answers {
            let pool = self.places.of(answer.pool);
            if !self.tally.count(pool, answer) {
                if answer.outcome != Outcome::Exhausted && self.failure.is_none() {
                    self.fail(self.refused(pool, answer.outcome));
                }
                refused += 1;
                self.turns.ends(pool);
            }
            if let Some(acks) = &mut self.acks {
                acks.add(pool, answer);
            }
        }
        let draws = self.tally.draws - before;
        self.shared.answered.fetch_add(draws, Ordering::Relaxed);
        self.shared.give_back(refused);
        if let Some(Err(failure)) = self.acks.as_mut().map(Acks::write) {
            self.acks = None;
            self.fail(failure);
        }
        Ok(count)
    }

    /// Why a pool that is not sold out gave nothing.
    #[cold]
    fn refused(&self, pool: usize, outcome: Outcome) -> Failure {
        let definition = self.pools[pool].definition();
        let name = &definition.name;
        let moment = |at_ms: Option<u64>| Moment(at_ms.unwrap_or(0));
        Failure::Failed(match outcome {
            Outcome::Closed if definition.is_open => format!(
                "pool \"{name}\" takes no draws since {}; give it a later closes_at with `tombola apply`",
                moment(definition.closes_at_ms)
            ),
            Outcome::Closed => format!(
                "pool \"{name}\" is closed; open it with `tombola apply`, from a file where it has no open = false"
            ),
            Outcome::NotYetOpen => format!(
                "pool \"{name}\" takes no draws before {}; give it an earlier opens_at with `tombola apply`",
                moment(definition.opens_at_ms)
            ),
            outcome => format!(
                "pool \"{name}\" refused a draw: {}",
                refusal(outcome).unwrap_or("?")
            ),
        })
    }
}
