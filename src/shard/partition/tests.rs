//! The partition against a slow and obvious model.

mod change;
mod draws;
mod golden;
mod keys;
mod live;
mod settle;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    pool::{OnExhausted, Placement, PoolDefinition},
    selector::{Fenwick, PrefixSum},
    wal::{format, record::PoolPart},
};

fn register<S: Selector>(partition: &mut Partition<S>, definition: &PoolDefinition) -> u32 {
    let place = partition.pools.len() as u32;
    let mut first = 0;
    while first < definition.items.len() {
        let part = PoolPart::of(definition, place, first);
        first = part.end();
        partition.apply(1, &Record::Pool(part)).unwrap();
    }
    place
}

fn definition() -> impl Strategy<Value = PoolDefinition> {
    let items = prop::collection::vec((0..50u64, prop::option::of(0..6u64)), 1..12);
    (items, any::<bool>()).prop_filter_map("a pool that can be drawn from", |(items, no_prize)| {
        let mut pool = PoolDefinition::new("p");
        if no_prize {
            pool = pool.on_exhausted(OnExhausted::NoPrize);
        }
        for (index, (weight, stock)) in items.into_iter().enumerate() {
            pool.items.push(&crate::ItemDefinition {
                id: format!("i{index}"),
                weight,
                stock,
            });
        }
        pool.validate().is_ok().then_some(pool)
    })
}

proptest! {
    /// Fenwick and prefix sums choose the same items; replaying the records gives the same counts;
    /// a snapshot of them comes back the same; reverting everything gives the beginning.
    #[test]
    fn every_way_leads_to_the_same_state(definition in definition(), seed in any::<u64>(), draws in 0..200u64) {
        let mut live: Partition<Fenwick> = Partition::default();
        let mut oracle: Partition<PrefixSum> = Partition::default();
        let mut replayed: Partition<CountsOnly> = Partition::default();
        let place = register(&mut live, &definition);
        register(&mut oracle, &definition);
        register(&mut replayed, &definition);
        let beginning = live.clone();
        let (mut one, mut other) = (Stream::for_shard(seed, 0), Stream::for_shard(seed, 0));
        let mut made = Vec::new();
        let clock = Clock::system();
        for request in 1..=draws {
            let staged = live.stage(place, request, &mut one, &clock);
            prop_assert_eq!(staged, oracle.stage(place, request, &mut other, &clock));
            match staged {
                Staged::Draw(draw) => {
                    replayed.apply(1, &Record::Draw(draw)).unwrap();
                    made.push(draw);
                }
                Staged::Refused(Refusal::Exhausted) => prop_assert!(live.pools[0].items().all(|item| item.weight == 0 || item.remaining == Some(0))),
                Staged::Refused(_) | Staged::Elsewhere(_) => prop_assert!(false, "the pool is there"),
            }
        }
        for item in live.pools[0].items() {
            if let Some(initial) = item.initial {
                prop_assert_eq!(initial, item.drawn + item.remaining.unwrap());
            }
        }
        prop_assert_eq!(live.clone().with_selector::<CountsOnly>(), replayed.clone());
        let bytes = format::encode_to_vec(&replayed.image());
        let back: image::PartitionBack = format::bounded_decode(&bytes).unwrap();
        prop_assert_eq!(Partition::try_from(back), Ok(replayed));
        for draw in made.into_iter().rev() {
            live.revert(draw).unwrap();
        }
        prop_assert_eq!(live.pools, beginning.pools);
    }
}

#[test]
fn a_registration_that_broke_off_is_replaced() {
    let definition = PoolDefinition::new("p").item("a", 1, 1).item("b", 1, 1);
    let mut partition: Partition<Fenwick> = Partition::default();
    let mut part = PoolPart::of(&definition, 0, 0);
    part.items.truncate(1);
    partition.apply(1, &Record::Pool(part)).unwrap();
    let mut stream = Stream::for_shard(1, 0);
    assert_eq!(
        partition.stage(0, 1, &mut stream, &Clock::system()),
        Staged::Refused(Refusal::UnknownPool)
    );
    partition
        .apply(1, &Record::Pool(PoolPart::of(&definition, 0, 0)))
        .unwrap();
    assert!(matches!(
        partition.stage(0, 1, &mut stream, &Clock::system()),
        Staged::Draw(_)
    ));
}

