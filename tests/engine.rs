//! The engine through its public face: what is drawn, kept, refused and counted.

mod common;

use std::time::Duration;

use common::{
    DURABILITIES, FORMATS, LIMIT, STORAGES, assert_conserved, banner, builder, draw_many, examine,
    tally,
};
use tombola::{
    DrawError, Engine, Error, Idle, OnExhausted, Outcome, PoolDefinition, Request, StorageKind,
    SubmitError,
};

#[test]
fn every_format_storage_and_durability_draws_and_reopens() {
    for format in FORMATS {
        for storage in STORAGES {
            for durability in DURABILITIES {
                let directory = tempfile::tempdir().unwrap();
                let open = || {
                    builder(directory.path())
                        .format(format)
                        .storage(storage)
                        .durability(durability)
                        .open()
                        .unwrap()
                };
                let engine = open();
                let pool = engine.register(banner()).unwrap();
                let mut client = engine.client().unwrap();
                let first = draw_many(&mut client, &pool, 5_000);
                let seqs: Vec<_> = first
                    .iter()
                    .map(|completion| completion.seq.unwrap())
                    .collect();
                assert!(
                    seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
                    "contiguous and in order"
                );
                assert_eq!(engine.stats().unwrap().shards[0].draws, 5_000);
                engine.shutdown().unwrap();

                let state = examine(directory.path());
                assert_eq!(
                    state.findings().count(),
                    0,
                    "{format:?} {storage:?} {durability:?}"
                );
                assert_conserved(&state);
                let engine = open();
                let pool = engine.pool("banner").expect("it is still registered");
                let mut client = engine.client().unwrap();
                let second = draw_many(&mut client, &pool, 1_000);
                assert!(second[0].request > first.last().unwrap().request);
                assert!(second[0].seq > first.last().unwrap().seq);
                engine.shutdown().unwrap();
                let state = examine(directory.path());
                let drawn: Vec<u64> = state.pools()[0].items().map(|item| item.drawn).collect();
                let mut expected = tally(&first, &pool);
                expected
                    .iter_mut()
                    .zip(tally(&second, &pool))
                    .for_each(|(sum, more)| *sum += more);
                assert_eq!(drawn, expected);
            }
        }
    }
}

#[test]
fn a_dropped_engine_is_as_safe_as_a_crash() {
    for storage in STORAGES {
        let directory = tempfile::tempdir().unwrap();
        let mut acknowledged = 0;
        for _ in 0..4 {
            let engine = builder(directory.path()).storage(storage).open().unwrap();
            let pool = engine.register(banner()).unwrap();
            let mut client = engine.client().unwrap();
            acknowledged += draw_many(&mut client, &pool, 700).len() as u64;
            // More are under way when it goes.
            client.submit_batch(&[Request::from(&pool); 100]).unwrap();
            drop(engine);
            let left = std::iter::from_fn(|| client.poll_with(|_| {}).ok())
                .take(1_000)
                .sum::<usize>();
            acknowledged += left as u64;
            let state = examine(directory.path());
            assert!(state.opens());
            assert_conserved(&state);
            let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
            assert!(drawn >= acknowledged, "{drawn} of {acknowledged}");
        }
    }
}

#[test]
fn registering_again_changes_nothing_and_another_definition_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    engine.client().unwrap().draw(&pool, LIMIT).unwrap();
    assert_eq!(engine.register(banner()).unwrap().id(), pool.id());
    let other = PoolDefinition::new("banner")
        .item("gold", 11, 100)
        .unlimited("dust", 90);
    let error = engine.register(other.clone()).unwrap_err();
    assert!(
        matches!(&error, Error::PoolConflict { pool, .. } if pool == "banner"),
        "{error}"
    );
    assert!(error.to_string().contains("weight 10"), "{error}");
    engine.shutdown().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    assert!(matches!(
        engine.register(other),
        Err(Error::PoolConflict { .. })
    ));
    assert_eq!(engine.register(banner()).unwrap().id(), pool.id());
    assert!(matches!(
        engine.register(PoolDefinition::new("empty")),
        Err(Error::Pool(_))
    ));
}

