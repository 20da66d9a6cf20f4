//! A shard ends while somebody asks it for something: whoever asks is answered or learns that it is
//! gone, and nobody waits for ever.

use std::{sync::Arc, time::Duration};

use super::clients::{connect, shard};
use crate::{
    config::Idle,
    error::Stopped,
    request::{CompletionSlot, PoolId, Refusal},
    ring::{NoAnswer, Places, pair, reply},
    shard::control::{Control, ShardHandle},
    sync::{
        modelled::{Mistake, explore, explore_with},
        thread,
    },
};

/// A shard's last turn, and its end.
fn last_turn(handle: &ShardHandle, has_failed: bool) {
    while let Some(control) = handle.inbox.pop() {
        if let Control::Fence { reply } = control {
            reply.send(());
        }
    }
    if has_failed {
        handle.fail(0, "the disk".into());
    }
    handle.close();
}

/// Somebody asks while the shard ends, by whichever strategy it is idle.
fn asked_at_the_end(idle: Idle, has_failed: bool) {
    let handle = shard(idle);
    let ended = Arc::clone(&handle);
    let ending = thread::spawn(move || last_turn(&ended, has_failed));
    let (reply, answer) = reply();
    handle
        .send(Control::Fence { reply })
        .expect("the inbox has room");
    let answered = answer.wait(Duration::MAX);
    assert!(matches!(answered, Ok(()) | Err(NoAnswer::Gone)));
    ending.join().expect("it does not panic");
    assert!(handle.over().is_some());
    assert!(handle.inbox.is_empty());
}

#[test]
fn who_asks_at_the_end_does_not_wait_for_ever() {
    explore(|| asked_at_the_end(Idle::Park, false));
}

#[test]
fn who_asks_a_shard_that_never_parks_does_not_wait_for_ever() {
    explore(|| asked_at_the_end(Idle::Yield, false));
}

#[test]
fn who_asks_a_failed_shard_at_its_end_does_not_wait_for_ever() {
    explore(|| asked_at_the_end(Idle::Yield, true));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_who_asks_at_the_end_waits_for_ever() {
    explore_with(Mistake::NoFence, None, || {
        asked_at_the_end(Idle::Park, false);
    });
}

/// A client comes while the shard ends: it learns that there is no answer, and its place is free
/// when it goes.
#[test]
fn a_client_that_comes_at_the_end_gives_its_place_back() {
    explore_with(Mistake::None, Some(3), || {
        let handle = shard(Idle::Yield);
        let ended = Arc::clone(&handle);
        let ending = thread::spawn(move || last_turn(&ended, false));
        let places = Places::new(1);
        let mut client = connect(&places, &handle).expect("the place is free");
        if client.try_submit(PoolId::new(0, 0)).is_ok() {
            while client.poll_with(|_| panic!("nobody answers")) == Ok(0) {
                thread::yield_now();
            }
        }
        drop(client);
        ending.join().expect("it does not panic");
        assert!(places.take().is_some());
    });
}

/// What was published before the end is seen by whoever sees the end.
fn published_at_the_end(has_failed: bool) {
    let handle = shard(Idle::Yield);
    let places = Places::new(1);
    let place = places.take().expect("it is free");
    let (client, mut end) = pair(1, place);
    let ended = Arc::clone(&handle);
    thread::spawn(move || {
        let refused = CompletionSlot::refused(1, PoolId::new(0, 0), Refusal::Exhausted);
        end.completions.stage(1, || Some(refused));
        end.completions.publish_upto(1);
        last_turn(&ended, has_failed);
        end
    });
    let over = loop {
        match handle.over() {
            Some(over) => break over,
            None => thread::yield_now(),
        }
    };
    assert_eq!(matches!(over, Stopped::Failed { .. }), has_failed);
    assert!(!client.completions.is_empty(), "the answer is seen first");
}

#[test]
fn who_sees_the_end_sees_every_answer() {
    explore(|| published_at_the_end(false));
}

#[test]
fn who_sees_the_failure_sees_every_answer() {
    explore(|| published_at_the_end(true));
}

/// What was published before a shard was told to drain is seen by whoever sees that it was.
fn published_before_the_drain() {
    let handle = shard(Idle::Yield);
    let places = Places::new(1);
    let place = places.take().expect("it is free");
    let (client, mut end) = pair(1, place);
    let drained = Arc::clone(&handle);
    thread::spawn(move || {
        let refused = CompletionSlot::refused(1, PoolId::new(0, 0), Refusal::Exhausted);
        end.completions.stage(1, || Some(refused));
        end.completions.publish_upto(1);
        drained.drain();
        end
    });
    if handle.stopped().is_some() {
        assert!(!client.completions.is_empty(), "the answer is seen first");
    }
}

#[test]
fn who_sees_the_drain_sees_the_answers_before() {
    explore(published_before_the_drain);
}

#[test]
#[should_panic(expected = "the answer is seen first")]
fn without_release_the_drain_is_seen_before_the_answers() {
    explore_with(Mistake::RelaxedAtomics, None, published_before_the_drain);
}

/// A shard that drains still answers, so nobody may take it for one that has ended.
#[test]
fn a_shard_that_drains_is_not_over() {
    explore(|| {
        let handle = shard(Idle::Yield);
        let draining = Arc::clone(&handle);
        thread::spawn(move || draining.drain());
        assert_eq!(handle.over(), None);
    });
}
