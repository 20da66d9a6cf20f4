//! A producer that writes ahead of what its consumer may see.
//!
//! A completion is written into its ring slot when the draw is made, and published when its record
//! is durable. So there is no second copy, and nothing else to bound.
#![allow(unsafe_code)]

use crate::sync::{Producer, WriteChunkUninit};

/// The producing end of an SPSC ring whose newest values are not visible yet.
#[derive(Debug)]
pub struct StagedProducer<T: Copy> {
    producer: Producer<T>,
    /// So many slots after the published ones are written.
    staged: usize,
    /// How many values were staged, and how many published, since the beginning.
    staged_total: u64,
    published_total: u64,
}

impl<T: Copy> StagedProducer<T> {
    /// Takes the producing end of a ring whose consumer is elsewhere.
    pub fn new(producer: Producer<T>) -> Self {
        Self {
            producer,
            staged: 0,
            staged_total: 0,
            published_total: 0,
        }
    }

    /// How many more values can be staged.
    pub fn room(&mut self) -> usize {
        self.producer.slots() - self.staged
    }

    /// How many values were staged since the beginning.
    pub fn staged_total(&self) -> u64 {
        self.staged_total
    }

    /// Whether the consumer is gone.
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// Stages what `next` gives, up to `limit` values, until it gives `None`; returns how many.
    ///
    /// # Panics
    /// If `limit` is above [`room`](Self::room).
    #[inline]
    pub fn stage(&mut self, limit: usize, mut next: impl FnMut() -> Option<T>) -> usize {
        let mut chunk = self
            .producer
            .write_chunk_uninit(self.staged + limit)
            .expect("no more is staged than there is room for");
        let (first, second) = chunk.as_mut_slices();
        let skipped = self.staged.min(first.len());
        let slots = first[skipped..]
            .iter_mut()
            .chain(&mut second[self.staged - skipped..]);
        let mut count = 0;
        for slot in slots {
            let Some(value) = next() else { break };
            slot.write(value);
            count += 1;
        }
        // The chunk is dropped without a commit: the values stay in their slots, unseen.
        self.staged += count;
        self.staged_total += count as u64;
        count
    }

    /// Begins to stage values one by one, up to `limit` of them.
    ///
    /// # Panics
    /// If `limit` is above [`room`](Self::room).
    #[inline]
    pub(crate) fn begin(&mut self, limit: usize) -> Staging<'_, T> {
        let end = self.staged + limit;
        let chunk = self.producer.write_chunk_uninit(end);
        Staging {
            chunk: chunk.expect("no more is staged than there is room for"),
            end,
            staged: &mut self.staged,
            staged_total: &mut self.staged_total,
        }
    }

    /// Lets the consumer see everything up to the `total`th value since the beginning.
    ///
    /// # Panics
    /// If so many were never staged.
    pub fn publish_upto(&mut self, total: u64) {
        let count = total.saturating_sub(self.published_total) as usize;
        if count == 0 {
            return;
        }
        assert!(count <= self.staged, "only what is staged can be published");
        let chunk = self
            .producer
            .write_chunk_uninit(count)
            .expect("staged slots are free slots");
        // SAFETY: the chunk begins at the first unpublished slot. `stage` and `Staging` have initialised `staged`
        // slots from there on, at least `count`, and since then nothing else has written to the
        // ring: only this type has its producer, and the consumer never touches free slots.
        unsafe { chunk.commit(count) };
        self.staged -= count;
        self.published_total += count as u64;
    }
}

/// Values are being staged.
#[derive(Debug)]
pub(crate) struct Staging<'a, T: Copy> {
    // It is dropped without a commit: the values stay in their slots, unseen.
    chunk: WriteChunkUninit<'a, T>,
    end: usize,
    staged: &'a mut usize,
    staged_total: &'a mut u64,
}

impl<T: Copy> Staging<'_, T> {
    /// How many more values can be staged.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.end - *self.staged
    }

    /// Stages one.
    ///
    /// # Panics
    /// If there is no [`room`](Self::room).
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        let at = *self.staged;
        let (first, second) = self.chunk.as_mut_slices();
        let slot = match at.checked_sub(first.len()) {
            None => &mut first[at],
            Some(at) => &mut second[at],
        };
        slot.write(value);
        *self.staged += 1;
        *self.staged_total += 1;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a queue and a counter: what is staged is unseen, what is published comes in order.
        #[test]
        fn behaves_like_a_queue(steps in prop::collection::vec((0..4u8, 0..9usize), 0..200), slots in 1..9usize) {
            let (producer, mut consumer) = rtrb::RingBuffer::new(slots);
            let mut ring = StagedProducer::new(producer);
            let (mut staged, mut published) = (VecDeque::new(), VecDeque::new());
            let (mut next, mut total) = (0u64, 0u64);
            for (step, count) in steps {
                match step {
                    0 => {
                        let limit = count.min(ring.room());
                        prop_assert_eq!(ring.room(), slots - staged.len() - published.len());
                        ring.stage(limit, || { next += 1; staged.push_back(next); Some(next) });
                    }
                    3 => {
                        let limit = count.min(ring.room());
                        let mut staging = ring.begin(limit);
                        for left in (0..limit).rev() {
                            next += 1;
                            staging.push(next);
                            staged.push_back(next);
                            prop_assert_eq!(staging.room(), left);
                        }
                    }
                    1 => {
                        let count = count.min(staged.len());
                        total += count as u64;
                        ring.publish_upto(total);
                        published.extend(staged.drain(..count));
                    }
                    _ => for _ in 0..count {
                        prop_assert_eq!(consumer.pop().ok(), published.pop_front());
                    }
                }
                prop_assert_eq!(ring.staged_total(), next);
            }
        }
    }

    /// Across threads, with a ring that is used again and again.
    #[test]
    fn what_one_thread_publishes_another_reads() {
        const VALUES: u64 = 50;
        let (producer, mut consumer) = rtrb::RingBuffer::new(3);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut ring = StagedProducer::new(producer);
                let mut next = 0;
                while next < VALUES {
                    let limit = ring.room().min((VALUES - next) as usize);
                    ring.stage(limit, || {
                        next += 1;
                        Some([next, !next])
                    });
                    ring.publish_upto(next.saturating_sub(1));
                    ring.publish_upto(next);
                    std::thread::yield_now();
                }
            });
            let mut taken = 0;
            while taken < VALUES {
                let there = consumer.slots();
                for value in consumer.read_chunk(there).expect("so many are there") {
                    taken += 1;
                    assert_eq!(value, [taken, !taken]);
                }
                std::thread::yield_now();
            }
        });
    }
}
