//! One client at work: as fast as it goes, or on a schedule.

use std::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola::{Client, Outcome, Request, Stopped, SubmitError};

use crate::{
    add,
    recorder::{Recorder, Sent},
    text::counted,
    under_way::Runs,
};

/// Draws in one submission. Larger ones cost no less a draw; they only make the clock coarser.
pub const BATCH_MAX: usize = 256;
/// What is open when the time is over is answered within so long, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client has to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Draws a second on a fixed schedule; `None` keeps the rings full.
    pub rate: Option<f64>,
    /// When the first draw is due: the clients of one run take turns.
    pub first_due_ns: f64,
    /// What is due before this moment is drawn, but not counted.
    pub warmup: Duration,
    /// How long is measured after that.
    pub duration: Duration,
    /// What the client does when there is nothing to do.
    pub wait: Wait,
}

/// What a client does when nothing is due and no answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wait {
    /// It gives its core to whoever else wants it. On a core of its own that costs nothing, and on
    /// a shared one the kernel's workers finish the writes that the answers wait for.
    #[default]
    Yield,
    /// It looks again at once.
    Spin,
    /// It sleeps for some 50 µs.
    Sleep,
}

impl Wait {
    const SLEEP: Duration = Duration::from_micros(50);

    fn wait(self) {
        match self {
            Self::Yield => thread::yield_now(),
            Self::Spin => hint::spin_loop(),
            Self::Sleep => thread::sleep(Self::SLEEP),
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Answers {
    /// Draws that were answered within the measured time.
    pub draws: u64,
    /// Draws that were refused because their pool was sold out.
    pub exhausted: u64,
    /// Draws that were due in the measured time, and that the engine did not take even long after.
    pub unsent: u64,
    /// How long was measured.
    pub seconds: f64,
    /// How long each draw took that was due, or sent, in that time.
    pub latency_ns: Histogram<u64>,
}

impl Answers {
    /// Adds what another client of the same run saw.
    pub fn join(&mut self, other: &Self) {
        self.draws += other.draws;
        self.exhausted += other.exhausted;
        self.unsent += other.unsent;
        self.seconds = self.seconds.max(other.seconds);
        add(&mut self.latency_ns, &other.latency_ns);
    }
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A draw was not taken.
    #[error(transparent)]
    Submit(SubmitError),
    /// The shard has stopped.
    #[error(transparent)]
    Stopped(Stopped),
    /// So many draws had no answer long after the end.
    #[error(
        "no answer to {} within {} s; whether they were made is unknown",
        counted(*.0 as u64, "draw"),
        PATIENCE.as_secs()
    )]
    Unanswered(usize),
    /// A pool is closed, or its window is: there is nothing to measure.
    #[error("a pool refused draws ({0:?})")]
    Refused(Outcome),
}

/// Where the schedule is. A draw is due at its time whatever became of those before it, so that a
/// stall of the engine is felt by every draw that it holds up, and not only by one.
#[derive(Debug)]
struct Schedule {
    next: u64,
    first_due_ns: f64,
    step_ns: Option<f64>,
}

impl Schedule {
    fn new(load: Load) -> Self {
        Self {
            next: 0,
            first_due_ns: load.first_due_ns,
            step_ns: load.rate.map(|rate| 1e9 / rate),
        }
    }

    /// How many draws may be sent now, at most a batch, and when they were due.
    fn due(&self, now_ns: f64) -> (usize, Sent) {
        let Some(step_ns) = self.step_ns else {
            let now = Sent {
                due_ns: now_ns,
                step_ns: 0.0,
            };
            return (BATCH_MAX, now);
        };
        let count = self.due_before(now_ns).min(BATCH_MAX as u64) as usize;
        let due_ns = self.first_due_ns + self.next as f64 * step_ns;
        (count, Sent { due_ns, step_ns })
    }

    /// How many draws were due up to this moment and are not sent; none without a schedule.
    #[expect(clippy::cast_sign_loss, reason = "made positive before")]
    fn due_before(&self, time_ns: f64) -> u64 {
        self.step_ns.map_or(0, |step_ns| {
            let due = ((time_ns - self.first_due_ns) / step_ns + 1.0).max(0.0) as u64;
            due.saturating_sub(self.next)
        })
    }
}

/// What ends a run before its time.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// Somebody wants to see the command end.
    pub interrupted: &'a AtomicBool,
    /// A pool has nothing left; a client that notices tells the others.
    pub sold_out: &'a AtomicBool,
}

impl Ends<'_> {
    fn any(self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.sold_out.load(Ordering::Relaxed)
    }
}

