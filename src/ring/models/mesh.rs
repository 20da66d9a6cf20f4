//! From shard to shard: what is sent arrives once and in order, a full ring gives it back, and a
//! shard that rests hears of it.

use std::time::Duration;

use crate::{
    config::Idle,
    ring::{MeshEnd, Sleeper, mesh, reply},
    sync::{
        Arc,
        modelled::{Mistake, explore_with},
        thread,
    },
};

/// Sends so many numbers with one slot of room; what finds none is sent again.
fn send(end: &mut MeshEnd<u64>, to: usize, count: u64, sleeper: &Sleeper) {
    let mut next = 1;
    while next <= count {
        match end.send(to, next) {
            Ok(()) => {
                next += 1;
                sleeper.wake();
            }
            Err(returned) => {
                assert_eq!(returned, next);
                thread::yield_now();
            }
        }
    }
}

fn receive(end: &mut MeshEnd<u64>, from: &[usize], count: u64, sleeper: &Sleeper) {
    let mut got = vec![0; from.len()];
    while got.iter().any(|got| *got < count) {
        let mut any = false;
        for (got, from) in got.iter_mut().zip(from) {
            if let Some(number) = end.receive(*from) {
                *got += 1;
                assert_eq!(number, *got);
                any = true;
            }
        }
        if !any {
            sleeper.rest(false, || end.has_mail());
        }
    }
    assert!(!end.has_mail());
}

fn handed_over(senders: usize, count: u64) {
    let mut ends = mesh(senders + 1, 1).into_iter();
    let mut own = ends.next().expect("the first shard");
    let sleeper = Arc::new(Sleeper::new(Idle::Park));
    sleeper.moves_in();
    for mut end in ends {
        let sleeper = Arc::clone(&sleeper);
        thread::spawn(move || send(&mut end, 0, count, &sleeper));
    }
    let from: Vec<usize> = (1..=senders).collect();
    receive(&mut own, &from, count, &sleeper);
}

#[test]
fn what_is_sent_arrives_once() {
    explore_with(Mistake::None, Some(3), || handed_over(1, 2));
}

#[test]
fn what_two_send_arrives_once() {
    explore_with(Mistake::None, Some(2), || handed_over(2, 1));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_mail_is_not_heard_of() {
    explore_with(Mistake::NoFence, None, || handed_over(1, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn what_is_sent_without_release_is_not_whole() {
    explore_with(Mistake::RelaxedRing, None, || handed_over(1, 1));
}

/// Both send and both rest: neither sleeps through the other's mail.
#[test]
fn two_that_answer_each_other_do_not_both_sleep() {
    explore_with(Mistake::None, Some(3), || {
        let mut ends = mesh(2, 1).into_iter();
        let (mut asker, mut other) = (ends.next().expect("two"), ends.next().expect("two"));
        let sleepers = Arc::new([Sleeper::new(Idle::Park), Sleeper::new(Idle::Park)]);
        sleepers[0].moves_in();
        let shared = Arc::clone(&sleepers);
        let (ready, is_ready) = reply();
        thread::spawn(move || {
            shared[1].moves_in();
            ready.send(());
            receive(&mut other, &[0], 1, &shared[1]);
            send(&mut other, 0, 1, &shared[0]);
        });
        // As in an engine: nobody sends before everybody has moved in.
        assert_eq!(is_ready.wait(Duration::MAX), Ok(()));
        send(&mut asker, 1, 1, &sleepers[1]);
        receive(&mut asker, &[1], 1, &sleepers[0]);
    });
}
