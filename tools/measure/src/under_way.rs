//! What was sent and has no answer yet.

use std::{collections::VecDeque, ops::Range};

use tombola::{RequestId, RequestIds};

/// Batches that wait for their answers, each with what is known of it.
///
/// The ids of one client rise, and so do those of its batches: an answer finds its batch by its id.
/// Nothing is said about which shard answers: a batch for a pool on all shards goes to several.
#[derive(Debug)]
pub struct UnderWay<T> {
    batches: VecDeque<Batch<T>>,
    /// Requests without an answer.
    open: usize,
}

#[derive(Debug)]
struct Batch<T> {
    first: RequestId,
    count: usize,
    open: usize,
    what: T,
}

impl<T> UnderWay<T> {
    /// With room for so many batches; more make it grow.
    pub fn with_capacity(batches: usize) -> Self {
        Self {
            batches: VecDeque::with_capacity(batches),
            open: 0,
        }
    }

    /// These were sent.
    pub fn sent(&mut self, ids: &RequestIds, what: T) {
        if ids.count > 0 {
            self.batches.push_back(Batch {
                first: ids.first,
                count: ids.count,
                open: ids.count,
                what,
            });
            self.open += ids.count;
        }
    }

    /// Requests with these ids are answered: tells `each` of their batches which places in it they
    /// have.
    pub fn answered(&mut self, ids: Range<RequestId>, mut each: impl FnMut(&T, Range<usize>)) {
        let mut at = self
            .batches
            .partition_point(|batch| batch.end() <= ids.start);
        while let Some(batch) = self.batches.get_mut(at)
            && batch.first < ids.end
        {
            let place = |id: RequestId| (id.clamp(batch.first, batch.end()) - batch.first) as usize;
            let places = place(ids.start)..place(ids.end);
            batch.open -= places.len();
            self.open -= places.len();
            each(&batch.what, places);
            at += 1;
        }
        while self.batches.front().is_some_and(|batch| batch.open == 0) {
            self.batches.pop_front();
        }
    }

    /// How many requests have no answer yet.
    pub fn open(&self) -> usize {
        self.open
    }
}

impl<T> Batch<T> {
    fn end(&self) -> RequestId {
        self.first + self.count as RequestId
    }
}

/// Ids of answers in the order in which they come, as few ranges as they make.
#[derive(Debug, Default)]
pub struct Runs(Vec<Range<RequestId>>);

impl Runs {
    /// The answer to this request came.
    #[inline]
    pub fn add(&mut self, id: RequestId) {
        match self.0.last_mut() {
            Some(run) if run.end == id => run.end += 1,
            _ => self.0.push(id..id + 1),
        }
    }

    /// Takes them out.
    pub fn take(&mut self) -> impl Iterator<Item = Range<RequestId>> + '_ {
        self.0.drain(..)
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
    fn answers_find_their_batches_whichever_shard_gives_them() {
        let mut under_way = UnderWay::with_capacity(0);
        under_way.sent(&ids(10, 4), 'a');
        under_way.sent(&ids(14, 0), 'b');
        under_way.sent(&ids(14, 2), 'c');
        // A new supply of ids.
        under_way.sent(&ids(99, 3), 'd');
        let mut runs = Runs::default();
        // One shard has every second one, the other the rest.
        for id in [11, 13, 14, 100, 10, 12, 15, 99, 101] {
            runs.add(id);
        }
        let mut told = Vec::new();
        for (left, run) in [8, 6, 5, 4, 3, 2, 1, 0].into_iter().zip(runs.take()) {
            under_way.answered(run, |what, places| told.push((*what, places)));
            assert_eq!(under_way.open(), left);
        }
        let expected = [
            ('a', 1..2),
            ('a', 3..4),
            ('c', 0..1),
            ('d', 1..2),
            ('a', 0..1),
            ('a', 2..3),
            ('c', 1..2),
            ('d', 0..1),
            ('d', 2..3),
        ];
        assert_eq!(told, expected);
        assert!(under_way.batches.is_empty());
    }
}
