//! The part of `rtrb` that is used: published with `Release`, looked at with `Acquire`, and slots
//! that belong to the consumer from the one to the other.
#![allow(unsafe_code)]
#![allow(
    unreachable_pub,
    reason = "`StagedProducer` is public, and so must be what it takes"
)]

use std::{cell::Cell, mem::MaybeUninit, ops::Range, slice, sync::atomic::Ordering};

use loom::{
    cell::{ConstPtr, MutPtr, UnsafeCell},
    sync::atomic::{AtomicBool, AtomicUsize},
};

use super::{
    Arc,
    planted::{Mistake, is_planted},
};

/// Positions count from the beginning and never wrap. What was not read is not dropped: all that
/// goes through a ring is `Copy`.
#[derive(Debug)]
pub(crate) struct RingBuffer<T> {
    head: AtomicUsize,
    tail: AtomicUsize,
    is_abandoned: AtomicBool,
    slots: Box<[std::cell::UnsafeCell<MaybeUninit<T>>]>,
    /// One for each slot. `loom` watches these instead, so that the slots lie side by side.
    watched: Box<[UnsafeCell<()>]>,
}

// SAFETY: free slots belong to the producer and full ones to the consumer; `loom` checks it.
unsafe impl<T: Send> Sync for RingBuffer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for RingBuffer<T> {}

#[derive(Debug)]
pub struct Producer<T> {
    ring: Arc<RingBuffer<T>>,
    head_seen: Cell<usize>,
    tail: Cell<usize>,
}

#[derive(Debug)]
pub(crate) struct Consumer<T> {
    ring: Arc<RingBuffer<T>>,
    head: Cell<usize>,
    tail_seen: Cell<usize>,
}

#[derive(Debug)]
pub(crate) enum PushError<T> {
    Full(T),
}

/// There are fewer slots than were asked for.
#[derive(Debug)]
pub(crate) struct TooFew;

impl<T> RingBuffer<T> {
    #[allow(clippy::new_ret_no_self, reason = "as the real one")]
    pub(crate) fn new(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let slot = |_| std::cell::UnsafeCell::new(MaybeUninit::uninit());
        let ring = Arc::new(Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            is_abandoned: AtomicBool::new(false),
            slots: (0..capacity).map(slot).collect(),
            watched: (0..capacity).map(|_| UnsafeCell::new(())).collect(),
        });
        let producer = Producer {
            ring: Arc::clone(&ring),
            head_seen: Cell::new(0),
            tail: Cell::new(0),
        };
        let consumer = Consumer {
            ring,
            head: Cell::new(0),
            tail_seen: Cell::new(0),
        };
        (producer, consumer)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The slots of some positions: those up to the end of the buffer, and those from its beginning.
    fn places(&self, from: usize, count: usize) -> (Range<usize>, Range<usize>) {
        let begin = from % self.capacity();
        let first = count.min(self.capacity() - begin);
        (begin..begin + first, 0..count - first)
    }

    fn abandon(&self) {
        // A model that has failed is over: nothing of it is touched any more.
        if !std::thread::panicking() {
            self.is_abandoned.store(true, release());
        }
    }

    fn watch<G>(
        &self,
        places: (Range<usize>, Range<usize>),
        watch: impl Fn(&UnsafeCell<()>) -> G,
    ) -> Vec<G> {
        let places = places.0.chain(places.1);
        places.map(|place| watch(&self.watched[place])).collect()
    }

    fn slot(&self, place: usize) -> *mut MaybeUninit<T> {
        self.slots[place].get()
    }

    /// # Safety
    /// The slots are full, and nobody writes to them while the slice lives.
    unsafe fn full(&self, places: Range<usize>) -> &[T] {
        let slots = &self.slots[places];
        // SAFETY: a cell lies in memory as what is in it, and the caller says that it is written.
        unsafe { slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
    }

    /// # Safety
    /// Nobody else reads or writes the slots while the slice lives.
    #[allow(clippy::mut_from_ref, reason = "the caller has the slots for itself")]
    unsafe fn free(&self, places: Range<usize>) -> &mut [MaybeUninit<T>] {
        let slots = &self.slots[places];
        let begin = slots.as_ptr().cast::<MaybeUninit<T>>().cast_mut();
        // SAFETY: a cell lies in memory as what is in it, and allows that to be written.
        unsafe { slice::from_raw_parts_mut(begin, slots.len()) }
    }
}

/// How a ring's ends publish.
fn release() -> Ordering {
    if is_planted(Mistake::RelaxedRing) {
        Ordering::Relaxed
    } else {
        Ordering::Release
    }
}

impl<T> Producer<T> {
    pub(crate) fn buffer(&self) -> &RingBuffer<T> {
        &self.ring
    }

    pub(crate) fn slots(&self) -> usize {
        self.head_seen.set(self.ring.head.load(Ordering::Acquire));
        self.ring.capacity() - (self.tail.get() - self.head_seen.get())
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned.load(Ordering::Acquire)
    }

    pub(crate) fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        match self.write_chunk_uninit(1) {
            Ok(chunk) => {
                chunk.fill_from_iter([value]);
                Ok(())
            }
            Err(TooFew) => Err(PushError::Full(value)),
        }
    }

