//! One run of an engine under load, with the device measured before and after.

use std::{
    path::Path,
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola::{Config, Engine, PoolDefinition, Request};
use tombola_measure::{
    DeviceProbe, add,
    load::{self, Answers, Ends, Load, Wait},
    nanoseconds,
};

use crate::failure::Failure;

/// How long the device is measured before a run, and again after it.
const PROBE_MAX: Duration = Duration::from_millis(500);

/// What is run.
#[derive(Debug)]
pub(super) struct Experiment<'a> {
    pub(super) config: &'a Config,
    pub(super) pools: &'a [PoolDefinition],
    pub(super) clients: usize,
    /// Draws a second of all clients together.
    pub(super) rate: Option<f64>,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) answers: Answers,
    pub(super) device_ns: Histogram<u64>,
    pub(super) storage: &'static str,
    pub(super) storage_fallback: Option<String>,
    pub(super) shards: usize,
    /// Groups that became durable, warm-up and end included, and their bytes.
    pub(super) commits: u64,
    pub(super) commit_us: Histogram<u64>,
    pub(super) bytes: u64,
    pub(super) segment_waits: u64,
}

impl Experiment<'_> {
    /// Runs once, with an engine of its own in a new directory below `directory`.
    pub(super) fn run(
        &self,
        directory: &Path,
        probe: &mut DeviceProbe,
        interrupted: &AtomicBool,
    ) -> Result<Measured, Failure> {
        let mut measure_device = || {
            probe
                .measure(PROBE_MAX.min(self.duration))
                .map_err(|error| Failure::io("write to", directory.display(), &error))
        };
        let mut device_ns = measure_device()?;
        let data = tempfile::tempdir_in(directory)
            .map_err(|error| Failure::io("make a directory in", directory.display(), &error))?;
        let measured = self.load(data.path(), interrupted)?;
        data.close()
            .map_err(|error| Failure::io("remove data from", directory.display(), &error))?;
        add(&mut device_ns, &measure_device()?);
        Ok(Measured {
            device_ns,
            ..measured
        })
    }

    fn load(&self, data: &Path, interrupted: &AtomicBool) -> Result<Measured, Failure> {
        let engine = Engine::builder(data).config(self.config.clone()).open()?;
        let pools = self
            .pools
            .iter()
            .map(|pool| engine.register(pool.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let requests: Vec<_> = pools.iter().map(Request::from).collect();
        let mut clients = (0..self.clients)
            .map(|_| engine.client())
            .collect::<Result<Vec<_>, _>>()?;
        let rate = self.rate.map(|rate| rate / self.clients as f64);
        let ends = Ends {
            interrupted,
            sold_out: &AtomicBool::new(false),
        };
        let begun = Instant::now();
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = clients
                .iter_mut()
                .enumerate()
                .map(|(index, client)| {
                    let load = Load {
                        rate,
                        first_due_ns: self.rate.map_or(0.0, |rate| index as f64 * 1e9 / rate),
                        warmup: self.warmup,
                        duration: self.duration,
                        wait: Wait::default(),
                    };
                    let requests = &requests;
                    scope.spawn(move || load::drive(client, requests, load, begun, ends))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a client does not panic"))
                .collect()
        });
        let stats = engine.stats()?;
        drop(clients);
        // Nothing is kept, so it need not be sealed.
        drop(engine);
        let mut answers = answers.into_iter();
        let mut all = answers.next().expect("there is a client")?;
        for one in answers {
            all.join(&one?);
        }
        Ok(Measured {
            answers: all,
            device_ns: nanoseconds(),
            storage: stats.shards[0].storage,
            storage_fallback: stats.shards[0].storage_fallback.clone(),
            shards: stats.shards.len(),
            commit_us: stats.commit_latency_us(),
            commits: stats.shards.iter().map(|shard| shard.commits).sum(),
            bytes: stats.shards.iter().map(|shard| shard.bytes).sum(),
            segment_waits: stats.shards.iter().map(|shard| shard.segment_waits).sum(),
        })
    }
}
