//! `loom`'s `Arc`, but for what happens to it where a model fails.

use std::{mem, ops::Deref};

/// Counted as `std::sync::Arc` is. A model that has failed is over: nothing of it is touched any
/// more, so its counts stay as they are.
#[derive(Debug)]
pub(crate) struct Arc<T>(Option<loom::sync::Arc<T>>);

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(loom::sync::Arc::new(value)))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            mem::forget(self.0.take());
        }
    }
}