/// Works until the time is over or something ends it, then waits for the answers that are missing.
/// Each batch repeats one of the requests, which take turns.
///
/// # Errors
/// Where a draw is not taken or refused, or has no answer long after the end.
pub fn drive(
    client: &mut Client,
    requests: &[Request],
    load: Load,
    begun: Instant,
    ends: Ends<'_>,
) -> Result<Answers, LoadError> {
    let batches: Vec<_> = requests
        .iter()
        .map(|request| [*request; BATCH_MAX])
        .collect();
    let window_ns = nanoseconds(load.warmup)..nanoseconds(load.warmup + load.duration);
    let mut schedule = Schedule::new(load);
    let mut recorder = Recorder::new(window_ns.clone());
    let mut tally = Tally::default();
    let give_up_ns = window_ns.end + nanoseconds(PATIENCE);
    let mut turn = 0;
    let mut draws = 0;
    let stopped_ns = loop {
        let now_ns = nanoseconds(begun.elapsed());
        // Nothing new is due after the end. What was due before and could not be sent is sent
        // late: leaving it out would hide the longest waits.
        let is_over = now_ns >= window_ns.end && schedule.due_before(window_ns.end) == 0;
        if is_over || now_ns >= give_up_ns || ends.any() {
            break now_ns;
        }
        let (count, due) = schedule.due(now_ns.min(window_ns.end));
        let mut sent = 0;
        if count > 0 {
            let batch = &batches[turn][..count];
            turn = (turn + 1) % batches.len();
            let ids = client.submit_batch(batch).map_err(LoadError::Submit)?;
            sent = ids.count;
            schedule.next += sent as u64;
            recorder.sent(&ids, due);
        }
        let polled = tally.poll(client, &mut recorder, begun)?;
        if window_ns.contains(&now_ns) {
            draws += polled.drawn;
        }
        if polled.exhausted > 0 {
            // Refusals are not what is to be measured.
            ends.sold_out.store(true, Ordering::Relaxed);
        }
        if polled == Polled::default() && sent == 0 {
            load.wait.wait();
        }
    };
    let last = Instant::now();
    while recorder.open() > 0 {
        if tally.poll(client, &mut recorder, begun)? == Polled::default() {
            load.wait.wait();
        }
        if last.elapsed() > PATIENCE {
            return Err(LoadError::Unanswered(recorder.open()));
        }
    }
    let end_ns = stopped_ns.min(window_ns.end);
    Ok(Answers {
        draws,
        exhausted: tally.exhausted,
        unsent: schedule.due_before(end_ns),
        seconds: (end_ns - window_ns.start).max(0.0) / 1e9,
        latency_ns: recorder.into_latency_ns(),
    })
}

/// What one poll brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Polled {
    drawn: u64,
    exhausted: u64,
}

/// What all polls brought.
#[derive(Debug, Default)]
struct Tally {
    /// Filled and emptied by each poll; kept so that it need not grow again.
    answered: Runs,
    exhausted: u64,
}

impl Tally {
    fn poll(
        &mut self,
        client: &mut Client,
        recorder: &mut Recorder,
        begun: Instant,
    ) -> Result<Polled, LoadError> {
        let (mut exhausted, mut refused) = (0, None);
        let runs = &mut self.answered;
        let answered = client
            .poll_with(|completion| {
                runs.add(completion.request);
                match completion.outcome {
                    Outcome::Item(_) | Outcome::Items | Outcome::NoPrize => {}
                    Outcome::Exhausted => exhausted += 1,
                    outcome => refused = Some(outcome),
                }
            })
            .map_err(LoadError::Stopped)?;
        if answered > 0 {
            // One look at the clock for all of them, after the last one was taken.
            let now_ns = nanoseconds(begun.elapsed());
            for ids in runs.take() {
                recorder.answered(ids, now_ns);
            }
        }
        if let Some(outcome) = refused {
            return Err(LoadError::Refused(outcome));
        }
        self.exhausted += exhausted;
        Ok(Polled {
            drawn: answered as u64 - exhausted,
            exhausted,
        })
    }
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: Option<f64>) -> Schedule {
        Schedule::new(Load {
            rate,
            first_due_ns: 500.0,
            warmup: Duration::ZERO,
            duration: Duration::ZERO,
            wait: Wait::Yield,
        })
    }

    #[test]
    fn a_late_client_still_sends_what_was_due_meanwhile() {
        let mut schedule = schedule(Some(1e6));
        assert_eq!(schedule.due(499.0).0, 0);
        assert_eq!(schedule.due(500.0).0, 1);
        schedule.next = 1;
        assert_eq!(schedule.due(1499.0).0, 0);
        let (count, late) = schedule.due(11_600.0);
        assert_eq!((count, late.due_ns), (11, 1500.0));
        assert_eq!(schedule.due(1e9).0, BATCH_MAX);
    }

    #[test]
    fn without_a_rate_everything_is_due_now() {
        let (count, now) = schedule(None).due(7.0);
        assert_eq!((count, now.due_ns, now.step_ns), (BATCH_MAX, 7.0, 0.0));
    }
}