    pub(crate) fn write_chunk_uninit(
        &mut self,
        count: usize,
    ) -> Result<WriteChunkUninit<'_, T>, TooFew> {
        let seen = self.ring.capacity() - (self.tail.get() - self.head_seen.get());
        if seen < count && self.slots() < count {
            return Err(TooFew);
        }
        let places = self.ring.places(self.tail.get(), count);
        Ok(WriteChunkUninit {
            guards: self.ring.watch(places.clone(), UnsafeCell::get_mut),
            producer: self,
            places,
        })
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.ring.abandon();
    }
}

/// Free slots, which are the producer's own while this lives.
#[derive(Debug)]
pub(crate) struct WriteChunkUninit<'a, T> {
    producer: &'a Producer<T>,
    places: (Range<usize>, Range<usize>),
    guards: Vec<MutPtr<()>>,
}

impl<T> WriteChunkUninit<'_, T> {
    pub(crate) fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let (first, second) = self.places.clone();
        // SAFETY: the slots are free, and this chunk has the only producer.
        let first = unsafe { self.producer.ring.free(first) };
        // SAFETY: as above; and the second slice ends before the first begins.
        (first, unsafe { self.producer.ring.free(second) })
    }

    /// # Safety
    /// The first `count` slots are written.
    pub(crate) unsafe fn commit(self, count: usize) {
        self.publish(count);
    }

    pub(crate) fn fill_from_iter(mut self, values: impl IntoIterator<Item = T>) -> usize {
        let (first, second) = self.as_mut_slices();
        let slots = first.iter_mut().chain(second);
        let count = slots
            .zip(values)
            .map(|(slot, value)| slot.write(value))
            .count();
        self.publish(count);
        count
    }

    fn publish(mut self, count: usize) {
        self.guards.clear();
        let tail = self.producer.tail.get() + count;
        self.producer.tail.set(tail);
        self.producer.ring.tail.store(tail, release());
    }
}

impl<T> Consumer<T> {
    pub(crate) fn buffer(&self) -> &RingBuffer<T> {
        &self.ring
    }

    pub(crate) fn slots(&self) -> usize {
        self.tail_seen.set(self.ring.tail.load(Ordering::Acquire));
        self.tail_seen.get() - self.head.get()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tail_seen.get() == self.head.get() && self.slots() == 0
    }

    pub(crate) fn peek(&self) -> Result<&T, TooFew> {
        if self.is_empty() {
            return Err(TooFew);
        }
        let (place, _) = self.ring.places(self.head.get(), 1);
        self.ring.watched[place.start].with(|_| ());
        // SAFETY: the slot is full until this consumer has moved on.
        Ok(unsafe { &self.ring.full(place)[0] })
    }

    pub(crate) fn pop(&mut self) -> Result<T, TooFew> {
        self.read_chunk(1)?.into_iter().next().ok_or(TooFew)
    }

    pub(crate) fn read_chunk(&mut self, count: usize) -> Result<ReadChunk<'_, T>, TooFew> {
        let seen = self.tail_seen.get() - self.head.get();
        if seen < count && self.slots() < count {
            return Err(TooFew);
        }
        let places = self.ring.places(self.head.get(), count);
        Ok(ReadChunk {
            guards: self.ring.watch(places.clone(), UnsafeCell::get),
            consumer: self,
            places,
        })
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.ring.abandon();
    }
}

/// Full slots, which are the consumer's own while this lives.
#[derive(Debug)]
pub(crate) struct ReadChunk<'a, T> {
    consumer: &'a Consumer<T>,
    places: (Range<usize>, Range<usize>),
    guards: Vec<ConstPtr<()>>,
}

impl<T> ReadChunk<'_, T> {
    pub(crate) fn as_slices(&self) -> (&[T], &[T]) {
        let (first, second) = self.places.clone();
        // SAFETY: the slots are full until this consumer has moved on.
        let first = unsafe { self.consumer.ring.full(first) };
        // SAFETY: as above.
        (first, unsafe { self.consumer.ring.full(second) })
    }

    pub(crate) fn commit(mut self, count: usize) {
        self.give_back(count);
    }

    pub(crate) fn commit_all(mut self) {
        self.give_back(self.guards.len());
    }

    fn give_back(&mut self, count: usize) {
        self.guards.clear();
        let head = self.consumer.head.get() + count;
        self.consumer.head.set(head);
        self.consumer.ring.head.store(head, release());
    }
}

impl<'a, T> IntoIterator for ReadChunk<'a, T> {
    type Item = T;
    type IntoIter = ReadChunkIntoIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        let places = self.places.0.clone().chain(self.places.1.clone());
        ReadChunkIntoIter {
            places: places.collect::<Vec<_>>().into_iter(),
            taken: 0,
            chunk: self,
        }
    }
}

/// Takes values out of full slots; the slots go back when it is dropped.
#[derive(Debug)]
pub(crate) struct ReadChunkIntoIter<'a, T> {
    chunk: ReadChunk<'a, T>,
    places: std::vec::IntoIter<usize>,
    taken: usize,
}

impl<T> Iterator for ReadChunkIntoIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let slot = self.chunk.consumer.ring.slot(self.places.next()?);
        self.taken += 1;
        // SAFETY: the slot is full until this consumer has moved on, and is read once.
        Some(unsafe { (*slot).assume_init_read() })
    }
}

impl<T> Drop for ReadChunkIntoIter<'_, T> {
    fn drop(&mut self) {
        self.chunk.give_back(self.taken);
    }
}
