//! What is remembered of keys, and until when.

use std::time::Duration;

use super::live::{Got, Live};
use crate::{pool::PoolDefinition, request::Refusal};

fn dice() -> Live {
    let pool = |name| {
        (0..6).fold(PoolDefinition::new(name), |pool, side| {
            pool.unlimited(format!("{side}"), 1)
        })
    };
    Live::new(&[pool("one"), pool("other")])
}

#[test]
fn a_key_that_is_remembered_gets_what_it_got() {
    let mut live = dice();
    let keyed = Live::for_pool(0).count(10).key(7);
    let (first, items) = live.drawn(keyed);
    assert_eq!(live.draw(keyed), Got::Again(first, items.clone()));
    // How it is asked again does not matter, as long as it is for the same.
    let otherwise = keyed
        .partial(true)
        .retry(true)
        .hold_for(Duration::from_millis(1));
    assert_eq!(live.draw(otherwise), Got::Again(first, items));
    assert_eq!(live.partition.holds_open(), 0);
}

#[test]
fn a_key_is_for_one_pool_and_one_count() {
    let mut live = dice();
    let keyed = Live::for_pool(0).count(2).key(7);
    let (first, items) = live.drawn(keyed);
    for other in [
        keyed.count(1),
        keyed.count(3),
        Live::for_pool(1).count(2).key(7),
    ] {
        assert_eq!(live.draw(other), Got::Refused(Refusal::KeyConflict));
        assert_eq!(
            live.draw(other.retry(true)),
            Got::Refused(Refusal::KeyConflict)
        );
    }
    assert_eq!(live.draw(keyed), Got::Again(first, items));
}

#[test]
fn so_many_keys_are_remembered_and_no_more() {
    for keys in [0, 1, 3, 64] {
        let mut live = dice();
        live.remember(keys, 0);
        let keyed = |key: u64| Live::for_pool(0).count((key % 3 + 1) as u8).key(key.into());
        assert!(
            matches!(live.draw(keyed(0).retry(true)), Got::Drew(..)),
            "nothing was forgotten"
        );
        for key in 1..=keys {
            live.drawn(keyed(key));
        }
        assert_eq!(live.partition.keys_remembered() as u64, keys);
        // One more than fits has come: the first is forgotten, the second is not.
        assert_eq!(
            live.draw(keyed(0).retry(true)),
            Got::Refused(Refusal::Forgotten)
        );
        if keys > 0 {
            assert!(matches!(live.draw(keyed(1).retry(true)), Got::Again(..)));
        }
        // Who does not say that it is a retry is drawn for, and remembered instead of the next.
        live.drawn(keyed(0));
        assert_eq!(
            live.draw(keyed(1).retry(true)),
            Got::Refused(Refusal::Forgotten)
        );
        // A key that never was there looks the same from now on.
        assert_eq!(
            live.draw(keyed(999).retry(true)),
            Got::Refused(Refusal::Forgotten)
        );
    }
}

#[test]
fn fewer_are_remembered_from_when_that_is_said() {
    let mut live = dice();
    let keyed = |key: u128| Live::for_pool(0).count(3).key(key);
    let answers: Vec<_> = (0..10).map(|key| live.drawn(keyed(key))).collect();
    live.remember(4, 0);
    assert_eq!(live.partition.keys_remembered(), 4);
    live.remember(40, 0);
    for key in 0..6 {
        assert_eq!(
            live.draw(keyed(key).retry(true)),
            Got::Refused(Refusal::Forgotten)
        );
    }
    for key in 6..10 {
        let (request, items) = answers[key as usize].clone();
        assert_eq!(live.draw(keyed(key)), Got::Again(request, items));
    }
    // More than ever fitted before.
    let more: Vec<_> = (10..46).map(|key| live.drawn(keyed(key))).collect();
    for (key, (request, items)) in (10..46).zip(more) {
        assert_eq!(live.draw(keyed(key)), Got::Again(request, items));
    }
}

#[test]
fn a_key_is_forgotten_with_the_first_that_comes_when_its_time_is_over() {
    let keyed = |key: u128| Live::for_pool(0).key(key);
    for (later_ms, is_forgotten) in [(49, false), (50, true)] {
        let mut live = dice();
        live.remember(100, 50);
        live.at(1_000);
        live.drawn(keyed(1));
        live.at(1_000 + later_ms);
        // Asking alone forgets nothing: a replay would not know of it.
        assert!(matches!(live.draw(keyed(1)), Got::Again(..)));
        live.drawn(Live::for_pool(0).count(2));
        assert!(matches!(live.draw(keyed(1)), Got::Again(..)));
        live.drawn(keyed(2));
        let again = live.draw(keyed(1).retry(true));
        assert_eq!(again == Got::Refused(Refusal::Forgotten), is_forgotten);
    }
}

#[test]
fn a_clock_that_goes_back_keeps_keys_in_their_order() {
    let mut live = dice();
    live.remember(100, 50);
    live.at(1_000);
    live.drawn(Live::for_pool(0).key(1));
    live.at(10);
    live.drawn(Live::for_pool(0).key(2));
    live.at(1_049);
    live.drawn(Live::for_pool(0).key(3));
    assert_eq!(live.partition.keys_remembered(), 3);
    live.at(1_050);
    live.drawn(Live::for_pool(0).key(4));
    assert_eq!(live.partition.keys_remembered(), 2);
}
