//! One system, asked in one way, for a while.

use std::{
    collections::VecDeque,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola_measure::nanoseconds;

use crate::{
    failure::Failure,
    figures::Figures,
    peer::{Answer, Manner, Peer, Stream, System},
    shape::Shape,
    written,
};

/// So long after the end of a run an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long is measured, and how long is not, before that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
}

/// What one caller saw.
struct Seen {
    latency_ns: Histogram<u64>,
    /// From the first to the last measured answer.
    elapsed: Duration,
    /// Draws in all, those before the measurement included.
    draws: u64,
}

/// When a caller measures, and what it saw by now.
struct Watch<'a> {
    from: Instant,
    until: Instant,
    stop: &'a AtomicBool,
    seen: Seen,
}

impl<'a> Watch<'a> {
    fn start(span: Span, stop: &'a AtomicBool) -> Self {
        let from = Instant::now() + span.warmup;
        Self {
            from,
            until: from + span.measured,
            stop,
            seen: Seen {
                latency_ns: nanoseconds(),
                elapsed: Duration::ZERO,
                draws: 0,
            },
        }
    }

    /// Whether the time is not over yet.
    fn goes_on(&self, now: Instant) -> Result<bool, Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(now < self.until)
    }

    /// Takes down answers that came `now` to draws that were asked for, or due, at `asked`.
    fn answered(&mut self, count: usize, asked: Instant, now: Instant) {
        self.seen.draws += count as u64;
        if asked >= self.from {
            let ns = (now - asked).as_nanos() as u64;
            self.seen.latency_ns.saturating_record_n(ns, count as u64);
            self.seen.elapsed = now - self.from;
        }
    }
}

/// Asks a system in one way.
pub(crate) fn measure(
    system: &dyn System,
    shape: Shape,
    batch_max: usize,
    span: Span,
    stop: &AtomicBool,
) -> Result<Figures, Failure> {
    let process = system.process();
    let before = written::bytes(process)?;
    let seen = match shape {
        Shape::Commits {
            callers,
            batch,
            manner,
        } => commits(system, callers, batch, manner, span, stop)?,
        Shape::Window(open) => vec![window(system.stream(batch_max)?, open, span, stop)?],
        Shape::Rate(rate) => vec![at_rate(system.stream(batch_max)?, rate, span, stop)?],
    };
    let bytes = written::bytes(process)?.saturating_sub(before);
    let mut latency_ns = nanoseconds();
    let mut draws_per_second = 0.0;
    for one in &seen {
        latency_ns.add(&one.latency_ns)?;
        draws_per_second +=
            one.latency_ns.len() as f64 / one.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
    }
    if latency_ns.is_empty() {
        return Err(Failure::Failed("not one draw in the time measured".into()));
    }
    let draws: u64 = seen.iter().map(|one| one.draws).sum();
    Ok(Figures::new(
        draws_per_second,
        &latency_ns,
        bytes as f64 / draws as f64,
    ))
}

fn commits(
    system: &dyn System,
    callers: usize,
    batch: usize,
    manner: Manner,
    span: Span,
    stop: &AtomicBool,
) -> Result<Vec<Seen>, Failure> {
    let peers = (0..callers).map(|_| system.connect(manner));
    let peers = peers.collect::<Result<Vec<_>, _>>()?;
    let together = Barrier::new(callers);
    thread::scope(|scope| {
        let work = |peer| {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                commits_of_one(peer, batch, Watch::start(span, stop))
            })
        };
        let threads: Vec<_> = peers.into_iter().map(work).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            let panicked = |_| Err(Failure::Failed("a caller panicked".into()));
            thread.join().unwrap_or_else(panicked)
        };
        threads.into_iter().map(join).collect()
    })
}

fn commits_of_one(
    mut peer: Box<dyn Peer>,
    batch: usize,
    mut watch: Watch<'_>,
) -> Result<Seen, Failure> {
    let mut answers = Vec::with_capacity(batch);
    let mut now = Instant::now();
    while watch.goes_on(now)? {
        let asked = now;
        answers.clear();
        peer.draw_batch(batch, &mut answers)?;
        now = Instant::now();
        watch.answered(all_won(&answers)?, asked, now);
    }
    Ok(watch.seen)
}

/// Keeps so many draws under way.
fn window(
    mut stream: Box<dyn Stream>,
    open_max: usize,
    span: Span,
    stop: &AtomicBool,
) -> Result<Seen, Failure> {
    let mut watch = Watch::start(span, stop);
    let mut answers = Vec::with_capacity(open_max);
    // What was asked for together, and when.
    let mut asked: VecDeque<(usize, Instant)> = VecDeque::new();
    let mut open = 0;
    let mut now = Instant::now();
    while open > 0 || watch.goes_on(now)? {
        if open < open_max && watch.goes_on(now)? {
            let taken = stream.submit(open_max - open)?;
            if taken > 0 {
                open += taken;
                asked.push_back((taken, now));
            }
        }
        answers.clear();
        stream.poll(&mut answers)?;
        now = Instant::now();
        let mut left = all_won(&answers)?;
        open -= left;
        if left == 0 {
            patient(now, watch.until)?;
            thread::yield_now();
        }
        while left > 0 {
            let (count, when) = asked.front_mut().expect("each was asked for");
            let some = left.min(*count);
            watch.answered(some, *when, now);
            left -= some;
            *count -= some;
            if *count == 0 {
                asked.pop_front();
            }
        }
    }
    Ok(watch.seen)
}

/// Asks at fixed times, and counts from them: who is late makes those behind late too.
fn at_rate(
    mut stream: Box<dyn Stream>,
    rate: u64,
    span: Span,
    stop: &AtomicBool,
) -> Result<Seen, Failure> {
    let mut watch = Watch::start(span, stop);
    let begun = Instant::now();
    let due = |draw: u64| begun + Duration::from_nanos(draw * 1_000_000_000 / rate);
    // The first is due at once, the second an interval later.
    let due_by =
        |now: Instant| ((now - begun).as_nanos() * u128::from(rate) / 1_000_000_000) as u64 + 1;
    let all = due_by(watch.until);
    let mut answers = Vec::new();
    let (mut asked, mut answered) = (0, 0);
    while answered < all {
        let now = Instant::now();
        watch.goes_on(now)?;
        let waiting = due_by(now).min(all).saturating_sub(asked);
        if waiting > 0 {
            asked += stream.submit(waiting as usize)? as u64;
        }
        answers.clear();
        stream.poll(&mut answers)?;
        if answers.is_empty() {
            patient(now, watch.until)?;
            thread::yield_now();
            continue;
        }
        let now = Instant::now();
        for _ in 0..all_won(&answers)? {
            watch.answered(1, due(answered), now);
            answered += 1;
        }
    }
    Ok(watch.seen)
}

/// How many were drawn. The pool that is measured has units for all.
fn all_won(answers: &[Answer]) -> Result<usize, Failure> {
    if answers.iter().all(Option::is_some) {
        return Ok(answers.len());
    }
    Err(Failure::Wrong("it says that the pool is empty".into()))
}

fn patient(now: Instant, until: Instant) -> Result<(), Failure> {
    if now.saturating_duration_since(until) < PATIENCE {
        return Ok(());
    }
    let late = format!("draws have no answer after {} s", PATIENCE.as_secs());
    Err(Failure::Failed(late))
}
