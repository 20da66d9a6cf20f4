//! Models of futures and their driver, for `loom`: see `ring::models`. The driver is the real one; its
//! client refuses every request at once, for there is no such pool.

use std::{mem::ManuallyDrop, sync::Arc};

use loom::future::block_on;

use super::{AsyncClient, AsyncDrawError};
use crate::{
    client::{Client, Port},
    config::Idle,
    request::{PoolId, RequestIdSource},
    ring::{Places, Sleeper, pair},
    shard::control::ShardHandle,
    sync::{
        modelled::{Mistake, explore_with},
        thread,
    },
};

/// Where a model fails, the client stays: its drop would wait for a thread that is no more.
fn client(capacity: usize) -> ManuallyDrop<AsyncClient> {
    let places = Places::new(1);
    let place = places.take().expect("it is free");
    let (end, _) = pair(1, place.clone());
    let port = Port {
        index: 0,
        shard: Arc::new(ShardHandle::new(Sleeper::new(Idle::Park))),
        end,
        open: 0,
    };
    let ids = RequestIdSource::new(1);
    ids.allow(u64::MAX);
    let client = Client::new(vec![port], Arc::new(ids), Idle::Park, place);
    ManuallyDrop::new(AsyncClient::new(client, capacity).expect("a model has threads"))
}

fn close(client: ManuallyDrop<AsyncClient>) {
    drop(ManuallyDrop::into_inner(client));
}

fn nowhere() -> PoolId {
    PoolId::new(1, 0)
}

fn answered() {
    let client = client(1);
    let answer = block_on(client.draw(nowhere()));
    assert_eq!(answer, Err(AsyncDrawError::UnknownPool));
    close(client);
}

#[test]
fn a_future_is_answered() {
    explore_with(Mistake::None, Some(2), answered);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_future_is_not_answered() {
    explore_with(Mistake::NoFence, Some(2), answered);
}

/// A future is dropped, perhaps before its answer: its room is there again, and the next one in it
/// gets its own answer.
#[test]
fn the_room_of_a_dropped_future_is_used_again() {
    explore_with(Mistake::None, Some(2), || {
        let client = client(1);
        drop(client.draw(nowhere()));
        let answer = loop {
            match block_on(client.draw(nowhere())) {
                Err(AsyncDrawError::Full { .. }) => thread::yield_now(),
                answer => break answer,
            }
        };
        assert_eq!(answer, Err(AsyncDrawError::UnknownPool));
        close(client);
    });
}

/// The client is closed while a future waits; the future's thread had a clone of it.
#[test]
fn a_future_of_a_closed_client_is_answered() {
    explore_with(Mistake::None, Some(2), || {
        let client = client(1);
        let clone = ManuallyDrop::clone(&client);
        let waiting = thread::spawn(move || {
            let future = clone.draw(nowhere());
            close(clone);
            block_on(future)
        });
        close(client);
        let answer = waiting.join().expect("it does not panic");
        assert!(matches!(
            answer,
            Err(AsyncDrawError::UnknownPool | AsyncDrawError::Stopped(_))
        ));
    });
}
