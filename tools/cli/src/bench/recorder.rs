//! When draws were due, and so how long their answers took.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::report::nanoseconds;

/// Batches that wait for their answers, a lane for each shard, and the latencies of those that came.
///
/// Times are nanoseconds since the run began. The answers of a shard come in the order of
/// submission, so a lane is a queue and no draw has to be looked up.
#[derive(Debug)]
pub(super) struct Recorder {
    lanes: Vec<VecDeque<Sent>>,
    /// Only what was due in here counts: the time before is for warming up, after it nothing is sent.
    window: std::ops::Range<f64>,
    latency_ns: Histogram<u64>,
}

/// Draws of one batch without an answer: evenly spaced in time, or all due at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) count: usize,
    pub(super) due_ns: f64,
    pub(super) step_ns: f64,
}

impl Recorder {
    pub(super) fn new(lanes: usize, window: std::ops::Range<f64>) -> Self {
        Self {
            // Room for single draws in full rings: growing would show as latency.
            lanes: (0..lanes)
                .map(|_| VecDeque::with_capacity(1 << 16))
                .collect(),
            window,
            latency_ns: nanoseconds(),
        }
    }

    pub(super) fn sent(&mut self, lane: usize, sent: Sent) {
        if sent.count > 0 {
            self.lanes[lane].push_back(sent);
        }
    }

    /// The next `count` draws of this lane are answered.
    pub(super) fn answered(&mut self, lane: usize, mut count: usize, now_ns: f64) {
        while let Some(front) = self.lanes[lane].front_mut().filter(|_| count > 0) {
            let taken = count.min(front.count);
            let batch = Sent {
                count: taken,
                ..*front
            };
            count -= taken;
            front.count -= taken;
            front.due_ns += front.step_ns * taken as f64;
            if front.count == 0 {
                self.lanes[lane].pop_front();
            }
            self.record(batch, now_ns);
        }
    }

    /// How many draws have no answer yet.
    pub(super) fn open(&self) -> usize {
        self.lanes.iter().flatten().map(|sent| sent.count).sum()
    }

    pub(super) fn into_latency_ns(self) -> Histogram<u64> {
        self.latency_ns
    }

    fn record(&mut self, batch: Sent, now_ns: f64) {
        if batch.step_ns == 0.0 {
            if self.window.contains(&batch.due_ns) {
                let latency = whole(now_ns - batch.due_ns);
                self.latency_ns
                    .saturating_record_n(latency, batch.count as u64);
            }
            return;
        }
        for index in 0..batch.count {
            let due_ns = batch.due_ns + batch.step_ns * index as f64;
            if self.window.contains(&due_ns) {
                self.latency_ns.saturating_record(whole(now_ns - due_ns));
            }
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "made positive before")]
fn whole(value: f64) -> u64 {
    value.max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_scheduled_time() {
        let mut recorder = Recorder::new(2, 1000.0..5000.0);
        recorder.sent(
            1,
            Sent {
                count: 6,
                due_ns: 0.0,
                step_ns: 1000.0,
            },
        );
        recorder.answered(0, 3, 9000.0);
        assert_eq!(recorder.open(), 6, "another lane has other draws");
        recorder.answered(1, 2, 6000.0);
        recorder.answered(1, 4, 7000.0);
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
    fn a_batch_sent_at_once_has_one_latency() {
        let mut recorder = Recorder::new(1, 0.0..1e9);
        recorder.sent(
            0,
            Sent {
                count: 1000,
                due_ns: 500.0,
                step_ns: 0.0,
            },
        );
        recorder.answered(0, 400, 1500.0);
        recorder.answered(0, 600, 2500.0);
        let latency = recorder.into_latency_ns();
        assert_eq!(latency.count_at(1000), 400);
        assert_eq!(latency.count_at(2000), 600);
    }
}