#[test]
fn a_pool_larger_than_many_blocks_is_registered_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut large = PoolDefinition::new("large");
    for item in 0..20_000 {
        large = large.item(format!("item \"{item}\""), item % 7 + 1, 3);
    }
    let engine = builder(directory.path())
        .format(tombola::LogFormat::Jsonl)
        .open()
        .unwrap();
    let pool = engine.register(large.clone()).unwrap();
    let mut client = engine.client().unwrap();
    draw_many(&mut client, &pool, 500);
    drop(engine);
    let engine = builder(directory.path()).open().unwrap();
    assert_eq!(**engine.pool("large").unwrap().definition(), large);
    assert_eq!(engine.register(large).unwrap().id(), pool.id());
}

#[test]
fn one_owner_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    assert!(matches!(
        builder(directory.path()).open(),
        Err(Error::Locked { .. })
    ));
    drop(engine);
    builder(directory.path()).open().unwrap();
}

#[test]
fn the_number_of_shards_is_fixed_when_the_directory_is_made() {
    let directory = tempfile::tempdir().unwrap();
    drop(builder(directory.path()).shards(2).open().unwrap());
    let error = builder(directory.path()).shards(3).open().unwrap_err();
    assert!(
        matches!(
            error,
            Error::ShardCount {
                found: 2,
                asked: 3,
                ..
            }
        ),
        "{error}"
    );
    let engine = Engine::builder(directory.path())
        .idle(Idle::Park)
        .pin(false)
        .open()
        .unwrap();
    assert_eq!(engine.config().shards, Some(2));
}

#[test]
fn foreign_directories_and_unusable_ones_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("CURRENT"), "MANIFEST-000001").unwrap();
    assert!(matches!(
        builder(directory.path()).open(),
        Err(Error::NotTombola { .. })
    ));
    let file = directory.path().join("CURRENT");
    assert!(matches!(builder(&file).open(), Err(Error::Io { .. })));
}

#[test]
fn what_runs_out_is_told() {
    let engine = common::in_memory(1).seed(1).open().unwrap();
    let few = engine
        .register(PoolDefinition::new("few").item("a", 1, 2).item("b", 1, 1))
        .unwrap();
    let mut client = engine.client().unwrap();
    let completions = draw_many(&mut client, &few, 5);
    assert_eq!(tally(&completions, &few), [2, 1]);
    assert_eq!(completions[3].outcome, Outcome::Exhausted);
    assert_eq!(
        (completions[4].outcome, completions[4].seq),
        (Outcome::Exhausted, None)
    );

    let keeps = PoolDefinition::new("keeps")
        .on_exhausted(OnExhausted::NoPrize)
        .item("a", 1, 2)
        .unlimited("b", 1);
    let keeps = engine.register(keeps).unwrap();
    let completions = draw_many(&mut client, &keeps, 2_000);
    let counts = tally(&completions, &keeps);
    let none = completions
        .iter()
        .filter(|completion| completion.outcome == Outcome::NoPrize)
        .count();
    assert_eq!(counts[0], 2);
    assert!(
        none > 800 && counts[1] > 800,
        "the empty item keeps its weight: {none} {counts:?}"
    );
    assert!(
        completions
            .iter()
            .all(|completion| completion.seq.is_some()),
        "no prize is logged"
    );
    assert_eq!(engine.stats().unwrap().shards[0].no_prizes, none as u64);
}

#[test]
fn a_full_ring_hands_the_request_back_and_nothing_is_lost() {
    let engine = common::in_memory(1).ring_slots(4).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let mut submitted = Vec::new();
    let full = loop {
        match client.try_submit(&pool) {
            Ok(id) => submitted.push(id),
            Err(error) => break error,
        }
    };
    assert_eq!(full, SubmitError::Full(Request::from(&pool)));
    assert!(
        (4..=8).contains(&submitted.len()),
        "at most both rings: {}",
        submitted.len()
    );
    assert_eq!(
        client
            .submit_batch(&[Request::from(&pool); 3])
            .map(|ids| ids.count <= 3),
        Ok(true)
    );
    let mut answered = Vec::new();
    while client.open_requests() > 0 {
        client
            .poll_with(|completion| answered.push(completion.request))
            .unwrap();
    }
    assert_eq!(&answered[..submitted.len()], submitted);
}

