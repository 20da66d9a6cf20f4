//! Giving back, beside everything else that goes on.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use common::{LIMIT, builder, draw_many};
use tombola::{Clock, Durability, Outcome, PoolDefinition, Request, SettleError, StorageKind};

#[test]
fn a_hold_that_was_confirmed_says_so_whether_it_has_a_key_or_not() {
    let engine = common::in_memory(1).open().unwrap();
    let pool = PoolDefinition::new("p").item("a", 1, 2);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    let plain = Request::from(&pool).hold_for(LIMIT);
    for request in [plain, plain.key(5)] {
        let held = client.draw(request, LIMIT).unwrap();
        engine.confirm(&held).unwrap();
        let again = engine.confirm(&held);
        assert!(
            matches!(again, Err(SettleError::Confirmed { .. })),
            "{again:?}"
        );
    }
}

/// Its time ends a hold, not the shard's leisure to write that down: somebody may ask in between.
#[test]
fn a_hold_whose_time_is_over_is_not_confirmed() {
    let now_ms = Arc::new(AtomicU64::new(1_000));
    let clock = Arc::clone(&now_ms);
    let engine = common::in_memory(1)
        .clock(Clock::new(move || clock.load(Ordering::Relaxed)))
        .open()
        .unwrap();
    let pool = PoolDefinition::new("p").item("a", 1, 1);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    let request = Request::from(&pool).hold_for(Duration::from_millis(5));
    for _ in 0..200 {
        let held = client.draw(request, LIMIT).unwrap();
        let ends = [engine.void(&held), engine.confirm(&held)];
        assert!(matches!(ends, [Ok(()), Err(SettleError::Voided { .. })]));
        let held = client.draw(request, LIMIT).unwrap();
        now_ms.fetch_add(5, Ordering::Relaxed);
        for late in [engine.confirm(&held), engine.void(&held)] {
            assert!(matches!(late, Err(SettleError::Expired { .. })), "{late:?}");
        }
    }
}

/// Where no memory says what a request drew the log is read, and its segments are sealed, cut off
/// and deleted meanwhile. That is nobody's business.
#[test]
fn a_log_is_searched_while_it_is_written_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path())
        .storage(StorageKind::File)
        .durability(Durability::Kernel)
        .snapshot_records(3_000)
        .open()
        .unwrap();
    let pool = PoolDefinition::new("endless").unlimited("a", 1);
    let endless = engine.register(pool).unwrap();
    let closed = PoolDefinition::new("closed").unlimited("a", 1).closed();
    let closed = engine.register(closed).unwrap();
    let mut client = engine.client().unwrap();
    let refused = client.draw(&closed, LIMIT).unwrap();
    assert_eq!(refused.outcome, Outcome::Closed);
    let done = AtomicBool::new(false);
    let mistakes: Vec<SettleError> = thread::scope(|scope| {
        let searcher = scope.spawn(|| {
            let mut mistakes = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let end = engine.void(refused.request).expect_err("nothing was drawn");
                if matches!(end, SettleError::Engine(_)) {
                    mistakes.push(end);
                }
            }
            mistakes
        });
        draw_many(&mut client, &endless, 1_000_000 * common::long());
        done.store(true, Ordering::Relaxed);
        searcher.join().unwrap()
    });
    assert!(mistakes.is_empty(), "{mistakes:?}");
}