#[test]
fn a_registration_that_broke_off_may_go_on_at_another_place() {
    let spread = |name: &str| PoolDefinition::new(name).placement(Placement::AllShards);
    let definition = spread("p").item("a", 1, 1).item("b", 1, 1);
    let mut partition: Partition<Fenwick> = Partition::default();
    let mut part = PoolPart::of(&definition, 0, 0);
    part.items.truncate(1);
    partition.apply(1, &Record::Pool(part)).unwrap();
    let other = PoolPart::of(&spread("q").item("a", 1, 1), 1, 0);
    partition.apply(2, &Record::Pool(other)).unwrap();
    let again = PoolPart::of(&definition, 2, 0);
    partition.apply(3, &Record::Pool(again)).unwrap();
    assert_eq!(partition.place("p"), Some(2));
    let is_registered = |pool: &Pool<Fenwick>| pool.is_registered();
    let registered: Vec<bool> = partition.pools().iter().map(is_registered).collect();
    assert_eq!(registered, [false, true, true]);
}

#[test]
fn records_that_do_not_fit_change_nothing() {
    let mut partition: Partition<Fenwick> = Partition::default();
    register(&mut partition, &PoolDefinition::new("p").item("a", 1, 1));
    let draw = |pool, item| {
        Record::Draw(DrawRecord {
            pool,
            item,
            request: 1,
        })
    };
    partition.apply(1, &draw(0, 0)).unwrap();
    let before = partition.clone();
    for misfit in [draw(0, 0), draw(0, 1), draw(1, 0)] {
        assert!(partition.apply(1, &misfit).is_err());
    }
    let again = PoolPart::of(&PoolDefinition::new("p").item("a", 1, 1), 0, 0);
    assert!(partition.apply(1, &Record::Pool(again)).is_err());
    assert_eq!(partition, before);
}

#[test]
fn what_is_committed_cannot_be_put_back() {
    let mut partition: Partition<Fenwick> = Partition::default();
    register(&mut partition, &PoolDefinition::new("p").item("a", 1, 2));
    let mut stream = Stream::for_shard(1, 0);
    let Staged::Draw(draw) = partition.stage(0, 1, &mut stream, &Clock::system()) else {
        panic!("there is stock")
    };
    partition.commit(1);
    assert!(partition.revert(draw).is_err());
    let Staged::Draw(draw) = partition.stage(0, 2, &mut stream, &Clock::system()) else {
        panic!("there is stock")
    };
    assert_eq!(
        partition.stage(0, 3, &mut stream, &Clock::system()),
        Staged::Refused(Refusal::Exhausted),
        "what is staged is taken"
    );
    partition.revert(draw).unwrap();
    assert_eq!(partition.staged(), 0);
    assert!(matches!(
        partition.stage(0, 4, &mut stream, &Clock::system()),
        Staged::Draw(_)
    ));
}

#[test]
fn a_registration_that_does_not_fit_leaves_a_state_that_a_snapshot_can_hold() {
    let mut partition: Partition<CountsOnly> = Partition::default();
    let twice = PoolDefinition::new("p").item("a", 1, 1).item("a", 1, 1);
    let part = PoolPart::of(&twice, 0, 0);
    assert!(partition.apply(1, &Record::Pool(part)).is_err());
    assert_eq!(partition.reads_back(), Ok(()));
    let place = register(&mut partition, &PoolDefinition::new("p").item("a", 1, 1));
    assert_eq!(place, 1);
}

#[test]
fn one_record_asks_for_no_more_than_some_thousand_empty_places() {
    let mut partition = Partition::<CountsOnly>::default().on_shard(0, 2);
    register(
        &mut partition,
        &PoolDefinition::new("near").unlimited("a", 1),
    );
    let far = PoolDefinition::new("far").unlimited("a", 1);
    let far = far.placement(Placement::AllShards);
    let at = |place| Record::Pool(PoolPart::of(&far, place as u32, 0));
    let most = partition.places_max();
    assert!(partition.apply(2, &at(most)).is_err());
    assert_eq!(partition.pools().len(), 1);
    partition.apply(2, &at(most - 1)).unwrap();
    assert_eq!(partition.pools().len(), most);
    // One more pool, four more places: two records are not twice as much.
    assert_eq!(partition.places_max(), most + 4);
    let [one, other] = [1, 2].map(|place| partition.pools()[place].definition());
    assert!(Arc::ptr_eq(one, other), "empty places share what they can");
    assert_eq!(partition.reads_back(), Ok(()));
}
