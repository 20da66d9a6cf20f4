//! The part of `crossbeam_queue::ArrayQueue` that is used: many threads on each side, in order.
//!
//! It promises less than the real one: it only hands over what was written before a value was
//! pushed. That an end which finds it empty or full has seen anything else is left to fences.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use loom::{cell::UnsafeCell, sync::atomic::AtomicUsize, thread::yield_now};

/// Models are small; what asks for more room gets this.
const SLOTS_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct ArrayQueue<T> {
    head: AtomicUsize,
    tail: AtomicUsize,
    slots: Box<[Slot<T>]>,
}

#[derive(Debug)]
struct Slot<T> {
    /// Twice as often as it was emptied, and one more while it is full.
    turn: AtomicUsize,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: a slot's value is touched only by the thread whose turn it is; `loom` checks it.
unsafe impl<T: Send> Sync for ArrayQueue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for ArrayQueue<T> {}

impl<T> ArrayQueue<T> {
    pub(crate) fn new(slots: usize) -> Self {
        let slot = |_| Slot {
            turn: AtomicUsize::new(0),
            value: UnsafeCell::new(None),
        };
        Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            slots: (0..slots.min(SLOTS_MAX)).map(slot).collect(),
        }
    }

    /// The slot of a position, and its turn when it is free for that.
    fn slot(&self, position: usize) -> (&Slot<T>, usize) {
        let slots = self.slots.len();
        (&self.slots[position % slots], position / slots * 2)
    }

    pub(crate) fn push(&self, value: T) -> Result<(), T> {
        // A model that has failed is over: nothing of it is touched any more.
        if std::thread::panicking() {
            return Err(value);
        }
        loop {
            let tail = self.tail.load(Ordering::Relaxed);
            let (slot, free) = self.slot(tail);
            if slot.turn.load(Ordering::Acquire) == free && advance(&self.tail, tail) {
                slot.value.with_mut(|place| {
                    // SAFETY: the slot is free, and the tail was moved past it by this thread.
                    unsafe { *place = Some(value) };
                });
                slot.turn.store(free + 1, Ordering::Release);
                return Ok(());
            }
            if self.head.load(Ordering::Relaxed) + self.slots.len() == tail {
                return Err(value);
            }
            yield_now();
        }
    }

    pub(crate) fn pop(&self) -> Option<T> {
        loop {
            let head = self.head.load(Ordering::Relaxed);
            let (slot, free) = self.slot(head);
            if slot.turn.load(Ordering::Acquire) == free + 1 && advance(&self.head, head) {
                let value = slot.value.with_mut(|place| {
                    // SAFETY: the slot is full, and the head was moved past it by this thread.
                    unsafe { (*place).take() }
                });
                slot.turn.store(free + 2, Ordering::Release);
                return value;
            }
            if self.tail.load(Ordering::Relaxed) == head {
                return None;
            }
            yield_now();
        }
    }

    /// Makes room where there is none.
    pub(crate) fn force_push(&self, mut value: T) -> Option<T> {
        let mut displaced = None;
        while let Err(refused) = self.push(value) {
            displaced = self.pop();
            value = refused;
        }
        displaced
    }

    pub(crate) fn len(&self) -> usize {
        let head = self.head.load(Ordering::Relaxed);
        self.tail.load(Ordering::Relaxed).saturating_sub(head)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether this thread is the one that moves it on.
fn advance(position: &AtomicUsize, from: usize) -> bool {
    position
        .compare_exchange(from, from + 1, Ordering::Relaxed, Ordering::Relaxed)
        .is_ok()
}
