//! What crosses between threads: the pair of rings between a client and a shard, the control inbox
//! and its replies, and what a thread does while there is nothing in them.

mod idle;
mod mesh;
#[cfg(all(test, loom))]
mod models;
mod place;
mod reply;
mod staged;

pub(crate) use idle::{Backoff, Sleeper};
pub(crate) use mesh::{MeshEnd, mesh};
pub(crate) use place::{Place, Places};
pub(crate) use reply::{Answer, NoAnswer, Reply, reply};
pub use staged::StagedProducer;
pub(crate) use staged::Staging;

use crate::{
    request::{CompletionSlot, RequestSlot},
    sync::{Consumer, Producer, RingBuffer},
};

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
    pub(crate) _place: Place,
}

/// The rings between one client and one shard.
pub(crate) fn pair(slots: usize, place: Place) -> (ClientEnd, ShardEnd) {
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
