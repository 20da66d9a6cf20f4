//! When draws are due, and how long each took until it was acknowledged.

use std::{collections::VecDeque, num::NonZeroU64, time::Instant};

use hdrhistogram::Histogram;

use crate::report;

/// Of a nanosecond. A power of two, so that dividing by it costs nothing.
const PARTS: u128 = 1 << 20;

/// A client's clock: the schedule, if there is one, and what is under way. What is called a draw
/// here is a request, however many units it asks for.
///
/// The clock is read once for a batch that is sent and once for a batch of answers. With a schedule
/// a draw's time counts from when it was due, not from when it was sent: a stall is charged to every
/// draw that it delayed.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// The time between two draws of this client, in parts of a nanosecond: it need not be whole.
    interval: Option<u128>,
    /// How many draws were sent.
    sent: u64,
    /// For each shard what is under way, in the order in which it is answered.
    under_way: Vec<VecDeque<Batch>>,
    latency: Histogram<u64>,
}

/// Draws that were sent together.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// When they were sent, in nanoseconds since the begin.
    at: u64,
    /// The place of the first of them on the schedule.
    first: u64,
    count: u64,
}

impl Pace {
    /// `rate` is that of the draws of all `clients` together, of which each request asks for
    /// `several`.
    pub(super) fn new(
        begun: Instant,
        rate: Option<NonZeroU64>,
        several: u8,
        clients: usize,
        shards: usize,
    ) -> Self {
        Self {
            begun,
            interval: rate.map(|rate| {
                let second = clients as u128 * u128::from(several) * 1_000_000_000 * PARTS;
                (second / u128::from(rate.get())).max(1)
            }),
            sent: 0,
            under_way: vec![VecDeque::new(); shards],
            latency: report::nanoseconds(),
        }
    }

    /// How many draws may be sent now, at most `most`.
    pub(super) fn due(&self, most: u64) -> u64 {
        let Some(interval) = self.interval else {
            return most;
        };
        let due = u128::from(self.now()) * PARTS / interval + 1;
        (due as u64).saturating_sub(self.sent).min(most)
    }

    /// Nanoseconds since the begin.
    pub(super) fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// `count` draws were sent to a shard; the clock was read before.
    pub(super) fn sent(&mut self, shard: usize, at: u64, count: u64) {
        if count > 0 {
            let first = self.sent;
            self.under_way[shard].push_back(Batch { at, first, count });
            self.sent += count;
        }
    }

    /// A shard answered its next `count` draws, before `now`.
    pub(super) fn answered(&mut self, shard: usize, now: u64, mut count: u64) {
        while count > 0
            && let Some(batch) = self.under_way[shard].front_mut()
        {
            let part = batch.count.min(count);
            match self.interval {
                None => self.latency.saturating_record_n(now - batch.at, part),
                Some(interval) => {
                    for place in batch.first..batch.first + part {
                        let due = (u128::from(place) * interval / PARTS) as u64;
                        self.latency.saturating_record(now.saturating_sub(due));
                    }
                }
            }
            batch.first += part;
            batch.count -= part;
            count -= part;
            if batch.count == 0 {
                self.under_way[shard].pop_front();
            }
        }
    }

    /// The time of every draw that was answered, in nanoseconds.
    pub(super) fn into_latency(self) -> Histogram<u64> {
        self.latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_answered_in_parts() {
        let mut pace = Pace::new(Instant::now(), None, 1, 1, 2);
        pace.sent(0, 100, 3);
        pace.sent(0, 200, 1);
        pace.sent(1, 0, 1);
        pace.answered(0, 300, 2);
        pace.answered(0, 1100, 2);
        pace.answered(1, 7, 1);
        let latency = pace.into_latency();
        let times: Vec<_> = latency
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect();
        assert_eq!(times, [(7, 1), (200, 2), (900, 1), (1000, 1)]);
    }

    #[test]
    fn with_a_schedule_a_stall_is_charged_to_every_draw() {
        // A draw each microsecond; three are sent late together, and answered at 10 us.
        let mut pace = Pace::new(Instant::now(), NonZeroU64::new(1_000_000), 1, 1, 1);
        pace.sent(0, 9_999, 3);
        pace.answered(0, 10_000, 3);
        let latency = pace.into_latency();
        assert_eq!(latency.len(), 3);
        assert!(latency.max().abs_diff(10_000) <= 10);
        assert!(latency.min().abs_diff(8_000) <= 10);
    }
}
