//! What crosses between threads: the pair of rings between a client and a shard, the control inbox
//! and its replies, and what a thread does while there is nothing in them.

mod idle;
mod mesh;
mod reply;
mod staged;

pub(crate) use idle::{Backoff, Sleeper};
pub(crate) use mesh::{MeshEnd, mesh};
pub(crate) use reply::{Answer, NoAnswer, Reply, reply};
pub use staged::StagedProducer;

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::request::{CompletionSlot, RequestSlot};

/// A client's ends of its rings with one shard.
#[derive(Debug)]
pub(crate) struct ClientEnd {
    pub(crate) requests: Producer<RequestSlot>,
    pub(crate) completions: Consumer<CompletionSlot>,
}

/// The shard's ends of the same rings.
#[derive(Debug)]
pub(crate) struct ShardEnd {
    pub(crate) requests: Consumer<RequestSlot>,
    pub(crate) completions: StagedProducer<CompletionSlot>,
    /// Held for as long as the shard has the rings; the client's place is free again when the last
    /// holder lets go.
    pub(crate) _place: Arc<ClientPlace>,
}

/// One of the bounded number of clients.
#[derive(Debug)]
pub(crate) struct ClientPlace {
    pub(crate) places: Arc<crossbeam_queue::ArrayQueue<usize>>,
    pub(crate) index: usize,
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        // The queue has a slot for every place there is.
        let _ = self.places.push(self.index);
    }
}

/// The rings between one client and one shard.
pub(crate) fn pair(slots: usize, place: Arc<ClientPlace>) -> (ClientEnd, ShardEnd) {
    let (request_producer, request_consumer) = RingBuffer::new(slots);
    let (completion_producer, completion_consumer) = RingBuffer::new(slots);
    let client = ClientEnd {
        requests: request_producer,
        completions: completion_consumer,
    };
    let completions = StagedProducer::new(completion_producer);
    (
        client,
        ShardEnd {
            requests: request_consumer,
            completions,
            _place: place,
        },
    )
}
