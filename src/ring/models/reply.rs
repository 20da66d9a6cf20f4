//! Replies: whoever waits gets the answer, or learns that there will be none.

use std::time::Duration;

use crate::{
    ring::{NoAnswer, reply},
    sync::{modelled::explore, thread},
};

#[test]
fn an_answer_or_gone() {
    explore(|| {
        let (answered, answer) = reply();
        let (dropped, none) = reply::<u64>();
        thread::spawn(move || {
            answered.send(7);
            drop(dropped);
        });
        assert_eq!(answer.wait(Duration::MAX), Ok(7));
        assert_eq!(none.wait(Duration::MAX), Err(NoAnswer::Gone));
    });
}

#[test]
fn looking_again_finds_it_too() {
    explore(|| {
        let (answered, answer) = reply();
        thread::spawn(move || answered.send(7));
        let found = loop {
            match answer.try_wait() {
                Ok(None) => thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(found, Ok(Some(7)));
        assert_eq!(answer.try_wait(), Err(NoAnswer::Gone));
    });
}
