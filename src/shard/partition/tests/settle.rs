//! Holds end and units come back, each once.

use std::time::Duration;

use super::{
    super::Found,
    live::{Got, Live},
};
use crate::{
    pool::{PoolChange, PoolDefinition},
    request::{Refusal, Request},
    wal::record::{NO_PRIZE, Settlement},
};

fn ten() -> Live {
    Live::new(&[PoolDefinition::new("ten").item("a", 1, 10).item("b", 0, 1)])
}

fn hold(count: u8) -> Request {
    Live::for_pool(0)
        .count(count)
        .hold_for(Duration::from_millis(5))
}

#[test]
fn a_hold_ends_once() {
    for (how, after) in [
        (Settlement::Confirmed, [7, 3, 0, 0]),
        (Settlement::Voided, [10, 0, 0, 0]),
    ] {
        let mut live = ten();
        let (request, _) = live.drawn(hold(3));
        assert_eq!(live.units(0), [7, 0, 3, 0]);
        assert_eq!(live.partition.find(request), Found::Held);
        assert_eq!(live.settle(request, how), Some(how));
        assert_eq!(live.units(0), after);
        assert_eq!(live.settle(request, how), None);
        assert_eq!(live.partition.find(request), Found::Settled(how));
        assert_eq!(live.expired(), None);
        live.at(1_005);
        assert_eq!(live.expired(), None, "it has ended already");
    }
}

#[test]
fn a_hold_is_over_with_its_last_millisecond() {
    for (now_ms, is_over) in [(1_004, false), (1_005, true)] {
        for how in [Settlement::Confirmed, Settlement::Voided] {
            let mut live = ten();
            let (request, items) = live.drawn(hold(3).key(1));
            live.at(now_ms);
            assert_eq!(live.expired(), is_over.then_some(request));
            let ends = if is_over { Settlement::Expired } else { how };
            assert_eq!(live.settle(request, how), Some(ends));
            if is_over {
                assert_eq!(live.units(0), [10, 0, 0, 0]);
                assert!(live.void(request, &items).is_err(), "it came back");
                assert_eq!(
                    live.partition.find(request),
                    Found::Settled(Settlement::Expired)
                );
            }
        }
    }
}

/// A clock that went back does not lengthen a hold beyond what the log says it is.
#[test]
fn the_newest_record_tells_the_time_where_the_clock_is_behind_it() {
    let mut live = ten();
    let (request, _) = live.drawn(hold(1));
    live.at(1_005);
    live.drawn(Live::for_pool(0).count(2));
    live.at(1);
    assert_eq!(live.expired(), Some(request));
    assert_eq!(
        live.settle(request, Settlement::Confirmed),
        Some(Settlement::Expired)
    );
}

#[test]
fn holds_expire_in_the_order_of_their_ends() {
    let mut live = ten();
    let (last, _) = live.drawn(Live::for_pool(0).hold_for(Duration::from_millis(9)));
    let (first, _) = live.drawn(hold(1));
    live.at(2_000);
    for request in [first, last] {
        assert_eq!(live.expired(), Some(request));
        live.settle(request, Settlement::Expired);
    }
    assert_eq!(live.expired(), None);
}

#[test]
fn what_was_handed_out_comes_back_once() {
    let mut live = ten();
    let (request, items) = live.drawn(Live::for_pool(0).count(3).key(1));
    live.void(request, &items).unwrap();
    assert_eq!(live.units(0), [10, 3, 0, 3]);
    assert!(live.void(request, &items).is_err());
    assert_eq!(
        live.partition.find(request),
        Found::Settled(Settlement::Voided)
    );
    // Its key still answers what it got.
    let again = live.draw(Live::for_pool(0).count(3).key(1));
    assert_eq!(again, Got::Again(request, items));
}

#[test]
fn what_was_confirmed_may_come_back_and_what_is_held_ends_first() {
    let mut live = ten();
    let (request, items) = live.drawn(hold(3));
    assert!(live.void(request, &items).is_err(), "it is held");
    live.settle(request, Settlement::Confirmed);
    live.void(request, &items).unwrap();
    assert_eq!(live.units(0), [10, 3, 0, 3]);
    assert!(live.void(request, &items).is_err());
}

#[test]
fn nothing_comes_back_that_was_not_handed_out() {
    let mut live = ten();
    live.drawn(Live::for_pool(0).count(3));
    for items in [&[0, 0, 0, 0][..], &[1], &[2], &[NO_PRIZE, 1]] {
        assert!(live.void(1, items).is_err(), "{items:?}");
    }
    live.void(1, &[NO_PRIZE, 0, 0]).unwrap();
    assert_eq!(live.units(0), [9, 3, 0, 2]);
    assert!(live.void(2, &[0, 0]).is_err(), "one is still out");
}

/// Two ends are remembered here. What is older may have ended or not: it cannot come back.
#[test]
fn what_ended_too_long_ago_is_forgotten() {
    let mut live = ten();
    let drawn: Vec<_> = (0..4)
        .map(|_| live.drawn(Live::for_pool(0).count(1)))
        .collect();
    for (request, items) in &drawn[1..] {
        live.void(*request, items).unwrap();
    }
    for (request, items) in &drawn[..2] {
        assert_eq!(live.partition.find(*request), Found::Forgotten);
        assert!(live.void(*request, items).is_err());
    }
    assert_eq!(
        live.partition.find(drawn[3].0),
        Found::Settled(Settlement::Voided)
    );
    assert_eq!(live.partition.find(drawn[3].0 + 1), Found::Nothing);
}

#[test]
fn the_last_unit_that_comes_back_can_be_drawn_again() {
    let mut live = ten();
    let (request, items) = live.drawn(Live::for_pool(0).count(10));
    assert_eq!(live.draw(hold(1)), Got::Refused(Refusal::Exhausted));
    live.void(request, &items).unwrap();
    let (request, _) = live.drawn(hold(10));
    assert_eq!(live.draw(hold(1)), Got::Refused(Refusal::Exhausted));
    live.settle(request, Settlement::Voided);
    live.drawn(hold(10));
}

#[test]
fn units_of_a_retired_item_come_back_and_stay() {
    let mut live = ten();
    let (voided, _) = live.drawn(hold(4));
    let (confirmed, _) = live.drawn(hold(1));
    let added = crate::ItemDefinition {
        id: "c".into(),
        weight: 1,
        stock: None,
    };
    let retire = [
        PoolChange::Retire { item: 0 },
        PoolChange::Add { item: added },
    ];
    live.change(&retire).unwrap();
    live.settle(voided, Settlement::Voided);
    live.settle(confirmed, Settlement::Confirmed);
    assert_eq!(live.units(0), [9, 1, 0, 0]);
    live.void(confirmed, &[0]).unwrap();
    assert_eq!(live.units(0), [10, 1, 0, 1]);
    let (_, items) = live.drawn(Live::for_pool(0).count(50));
    assert_eq!(items, [2; 50], "the retired one is not drawn");
}
