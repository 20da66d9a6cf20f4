//! What is measured: a case is one configuration, and a run of it gives figures with names.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola_measure::Latency;

use crate::failure::Failure;

/// What one run gave, by name; units stand at the end of the names.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// Where and how long a case runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
    /// Somebody wants to see the end.
    pub(crate) stop: &'a AtomicBool,
}

impl Bench<'_> {
    /// Whether to go on.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }
}

/// Counts what is answered in the time that is measured.
pub(crate) struct Meter {
    from: Instant,
    until: Instant,
    /// How many were answered when measuring began, and when that was.
    begun: Option<(u64, Instant)>,
}

impl Meter {
    /// The warm-up begins now.
    pub(crate) fn start(bench: &Bench<'_>) -> Self {
        let from = Instant::now() + bench.warmup;
        Self {
            from,
            until: from + bench.measured,
            begun: None,
        }
    }

    /// So many were answered by now. Tells how many a second, once the time is over.
    pub(crate) fn per_second(&mut self, answered: u64) -> Option<f64> {
        let now = Instant::now();
        if now < self.from {
            return None;
        }
        let (before, since) = *self.begun.get_or_insert((answered, now));
        (now >= self.until).then(|| (answered - before) as f64 / (now - since).as_secs_f64())
    }
}

type Run = Box<dyn Fn(&Bench<'_>) -> Result<Figures, Failure>>;

/// One configuration.
pub(crate) struct Case {
    /// Its name, part by part: `saturation/uring/bincode`.
    pub(crate) name: String,
    /// Whether it waits for the device, so that the device is measured beside it.
    pub(crate) is_durable: bool,
    run: Run,
}

impl Case {
    /// A case that waits for no device.
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl Fn(&Bench<'_>) -> Result<Figures, Failure> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            is_durable: false,
            run: Box::new(run),
        }
    }

    /// A case that waits for the device.
    pub(crate) fn durable(
        name: impl Into<String>,
        run: impl Fn(&Bench<'_>) -> Result<Figures, Failure> + 'static,
    ) -> Self {
        Self {
            is_durable: true,
            ..Self::new(name, run)
        }
    }

    pub(crate) fn run(&self, bench: &Bench<'_>) -> Result<Figures, Failure> {
        bench.check()?;
        let figures = (self.run)(bench).map_err(|failure| failure.of(&self.name))?;
        bench.check()?;
        Ok(figures)
    }
}

/// Percentiles of nanoseconds as figures in microseconds.
pub(crate) fn percentiles(ns: &Histogram<u64>) -> Figures {
    let Latency {
        p50,
        p90,
        p99,
        p999,
        max,
    } = Latency::of(ns);
    Figures::from([
        ("p50_us", p50),
        ("p90_us", p90),
        ("p99_us", p99),
        ("p999_us", p999),
        ("max_us", max),
    ])
}
