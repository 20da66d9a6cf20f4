//! A pool of known stock, drained to the last unit by several clients over several shards, hands
//! out every unit exactly once.

mod common;

use std::{collections::HashSet, sync::Mutex};

use common::{FORMATS, assert_conserved, builder, draw_many, examine};
use tombola::{Completion, Outcome, PoolDefinition, StorageKind};

const CLIENTS: usize = 4;
const SHARDS: usize = 2;

fn pools() -> Vec<PoolDefinition> {
    (0..6)
        .map(|pool| {
            (0..40u64).fold(
                PoolDefinition::new(format!("pool {pool}")),
                |definition, item| definition.item(format!("item {item}"), item % 9 + 1, item % 23),
            )
        })
        .collect()
}

#[test]
fn every_unit_is_handed_out_exactly_once() {
    for (format, storage) in
        FORMATS
            .into_iter()
            .zip([StorageKind::Uring, StorageKind::Mmap, StorageKind::File])
    {
        let directory = tempfile::tempdir().unwrap();
        let engine = builder(directory.path())
            .shards(SHARDS)
            .format(format)
            .storage(storage)
            .open()
            .unwrap();
        let pools: Vec<_> = pools()
            .into_iter()
            .map(|pool| engine.register(pool).unwrap())
            .collect();
        assert_eq!(
            pools
                .iter()
                .map(|pool| pool.id().shard())
                .collect::<HashSet<_>>()
                .len(),
            SHARDS
        );
        let all = Mutex::new(Vec::<Completion>::new());
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = engine.client().unwrap();
                    let mut mine = Vec::new();
                    for pool in &pools {
                        // Together the clients ask for more than there is.
                        let stock: u64 = pool
                            .definition()
                            .items
                            .iter()
                            .filter_map(|item| item.stock)
                            .sum();
                        mine.extend(draw_many(&mut client, pool, stock as usize / CLIENTS + 20));
                    }
                    all.lock().unwrap().extend(mine);
                });
            }
        });
        let all = all.into_inner().unwrap();
        let requests: HashSet<_> = all.iter().map(|completion| completion.request).collect();
        assert_eq!(requests.len(), all.len(), "no request is answered twice");
        let logged: HashSet<_> = all
            .iter()
            .filter_map(|completion| Some((completion.shard, completion.seq?)))
            .collect();
        for pool in &pools {
            let of_pool = || all.iter().filter(|completion| completion.pool == pool.id());
            for (index, item) in pool.definition().items.iter().enumerate() {
                let drawn = of_pool()
                    .filter(|completion| completion.outcome == Outcome::Item(index as u32))
                    .count();
                assert_eq!(
                    Some(drawn as u64),
                    item.stock,
                    "{} of {}",
                    item.id,
                    pool.definition().name
                );
            }
            assert!(of_pool().any(|completion| completion.outcome == Outcome::Exhausted));
        }
        let refused = all
            .iter()
            .filter(|completion| completion.outcome == Outcome::Exhausted)
            .count();
        assert_eq!(
            logged.len(),
            all.len() - refused,
            "every unit has a sequence number of its own"
        );
        engine.shutdown().unwrap();
        let state = examine(directory.path());
        assert_eq!(state.findings().count(), 0);
        assert_conserved(&state);
        assert!(
            state
                .pools()
                .iter()
                .all(|pool| pool.items().all(|item| item.remaining == Some(0)))
        );
    }
}
