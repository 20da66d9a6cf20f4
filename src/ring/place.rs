//! The places of clients: as many as there may be, each taken by one client at a time.

use crate::sync::{Arc, ArrayQueue};

/// The places that are free.
#[derive(Debug)]
pub(crate) struct Places(Arc<ArrayQueue<usize>>);

/// A place that is taken. It is free again when the last clone is dropped: the client's own, and
/// one of every shard that has rings with it.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    free: Arc<ArrayQueue<usize>>,
    index: usize,
}

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        let free = ArrayQueue::new(count);
        for index in 0..count {
            let _ = free.push(index);
        }
        Self(Arc::new(free))
    }

    /// A free place, if there is one.
    pub(crate) fn take(&self) -> Option<Place> {
        let index = self.0.pop()?;
        let free = Arc::clone(&self.0);
        Some(Place(Arc::new(Taken { free, index })))
    }
}

impl Place {
    pub(crate) fn index(&self) -> usize {
        self.0.index
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // The queue has a slot for every place there is.
        let _ = self.free.push(self.index);
    }
}
