//! Clients that keep their rings full: how many draws a second are answered.

use std::thread;

use tombola::{Client, Outcome, PoolHandle, Request};
use tombola_measure::load::BATCH_MAX;

use crate::{
    case::{Bench, Figures, Meter},
    engines::Opened,
    failure::Failure,
};

/// What each request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// How many draws.
    pub(crate) draws: u8,
    /// Whether it has a key, that no other request has.
    pub(crate) is_keyed: bool,
}

impl Ask {
    /// One draw.
    pub(crate) const SINGLE: Self = Self {
        draws: 1,
        is_keyed: false,
    };

    fn request(self, pool: &PoolHandle, number: u64) -> Request {
        let request = Request::from(pool).count(self.draws);
        if self.is_keyed {
            request.key(u128::from(number))
        } else {
            request
        }
    }
}

/// Keeps the rings of one client full, or of several, each on a thread.
pub(crate) fn saturate(
    bench: &Bench<'_>,
    opened: &Opened,
    clients: usize,
    ask: Ask,
) -> Result<Figures, Failure> {
    let mut clients = (0..clients)
        .map(|_| opened.engine.client())
        .collect::<Result<Vec<_>, _>>()?;
    let requests_per_second = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(index, client)| {
                let first = (index as u64) << 40;
                scope.spawn(move || answered_per_second(bench, client, &opened.pool, ask, first))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a client does not panic"))
            .sum::<Result<f64, Failure>>()
    })?;
    let draws_per_second = requests_per_second * f64::from(ask.draws);
    let mut figures = Figures::from([
        ("draws_per_second", draws_per_second),
        ("draw_ns", 1e9 / draws_per_second),
    ]);
    let stats = opened.engine.stats()?;
    let shard = &stats.shards[0];
    if shard.storage != "none" {
        let bytes_per_draw = shard.bytes as f64 / shard.draws as f64;
        let commit_us = stats.commit_latency_us();
        figures.extend([
            ("bytes_per_draw", bytes_per_draw),
            ("bytes_per_second", bytes_per_draw * draws_per_second),
            (
                "bytes_per_commit",
                shard.bytes as f64 / shard.commits as f64,
            ),
            ("commit_p50_us", commit_us.value_at_quantile(0.5) as f64),
            ("segment_waits", shard.segment_waits as f64),
        ]);
    }
    Ok(figures)
}

/// One client's requests that are answered while it is measured. The clock is read once for each
/// batch.
fn answered_per_second(
    bench: &Bench<'_>,
    client: &mut Client,
    pool: &PoolHandle,
    ask: Ask,
    first: u64,
) -> Result<f64, Failure> {
    let mut batch = [ask.request(pool, first); BATCH_MAX];
    let mut next = first;
    let mut refused = None;
    let mut meter = Meter::start(bench);
    let mut answered = 0;
    let per_second = loop {
        if ask.is_keyed {
            for (request, number) in batch.iter_mut().zip(next..) {
                *request = ask.request(pool, number);
            }
        }
        let taken = client.submit_batch(&batch)?.count as u64;
        next += taken;
        let polled = client.poll_with(|completion| match completion.outcome {
            Outcome::Item(_) | Outcome::Items => {}
            outcome => refused = Some(outcome),
        })? as u64;
        answered += polled;
        if taken + polled == 0 {
            thread::yield_now();
        }
        if let Some(per_second) = meter.per_second(answered) {
            break per_second;
        }
    };
    bench.check()?;
    match refused {
        Some(outcome) => Err(Failure::Failed(format!("a draw was refused: {outcome:?}"))),
        None => Ok(per_second),
    }
}
