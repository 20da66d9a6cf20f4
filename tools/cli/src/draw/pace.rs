//! When draws are due, and how long each took until it was acknowledged.

use std::{num::NonZeroU64, ops::Range, time::Instant};

use hdrhistogram::Histogram;
use tombola::{RequestId, RequestIds};

use tombola_measure::under_way::UnderWay;

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
    under_way: UnderWay<Batch>,
    latency: Histogram<u64>,
}

/// Draws that were sent together.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// When they were sent, in nanoseconds since the begin.
    at: u64,
    /// The place of the first of them on the schedule.
    first: u64,
}

impl Pace {
    /// `rate` is that of the draws of all `clients` together, of which each request asks for
    /// `several`.
    pub(super) fn new(
        begun: Instant,
        rate: Option<NonZeroU64>,
        several: u8,
        clients: usize,
    ) -> Self {
        Self {
            begun,
            interval: rate.map(|rate| {
                let second = clients as u128 * u128::from(several) * 1_000_000_000 * PARTS;
                (second / u128::from(rate.get())).max(1)
            }),
            sent: 0,
            under_way: UnderWay::with_capacity(0),
            latency: tombola_measure::nanoseconds(),
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

    /// Draws were sent; the clock was read before.
    pub(super) fn sent(&mut self, ids: &RequestIds, at: u64) {
        let first = self.sent;
        self.under_way.sent(ids, Batch { at, first });
        self.sent += ids.count as u64;
    }

    /// The draws with these ids were answered, before `now`.
    pub(super) fn answered(&mut self, ids: Range<RequestId>, now: u64) {
        let Self {
            interval,
            under_way,
            latency,
            ..
        } = self;
        under_way.answered(ids, |batch, places| match *interval {
            None => latency.saturating_record_n(now - batch.at, places.len() as u64),
            Some(interval) => {
                for place in places {
                    let place = u128::from(batch.first) + place as u128;
                    let due = (place * interval / PARTS) as u64;
                    latency.saturating_record(now.saturating_sub(due));
                }
            }
        });
    }

    /// The time of every draw that was answered, in nanoseconds.
    pub(super) fn into_latency(self) -> Histogram<u64> {
        self.latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(first: RequestId, count: usize) -> RequestIds {
        RequestIds {
            first,
            count,
            shard: 0,
        }
    }

    #[test]
    fn a_batch_is_answered_in_parts() {
        let mut pace = Pace::new(Instant::now(), None, 1, 1);
        pace.sent(&ids(1, 3), 100);
        pace.sent(&ids(4, 1), 200);
        pace.sent(&ids(5, 1), 0);
        pace.answered(1..3, 300);
        pace.answered(3..5, 1100);
        pace.answered(5..6, 7);
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
        let mut pace = Pace::new(Instant::now(), NonZeroU64::new(1_000_000), 1, 1);
        pace.sent(&ids(1, 3), 9_999);
        pace.answered(1..4, 10_000);
        let latency = pace.into_latency();
        assert_eq!(latency.len(), 3);
        assert!(latency.max().abs_diff(10_000) <= 10);
        assert!(latency.min().abs_diff(8_000) <= 10);
    }
}
