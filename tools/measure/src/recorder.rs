//! When draws were due, and so how long their answers took.

use std::ops::Range;

use hdrhistogram::Histogram;
use tombola::{RequestId, RequestIds};

use crate::{nanoseconds, under_way::UnderWay};

/// The histogram tells one part in so many.
const DIGITS: f64 = 1000.0;

/// Batches that wait for their answers, and the latencies of those that came.
///
/// Times are nanoseconds since the run began.
#[derive(Debug)]
pub(crate) struct Recorder {
    under_way: UnderWay<Sent>,
    /// Only what was due in here counts: the time before is for warming up, after it nothing is sent.
    window: Range<f64>,
    latency_ns: Histogram<u64>,
}

/// When the draws of a batch were due: evenly spaced in time, or all at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) due_ns: f64,
    pub(crate) step_ns: f64,
}

impl Recorder {
    pub(crate) fn new(window: Range<f64>) -> Self {
        Self {
            // Room for single draws in full rings: growing would show as latency.
            under_way: UnderWay::with_capacity(1 << 16),
            window,
            latency_ns: nanoseconds(),
        }
    }

    pub(crate) fn sent(&mut self, ids: &RequestIds, sent: Sent) {
        self.under_way.sent(ids, sent);
    }

    /// The draws with these ids are answered.
    pub(crate) fn answered(&mut self, ids: Range<RequestId>, now_ns: f64) {
        let Self {
            under_way,
            window,
            latency_ns,
        } = self;
        under_way.answered(ids, |sent, places| {
            if sent.step_ns == 0.0 {
                if window.contains(&sent.due_ns) {
                    let latency = whole(now_ns - sent.due_ns);
                    latency_ns.saturating_record_n(latency, places.len() as u64);
                }
                return;
            }
            let mut place = places.start;
            while place < places.end {
                let due_ns = sent.due_ns + sent.step_ns * place as f64;
                let alike = alike(now_ns - due_ns, sent.step_ns).min(places.end - place);
                if window.contains(&due_ns) {
                    latency_ns.saturating_record_n(whole(now_ns - due_ns), alike as u64);
                }
                place += alike;
            }
        });
    }

    /// How many draws have no answer yet.
    pub(crate) fn open(&self) -> usize {
        self.under_way.open()
    }

    pub(crate) fn into_latency_ns(self) -> Histogram<u64> {
        self.latency_ns
    }
}

/// How many draws that were due one after the other have latencies which the histogram cannot tell
/// apart. At millions a second it is several, and recording each would cost more than asking for it.
#[expect(clippy::cast_sign_loss, reason = "made positive before")]
fn alike(latency_ns: f64, step_ns: f64) -> usize {
    (latency_ns / (DIGITS * step_ns)).max(1.0) as usize
}

#[expect(clippy::cast_sign_loss, reason = "made positive before")]
fn whole(value: f64) -> u64 {
    value.max(1.0) as u64
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
    fn latency_counts_from_the_scheduled_time() {
        let mut recorder = Recorder::new(1000.0..5000.0);
        let sent = Sent {
            due_ns: 0.0,
            step_ns: 1000.0,
        };
        recorder.sent(&ids(7, 6), sent);
        assert_eq!(recorder.open(), 6);
        recorder.answered(7..9, 6000.0);
        recorder.answered(9..13, 7000.0);
        assert_eq!(recorder.open(), 0);
        let latency = recorder.into_latency_ns();
        // Due at 1000 and answered at 6000; due at 2000, 3000 and 4000 and answered at 7000. What
        // was due at 0 and at 5000 is outside.
        let expected = [3000, 4000, 5000, 5000];
        assert_eq!(latency.len(), 4);
        for (index, latency_ns) in expected.into_iter().enumerate() {
            let found = latency.value_at_quantile((index as f64 + 1.0) / 4.0);
            assert!(latency.equivalent(found, latency_ns), "{found}");
        }
    }

    #[test]
    fn draws_that_look_alike_are_recorded_together_and_none_is_lost() {
        let mut recorder = Recorder::new(0.0..1e9);
        let sent = Sent {
            due_ns: 0.0,
            step_ns: 50.0,
        };
        recorder.sent(&ids(0, 256), sent);
        recorder.answered(0..256, 400_000.0);
        let latency = recorder.into_latency_ns();
        assert_eq!(latency.len(), 256);
        for (quantile, exact) in [(0.001, 387_250), (0.5, 393_600), (1.0, 400_000)] {
            let found = latency.value_at_quantile(quantile) as f64;
            let share = found / f64::from(exact);
            assert!((0.998..1.002).contains(&share), "{quantile}: {found}");
        }
    }

    #[test]
    fn a_batch_sent_at_once_has_one_latency() {
        let mut recorder = Recorder::new(0.0..1e9);
        let sent = Sent {
            due_ns: 500.0,
            step_ns: 0.0,
        };
        recorder.sent(&ids(0, 1000), sent);
        recorder.answered(0..400, 1500.0);
        recorder.answered(400..1000, 2500.0);
        let latency = recorder.into_latency_ns();
        assert_eq!(latency.count_at(1000), 400);
        assert_eq!(latency.count_at(2000), 600);
    }
}
