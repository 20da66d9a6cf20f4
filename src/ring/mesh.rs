//! Rings from every shard to every other one.

use crate::sync::{Consumer, Producer, PushError, RingBuffer};

/// One shard's ends of the rings to and from the others.
#[derive(Debug)]
pub(crate) struct MeshEnd<T> {
    /// By the other shard; `None` for itself.
    to: Vec<Option<Producer<T>>>,
    from: Vec<Option<Consumer<T>>>,
}

/// The ends of all shards, in order; each ring has so many slots.
pub(crate) fn mesh<T>(shards: usize, slots: usize) -> Vec<MeshEnd<T>> {
    let empty = || MeshEnd {
        to: (0..shards).map(|_| None).collect(),
        from: (0..shards).map(|_| None).collect(),
    };
    let mut ends: Vec<MeshEnd<T>> = (0..shards).map(|_| empty()).collect();
    for from in 0..shards {
        for to in (0..shards).filter(|to| *to != from) {
            let (producer, consumer) = RingBuffer::new(slots);
            ends[from].to[to] = Some(producer);
            ends[to].from[from] = Some(consumer);
        }
    }
    ends
}

impl<T> MeshEnd<T> {
    /// Sends to another shard; what finds no room comes back.
    pub(crate) fn send(&mut self, shard: usize, value: T) -> Result<(), T> {
        match &mut self.to[shard] {
            Some(ring) => ring.push(value).map_err(|PushError::Full(value)| value),
            None => Err(value),
        }
    }

    /// What another shard has sent, the oldest first.
    #[inline]
    pub(crate) fn receive(&mut self, shard: usize) -> Option<T> {
        self.from[shard].as_mut()?.pop().ok()
    }

    /// How many messages of another shard have come and wait.
    pub(crate) fn waiting(&self, shard: usize) -> usize {
        self.from[shard].as_ref().map_or(0, Consumer::slots)
    }

    /// Whether anything has come.
    pub(crate) fn has_mail(&self) -> bool {
        self.from.iter().flatten().any(|ring| !ring.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_hears_everybody_else() {
        let mut ends = mesh(3, 1);
        for (from, end) in ends.iter_mut().enumerate() {
            for to in (0..3).filter(|to| *to != from) {
                assert_eq!(end.send(to, (from, to)), Ok(()));
                assert_eq!(end.send(to, (9, 9)), Err((9, 9)), "it is full");
            }
        }
        for (to, end) in ends.iter_mut().enumerate() {
            assert!(end.has_mail());
            for from in (0..3).filter(|from| *from != to) {
                assert_eq!(end.waiting(from), 1);
                assert_eq!(end.receive(from), Some((from, to)));
                assert_eq!(end.waiting(from), 0);
                assert_eq!(end.receive(from), None);
            }
            assert!(!end.has_mail());
        }
    }
}
