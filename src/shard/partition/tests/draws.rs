//! Draws that are made together, and holds, at their limits.

use std::time::Duration;

use super::live::{Got, Live};
use crate::{
    pool::{OnExhausted, PoolDefinition},
    request::Refusal,
    wal::record::{DrawsRecord, NO_PRIZE, Record},
};

fn five() -> PoolDefinition {
    PoolDefinition::new("five").item("a", 1, 2).item("b", 9, 3)
}

#[test]
fn fewer_than_asked_for_are_drawn_only_where_that_will_do() {
    let mut live = Live::new(&[five()]);
    let six = Live::for_pool(0).count(6);
    assert_eq!(live.draw(six), Got::Refused(Refusal::TooFew));
    assert_eq!((live.units(0), live.units(1)), ([2, 0, 0, 0], [3, 0, 0, 0]));
    let (_, mut items) = live.drawn(six.partial(true).key(1));
    items.sort_unstable();
    assert_eq!(items, [0, 0, 1, 1, 1]);
    for partial in [true, false] {
        let nothing = live.draw(six.partial(partial));
        assert_eq!(nothing, Got::Refused(Refusal::Exhausted));
    }
    let again = live.draw(six.key(1));
    assert!(
        matches!(again, Got::Again(_, again) if again.len() == 5),
        "sold out or not"
    );
}

#[test]
fn what_is_left_is_drawn_whole() {
    let mut live = Live::new(&[five()]);
    let (_, items) = live.drawn(Live::for_pool(0).count(5));
    assert_eq!(items.len(), 5);
    assert_eq!(
        live.draw(Live::for_pool(0).count(1)),
        Got::Refused(Refusal::Exhausted)
    );
}

/// Whether it is refused depends on what was there, and not on how many prizes luck had.
#[test]
fn a_pool_that_answers_no_prize_counts_its_units_too() {
    let pool = PoolDefinition::new("p")
        .on_exhausted(OnExhausted::NoPrize)
        .item("a", 1, 2)
        .item("b", 1, 1);
    for _ in 0..50 {
        let mut live = Live::new(std::slice::from_ref(&pool));
        assert_eq!(
            live.draw(Live::for_pool(0).count(4)),
            Got::Refused(Refusal::TooFew)
        );
        let (_, items) = live.drawn(Live::for_pool(0).count(3));
        assert_eq!(items.len(), 3);
        let prizes = items.iter().filter(|item| **item != NO_PRIZE).count() as u64;
        let left = 3 - prizes;
        assert_eq!(live.units(0)[0] + live.units(1)[0], left);
        if left > 0 {
            let (_, items) = live.drawn(Live::for_pool(0).count(100).partial(true));
            assert!(items.len() <= 100 && items.iter().any(|item| *item != NO_PRIZE));
        }
    }
}

#[test]
fn so_many_holds_are_open_and_no_more() {
    let hold = Live::for_pool(0).hold_for(Duration::from_millis(5));
    let mut live = Live::new(&[five()]);
    live.holds_max = 0;
    assert_eq!(live.draw(hold), Got::Refused(Refusal::TooManyHolds));
    live.holds_max = 2;
    live.drawn(hold.count(2));
    live.drawn(hold.key(1));
    assert_eq!(live.draw(hold), Got::Refused(Refusal::TooManyHolds));
    assert!(
        matches!(live.draw(hold.key(1)), Got::Again(..)),
        "it holds already"
    );
    live.drawn(Live::for_pool(0).count(2));
    let held: u64 = (0..2).map(|item| live.units(item)[2]).sum();
    assert_eq!((held, live.partition.holds_open()), (3, 2));
}

#[test]
fn draws_that_do_not_fit_change_nothing() {
    let mut live = Live::new(&[five()]);
    live.drawn(Live::for_pool(0).key(7));
    let (held, _) = live.drawn(Live::for_pool(0).hold_for(Duration::from_millis(5)));
    let record = |items: &[u32]| DrawsRecord {
        request: 9,
        asked: 4,
        items: items.to_vec(),
        ..DrawsRecord::default()
    };
    let before = live.partition.clone();
    for misfit in [
        record(&[]),
        record(&[1, 1, 1, 1]),
        record(&[1, 2]),
        DrawsRecord {
            asked: 1,
            ..record(&[0, 1])
        },
        DrawsRecord {
            asked: 101,
            ..record(&[1])
        },
        DrawsRecord {
            pool: 1,
            ..record(&[1])
        },
        DrawsRecord {
            key: Some(7),
            ..record(&[1])
        },
        DrawsRecord {
            request: held,
            held_until_ms: Some(9),
            ..record(&[1])
        },
    ] {
        assert!(
            live.apply(&Record::Draws(Box::new(misfit.clone())))
                .is_err(),
            "{misfit:?}"
        );
        assert_eq!(live.partition, before);
    }
}
