//! The part of `std::sync::OnceLock` that is used.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use loom::{cell::UnsafeCell, sync::atomic::AtomicU8};

const EMPTY: u8 = 0;
const TAKEN: u8 = 1;
const SET: u8 = 2;

#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    state: AtomicU8,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written once, by who has taken the state, and read only after it was set;
// `loom` checks both.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(None),
        }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let taken = self
            .state
            .compare_exchange(EMPTY, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
        if taken.is_err() {
            return Err(value);
        }
        self.value.with_mut(|place| {
            // SAFETY: nobody else takes it, and nobody reads it before it is set.
            unsafe { *place = Some(value) };
        });
        self.state.store(SET, Ordering::Release);
        Ok(())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) != SET {
            return None;
        }
        self.value.with(|value| {
            // SAFETY: it is set, and never written again.
            unsafe { (*value).as_ref() }
        })
    }
}
