//! Changes to a pool, up to what can be counted.

use super::live::{Got, Live};
use crate::{
    ItemDefinition,
    pool::{ChangeError, PoolChange, PoolDefinition, PoolError},
    request::Refusal,
};

fn two() -> Live {
    Live::new(&[PoolDefinition::new("two").item("a", 1, 5).unlimited("b", 1)])
}

fn item(id: &str, weight: u64, stock: Option<u64>) -> ItemDefinition {
    ItemDefinition {
        id: id.into(),
        weight,
        stock,
    }
}

/// Nothing of it is made, whatever else it would have changed.
fn refused(live: &mut Live, changes: &[PoolChange<u32>]) -> ChangeError {
    let before = live.partition.clone();
    let error = live.change(changes).expect_err("it cannot be made");
    assert_eq!(live.partition, before);
    error
}

fn restock(item: u32, units: u64) -> PoolChange<u32> {
    PoolChange::Restock { item, units }
}

fn weight(item: u32, weight: u64) -> PoolChange<u32> {
    PoolChange::Weight { item, weight }
}

fn window(opens_at_ms: Option<u64>, closes_at_ms: Option<u64>) -> PoolChange<u32> {
    PoolChange::Window {
        opens_at_ms,
        closes_at_ms,
    }
}

#[test]
fn stock_grows_to_what_can_be_counted_and_no_further() {
    let mut live = two();
    let (request, items) = live.drawn(Live::for_pool(0).count(20));
    // u64::MAX means unlimited; five are there.
    let most = u64::MAX - 1 - 5;
    assert!(matches!(
        refused(&mut live, &[restock(0, most + 1)]),
        ChangeError::TooMuchStock { .. }
    ));
    let twice = [restock(0, most), restock(0, 1)];
    assert!(matches!(
        refused(&mut live, &twice),
        ChangeError::TooMuchStock { .. }
    ));
    live.change(&[restock(0, most)]).unwrap();
    assert!(matches!(
        refused(&mut live, &[restock(0, 1)]),
        ChangeError::TooMuchStock { .. }
    ));
    live.change(&[restock(0, 0)]).unwrap();
    live.void(request, &items).unwrap();
    assert_eq!(
        live.units(0)[0],
        u64::MAX - 1,
        "with what came back it is all there"
    );
    assert!(matches!(
        refused(&mut live, &[restock(1, 1)]),
        ChangeError::Unlimited { .. }
    ));
    assert!(matches!(
        refused(&mut live, &[restock(2, 1)]),
        ChangeError::UnknownItem { .. }
    ));
}

#[test]
fn weights_grow_to_what_can_be_counted_and_no_further() {
    let overflow = |error| matches!(error, ChangeError::Pool(PoolError::WeightOverflow { .. }));
    let mut live = two();
    assert!(overflow(refused(&mut live, &[weight(0, u64::MAX)])));
    live.change(&[weight(0, u64::MAX - 1)]).unwrap();
    live.drawn(Live::for_pool(0).count(3));
    let more = PoolChange::Add {
        item: item("c", 1, None),
    };
    assert!(overflow(refused(&mut live, std::slice::from_ref(&more))));
    // They are made one by one: it is too much before the second one helps.
    assert!(overflow(refused(&mut live, &[more.clone(), weight(0, 1)])));
    live.change(&[weight(0, 1), more]).unwrap();
    live.change(&[weight(0, 0), weight(1, 0), weight(2, u64::MAX)])
        .unwrap();
    assert_eq!(live.drawn(Live::for_pool(0).count(9)).1, [2; 9]);
}

#[test]
fn a_pool_keeps_something_that_can_be_drawn() {
    let zero = |error| matches!(error, ChangeError::Pool(PoolError::ZeroWeight { .. }));
    let mut live = two();
    assert!(zero(refused(
        &mut live,
        &[weight(0, 0), PoolChange::Retire { item: 1 }]
    )));
    live.change(&[weight(0, 0), weight(1, 0), weight(0, 3)])
        .unwrap();
    assert!(zero(refused(&mut live, &[PoolChange::Retire { item: 0 }])));
    assert!(
        live.drawn(Live::for_pool(0).count(5))
            .1
            .iter()
            .all(|item| *item == 0)
    );
}

