//! Park and wake: what was pushed before the wake is seen, by a look or after the sleep. A model
//! has no time, so a wake-up that is lost is a deadlock.

use std::sync::atomic::Ordering;

use crate::{
    config::Idle,
    ring::Sleeper,
    sync::{
        Arc, ArrayQueue, AtomicUsize,
        modelled::{Mistake, explore, explore_with},
        thread,
    },
};

/// One thread takes what others push, and rests when there is nothing.
fn pushed_by(pushers: usize) {
    let queue = Arc::new(ArrayQueue::new(pushers));
    let sleeper = Arc::new(Sleeper::new(Idle::Park));
    sleeper.moves_in();
    for value in 0..pushers {
        let (queue, sleeper) = (Arc::clone(&queue), Arc::clone(&sleeper));
        thread::spawn(move || {
            queue.push(value).expect("there is room for all");
            sleeper.wake();
        });
    }
    let mut taken = 0;
    while taken < pushers {
        match queue.pop() {
            Some(_) => taken += 1,
            None => sleeper.rest(false, || !queue.is_empty()),
        }
    }
}

#[test]
fn no_wake_is_lost() {
    explore(|| pushed_by(1));
}

#[test]
fn no_wake_is_lost_among_several() {
    explore_with(Mistake::None, Some(3), || pushed_by(2));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_wake_is_lost() {
    explore_with(Mistake::NoFence, None, || pushed_by(1));
}

/// Several things are announced one after the other, so that a wake may meet any part of a rest.
fn announced(times: usize) {
    let done = Arc::new(AtomicUsize::new(0));
    let sleeper = Arc::new(Sleeper::new(Idle::Park));
    sleeper.moves_in();
    let (told, waker) = (Arc::clone(&done), Arc::clone(&sleeper));
    thread::spawn(move || {
        for time in 1..=times {
            told.store(time, Ordering::Release);
            waker.wake();
        }
    });
    let mut seen = 0;
    while seen < times {
        seen = done.load(Ordering::Acquire);
        if seen < times {
            sleeper.rest(false, || done.load(Ordering::Acquire) > seen);
        }
    }
}

#[test]
fn a_wake_for_the_last_rest_does_not_spoil_the_next() {
    explore_with(Mistake::None, Some(3), || announced(3));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_the_last_word_is_not_heard() {
    explore_with(Mistake::NoFence, None, || announced(2));
}
