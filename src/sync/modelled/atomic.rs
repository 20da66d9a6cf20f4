//! Atomics into which a mistake can be planted.

use std::{sync::atomic::Ordering, task::Waker};

use super::planted::{Mistake, is_planted};

/// The ordering that was asked for, unless the mistake is planted that it is not.
fn weakened(ordering: Ordering) -> Ordering {
    if is_planted(Mistake::RelaxedAtomics) {
        Ordering::Relaxed
    } else {
        ordering
    }
}

pub(crate) fn fence(ordering: Ordering) {
    if !is_planted(Mistake::NoFence) {
        loom::sync::atomic::fence(ordering);
    }
}

macro_rules! atomic {
    ($($name:ident: $value:ty),*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code, reason = "alike for all, though not all is used of each")]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.0.load(weakened(ordering))
            }

            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.0.store(value, weakened(ordering));
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                // A model that has failed is over: nothing of it is touched any more.
                if std::thread::panicking() {
                    return Err(current);
                }
                self.0.compare_exchange(current, new, weakened(success), weakened(failure))
            }

            pub(crate) fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.0.fetch_update(weakened(success), weakened(failure), change)
            }
        }
    )*};
}

atomic!(AtomicBool: bool, AtomicU8: u8, AtomicU64: u64, AtomicUsize: usize);

/// The part of `atomic_waker::AtomicWaker` that is used.
#[derive(Debug)]
pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

impl AtomicWaker {
    pub(crate) fn new() -> Self {
        Self(loom::future::AtomicWaker::new())
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register_by_ref(waker);
    }

    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}