#[test]
fn a_retired_item_is_retired_for_good() {
    let mut live = two();
    let retire = PoolChange::Retire { item: 0 };
    live.change(std::slice::from_ref(&retire)).unwrap();
    for change in [restock(0, 1), weight(0, 1), retire.clone()] {
        assert!(matches!(
            refused(&mut live, &[change]),
            ChangeError::Retired { .. }
        ));
    }
    // Within one change too.
    let add = PoolChange::Add {
        item: item("c", 1, Some(1)),
    };
    let retire = PoolChange::Retire { item: 2 };
    let both = [add.clone(), retire.clone(), restock(2, 1)];
    let error = refused(&mut live, &both);
    assert!(matches!(error, ChangeError::Retired { item, .. } if item == "c"));
    live.change(&[add, restock(2, 1), retire]).unwrap();
    assert_eq!(live.units(2), [2, 0, 0, 0]);
    assert_eq!(live.drawn(Live::for_pool(0).count(9)).1, [1; 9]);
}

#[test]
fn an_item_that_ran_out_is_drawn_again_when_stock_comes() {
    let mut live = Live::new(&[PoolDefinition::new("p").item("a", 1, 1)]);
    let one = Live::for_pool(0).count(1).partial(true);
    live.drawn(one);
    assert_eq!(live.draw(one), Got::Refused(Refusal::Exhausted));
    live.change(&[restock(0, 0)]).unwrap();
    assert_eq!(live.draw(one), Got::Refused(Refusal::Exhausted));
    live.change(&[weight(0, 7)]).unwrap();
    assert_eq!(live.draw(one), Got::Refused(Refusal::Exhausted));
    live.change(&[restock(0, 1)]).unwrap();
    live.drawn(one);
}

#[test]
fn a_window_has_its_first_millisecond_and_not_its_last() {
    let mut live = two();
    let one = Live::for_pool(0).count(2);
    for (opens, closes) in [(2_000, 2_000), (2_001, 2_000), (0, 0)] {
        let empty = [window(Some(opens), Some(closes))];
        assert!(matches!(
            refused(&mut live, &empty),
            ChangeError::Window { .. }
        ));
    }
    live.change(&[window(Some(2_000), Some(2_001))]).unwrap();
    for (now_ms, refusal) in [
        (1_999, Some(Refusal::NotYetOpen)),
        (2_000, None),
        (2_001, Some(Refusal::Closed)),
    ] {
        live.at(now_ms);
        match refusal {
            Some(refusal) => assert_eq!(live.draw(one), Got::Refused(refusal)),
            None => drop(live.drawn(one)),
        }
    }
    live.change(&[window(None, Some(u64::MAX))]).unwrap();
    live.drawn(one);
    live.change(&[window(Some(0), None)]).unwrap();
    live.drawn(one);
    live.change(&[PoolChange::Close]).unwrap();
    assert_eq!(live.draw(one), Got::Refused(Refusal::Closed));
    live.change(&[window(None, None)]).unwrap();
    assert_eq!(
        live.draw(one),
        Got::Refused(Refusal::Closed),
        "a window opens nothing"
    );
    live.change(&[PoolChange::Open]).unwrap();
    live.drawn(one);
}

#[test]
fn a_registered_window_is_checked_alike() {
    let pool = |opens, closes| {
        PoolDefinition::new("p")
            .item("a", 1, 1)
            .window(Some(opens), Some(closes))
    };
    assert!(matches!(
        pool(5, 5).validate(),
        Err(PoolError::Window { .. })
    ));
    assert!(pool(5, 6).validate().is_ok());
}
