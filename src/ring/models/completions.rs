//! Completions: seen when they are published and not before, whole, and in order; and the room
//! that is given back is used again.

use crate::{
    config::Idle,
    ring::{Sleeper, StagedProducer},
    sync::{
        Arc, Consumer, RingBuffer,
        modelled::{Mistake, explore, explore_with},
        thread,
    },
};

type Value = [u64; 2];

fn value(number: u64) -> Value {
    [number, !number]
}

/// Takes what is there, as a client does, and checks it.
fn take(consumer: &mut Consumer<Value>, taken: &mut u64) {
    let there = consumer.slots();
    let chunk = consumer.read_chunk(there).expect("so many are there");
    for seen in chunk {
        *taken += 1;
        assert_eq!(seen, value(*taken));
    }
}

/// Stages as many as fit, in two halves that become public one after the other.
fn stage(ring: &mut StagedProducer<Value>, upto: u64) {
    let limit = ring.room().min((upto - ring.staged_total()) as usize);
    let mut next = ring.staged_total();
    ring.stage(limit, || {
        next += 1;
        Some(value(next))
    });
}

/// A ring of two slots, and three values: the third lies where the first was.
fn published() {
    let (producer, mut consumer) = RingBuffer::new(2);
    thread::spawn(move || {
        let mut ring = StagedProducer::new(producer);
        while ring.staged_total() < 3 {
            let before = ring.staged_total();
            stage(&mut ring, 3);
            // One after the other: what is staged behind it stays unseen.
            for total in before + 1..=ring.staged_total() {
                ring.publish_upto(total);
            }
            thread::yield_now();
        }
    });
    let mut taken = 0;
    while taken < 3 {
        take(&mut consumer, &mut taken);
        thread::yield_now();
    }
}

#[test]
fn what_is_published_is_whole_and_in_order() {
    explore_with(Mistake::None, Some(3), published);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn what_is_published_without_release_is_not_whole() {
    explore_with(Mistake::RelaxedRing, None, published);
}

/// Two are staged and one is published: the second is never seen.
#[test]
fn what_is_only_staged_is_not_seen() {
    explore(|| {
        let (producer, mut consumer) = RingBuffer::new(2);
        let shard = thread::spawn(move || {
            let mut ring = StagedProducer::new(producer);
            stage(&mut ring, 2);
            ring.publish_upto(1);
            ring
        });
        let mut taken = 0;
        take(&mut consumer, &mut taken);
        let ring = shard.join().expect("it does not panic");
        take(&mut consumer, &mut taken);
        assert_eq!(taken, 1);
        assert!(!ring.is_abandoned());
        drop(consumer);
        assert!(ring.is_abandoned());
    });
}

/// A shard that rests because the client has no room for answers, and a client that makes some.
fn room_made() {
    let (producer, mut consumer) = RingBuffer::new(1);
    let sleeper = Arc::new(Sleeper::new(Idle::Park));
    let mut ring = StagedProducer::new(producer);
    sleeper.moves_in();
    stage(&mut ring, 1);
    ring.publish_upto(1);
    let shard = Arc::clone(&sleeper);
    thread::spawn(move || {
        take(&mut consumer, &mut 0);
        shard.wake();
        // It stays a client: nothing else ends the rest.
        consumer
    });
    while ring.room() == 0 {
        sleeper.rest(false, || ring.room() > 0);
    }
}

#[test]
fn room_that_is_made_ends_the_rest() {
    explore(room_made);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_room_is_not_noticed() {
    explore_with(Mistake::NoFence, None, room_made);
}