#[test]
fn a_draw_finds_its_answer_behind_all_that_nobody_polled() {
    let engine = common::in_memory(1).ring_slots(4).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let mut draws = 0;
    let refused = loop {
        // The rings are full of others before each draw.
        while client.try_submit(&pool).is_ok() {}
        match client.draw(&pool, LIMIT) {
            Ok(_) => draws += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, DrawError::Submit(SubmitError::Full(_))));
    assert!(draws > 0);
    while client.open_requests() > 0 {
        client.poll_with(|_| {}).unwrap();
    }
    client.draw(&pool, LIMIT).unwrap();
}

#[test]
fn clients_come_and_go_up_to_a_bound() {
    let engine = common::in_memory(2).clients_max(3).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    for _ in 0..50 {
        let mut clients: Vec<_> = (0..3)
            .map(|_| {
                let begun = std::time::Instant::now();
                loop {
                    match engine.client() {
                        Ok(client) => break client,
                        Err(Error::TooManyClients { limit: 3 }) if begun.elapsed() < LIMIT => {
                            std::thread::yield_now();
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
            .collect();
        assert!(matches!(
            engine.client(),
            Err(Error::TooManyClients { limit: 3 })
        ));
        for client in &mut clients {
            client.draw(&pool, LIMIT).unwrap();
            client.try_submit(&pool).unwrap();
        }
    }
}

#[test]
fn an_expired_draw_is_unknown_and_its_completion_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path())
        .commit_delay(Duration::from_millis(300))
        .open()
        .unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let Err(DrawError::Unknown { request }) = client.draw(&pool, Duration::from_millis(1)) else {
        panic!("nothing is durable within a millisecond here");
    };
    // A later draw does not lose the earlier answer.
    let later = client.draw(&pool, LIMIT).unwrap();
    let mut found = Vec::new();
    client
        .poll_with(|completion| found.push(completion.request))
        .unwrap();
    assert_eq!(found, [request]);
    assert!(later.request > request);
}

#[test]
fn a_closed_engine_says_so() {
    let engine = common::in_memory(1).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let ids = client.submit_batch(&[Request::from(&pool); 10]).unwrap();
    engine.shutdown().unwrap();
    let mut answered = 0;
    while answered < ids.count {
        answered += client.poll_with(|_| {}).unwrap();
    }
    assert!(matches!(
        client.try_submit(&pool),
        Err(SubmitError::Stopped(..))
    ));
    assert!(matches!(
        client.draw(&pool, LIMIT),
        Err(DrawError::Submit(SubmitError::Stopped(..)))
    ));
}

#[test]
fn ids_of_another_engine_are_refused() {
    let one = common::in_memory(2).open().unwrap();
    let other = common::in_memory(1).open().unwrap();
    let mut pools = (0..8).map(|n| {
        one.register(PoolDefinition::new(format!("p{n}")).unlimited("a", 1))
            .unwrap()
    });
    let second = pools.find(|pool| pool.id().shard() == 1).unwrap();
    let first = pools.find(|pool| pool.id().shard() == 0).unwrap();
    let mut client = other.client().unwrap();
    assert!(matches!(
        client.try_submit(&second),
        Err(SubmitError::UnknownPool(_))
    ));
    assert_eq!(
        client.draw(&first, LIMIT).unwrap().outcome,
        Outcome::UnknownPool
    );
}

#[test]
fn none_keeps_nothing_and_leaves_the_directory_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let engine = builder(&path).storage(StorageKind::None).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    assert_eq!(
        draw_many(&mut engine.client().unwrap(), &pool, 100).len(),
        100
    );
    engine.shutdown().unwrap();
    assert!(!path.exists());
}

#[test]
fn every_idle_strategy_draws() {
    for idle in [Idle::Yield, Idle::Spin, Idle::Park] {
        let engine = Engine::in_memory().shards(1).idle(idle).open().unwrap();
        let pool = engine.register(banner()).unwrap();
        let mut client = engine.client().unwrap();
        for _ in 0..50 {
            client.draw(&pool, LIMIT).unwrap();
        }
    }
}

#[test]
fn a_lost_shard_directory_is_damage_that_can_be_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 100);
    engine.shutdown().unwrap();
    std::fs::remove_dir_all(directory.path().join("shard-000")).unwrap();
    let error = builder(directory.path()).open().map(drop).unwrap_err();
    assert!(
        matches!(&error, Error::Damaged { findings, .. } if findings.len() == 1),
        "{error}"
    );
    tombola::recovery::accept_loss(directory.path()).unwrap();
    let engine = builder(directory.path()).open().unwrap();
    assert_eq!(engine.pools().len(), 0);
}
