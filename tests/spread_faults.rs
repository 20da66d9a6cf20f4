//! Pools on all shards where something goes wrong: names that are taken, shards that fail while a
//! pool is changed, logs that lose a part.

mod common;

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use common::{LIMIT, examine};
use tombola::{
    Client, Completion, Durability, Engine, EngineBuilder, Error, Idle, Outcome, Placement,
    PoolChange, PoolDefinition, PoolHandle, Request, StorageKind, recovery,
    storage::{
        self,
        sim::{FaultPlan, SimHandle, SimStorage},
    },
};

fn builder(directory: &Path) -> EngineBuilder {
    common::builder(directory)
        .shards(2)
        .durability(Durability::Kernel)
        .storage(StorageKind::File)
}

fn spread(name: &str) -> PoolDefinition {
    PoolDefinition::new(name).placement(Placement::AllShards)
}

fn draw(client: &mut Client, pool: &PoolHandle) -> Completion {
    client.draw(Request::from(pool), LIMIT).unwrap()
}

/// Draws until nothing is left.
fn drain(client: &mut Client, pool: &PoolHandle) -> Vec<Completion> {
    let mut all = Vec::new();
    loop {
        let completion = draw(client, pool);
        if completion.outcome == Outcome::Exhausted {
            return all;
        }
        all.push(completion);
    }
}

#[test]
fn a_name_with_another_placement_is_a_conflict() {
    let engine = common::in_memory(2).open().unwrap();
    let one = PoolDefinition::new("one").item("a", 1, 100);
    let all = spread("all").item("a", 1, 100);
    engine.register(one.clone()).unwrap();
    engine.register(all.clone()).unwrap();
    let again = engine.register(one.placement(Placement::AllShards));
    assert!(
        matches!(again, Err(Error::PoolConflict { .. })),
        "{again:?}"
    );
    let again = engine.register(all.placement(Placement::OneShard));
    assert!(
        matches!(again, Err(Error::PoolConflict { .. })),
        "{again:?}"
    );
}

#[test]
fn pools_that_come_at_the_same_time_do_not_take_each_others_places() {
    for _ in 0..5 {
        let engine = common::in_memory(2).idle(Idle::Yield).open().unwrap();
        let register = |prefix: &str, placement| -> Vec<PoolHandle> {
            let pool = |number| PoolDefinition::new(format!("{prefix}{number}"));
            let pool = |number| pool(number).item("a", 1, 100).placement(placement);
            (0..20)
                .map(|number| engine.register(pool(number)).unwrap())
                .collect()
        };
        let pools: Vec<PoolHandle> = thread::scope(|scope| {
            let all = scope.spawn(|| register("all", Placement::AllShards));
            let one = scope.spawn(|| register("one", Placement::OneShard));
            let threads = [all, one].into_iter();
            threads.flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut client = engine.client().unwrap();
        for pool in &pools {
            let got = (0..150).map(|_| draw(&mut client, pool).outcome);
            let units = got.filter(|outcome| *outcome == Outcome::Item(0)).count();
            assert_eq!(units, 100, "{}", pool.definition().name);
        }
    }
}

#[test]
fn what_comes_back_after_a_restart_is_drawn_on_every_shard() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(spread("banner").item("a", 1, 40)).unwrap();
    let drained = drain(&mut engine.client().unwrap(), &pool);
    assert_eq!(drained.len(), 40);
    engine.shutdown().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let home = pool.id().shard();
    let away = drained.iter().filter(|completion| completion.shard != home);
    for completion in away.take(10) {
        engine.void(completion).unwrap();
    }
    let mut client = engine.client().unwrap();
    assert_eq!(drain(&mut client, &pool).len(), 10);
}

#[test]
fn what_was_registered_without_stock_is_drawn_on_every_shard_once_it_has_some() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = spread("banner").item("a", 1, 1_000).item("b", 1_000_000, 0);
    let pool = engine.register(pool).unwrap();
    let restock = PoolChange::Restock {
        item: "b".into(),
        units: 10_000,
    };
    engine.edit(pool.id(), &[restock]).unwrap();
    let many_are_b = |engine: &Engine| {
        let mut client = engine.client().unwrap();
        let outcomes = (0..400).map(|_| draw(&mut client, &pool).outcome);
        // With odds of a million to a thousand.
        outcomes
            .filter(|outcome| *outcome == Outcome::Item(1))
            .count()
            > 300
    };
    assert!(many_are_b(&engine));
    engine.shutdown().unwrap();
    assert!(many_are_b(&builder(directory.path()).open().unwrap()));
}

/// The shards but one fail after some writes.
fn failing_away(directory: &Path, home: usize) -> EngineBuilder {
    let fails_away = move |shard, options| {
        let inner = storage::open(StorageKind::File, options)?.storage;
        if shard == home {
            return Ok(inner);
        }
        let plan = FaultPlan::new().fail_write(20, io::ErrorKind::Other);
        Ok(Box::new(SimStorage::new(inner, plan)) as Box<dyn storage::Storage>)
    };
    builder(directory).storage_factory(Arc::new(fails_away))
}

#[test]
fn what_only_a_stopped_shard_has_is_unavailable_and_the_rest_is_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let many = engine.register(spread("many").item("a", 1, 400)).unwrap();
    let one = engine.register(PoolDefinition::new("one").item("b", 1, 10));
    let home = one.unwrap().id().shard();
    engine.shutdown().unwrap();
    let engine = failing_away(directory.path(), home).open().unwrap();
    let mut client = engine.client().unwrap();
    let mut drawn = 0;
    for key in 0.. {
        match client.draw(Request::from(&many).key(key), LIMIT) {
            Ok(completion) => drawn += u64::from(completion.outcome == Outcome::Item(0)),
            Err(_) => break,
        }
    }
    let mut next = || draw(&mut client, &many).outcome;
    let last = loop {
        match next() {
            Outcome::Item(0) => drawn += 1,
            other => break other,
        }
    };
    assert_eq!(last, Outcome::Unavailable);
    assert_eq!(next(), Outcome::Unavailable);
    assert!((200..400).contains(&drawn), "{drawn}");
    let one = engine.pool("one").unwrap();
    assert_eq!(draw(&mut client, &one).outcome, Outcome::Item(0));
    drop((client, engine));
    // Nothing of it is lost: it was only out of reach.
    let engine = builder(directory.path()).open().unwrap();
    let rest = drain(&mut engine.client().unwrap(), &many).len() as u64;
    assert!(
        (400 - drawn - 1..=400 - drawn).contains(&rest),
        "{drawn} and {rest}"
    );
}

#[test]
fn a_pool_is_not_changed_while_one_of_its_shards_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = spread("banner").item("a", 1, 100_000).item("b", 1, 100_000);
    let pool = engine.register(pool).unwrap();
    let home = pool.id().shard();
    engine.shutdown().unwrap();
    let engine = failing_away(directory.path(), home).open().unwrap();
    let mut client = engine.client().unwrap();
    // Keys are spread over the shards, so this ends when the other one fails.
    let keyed = |key: u128| Request::from(&pool).key(key);
    (0..100_000).find(|key| client.draw(keyed(*key), LIMIT).is_err());
    let weight = |weight| PoolChange::Weight {
        item: "a".into(),
        weight,
    };
    for _ in 0..2 {
        let edited = engine.edit(pool.id(), &[weight(7)]);
        assert!(matches!(edited, Err(Error::Stopped(_))), "{edited:?}");
    }
    drop((client, engine));
    let engine = builder(directory.path()).open().unwrap();
    assert_eq!(
        engine
            .pool("banner")
            .unwrap()
            .definition()
            .items
            .at(0)
            .weight,
        1
    );
    engine.edit(pool.id(), &[weight(0)]).unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..100 {
        assert_eq!(draw(&mut client, &pool).outcome, Outcome::Item(1));
    }
}

#[test]
fn a_change_that_one_shard_could_not_make_is_made_by_the_next_open() {
    let weight = |weight| PoolChange::Weight {
        item: "a".into(),
        weight,
    };
    // The first run tells which write of the other shard is that of the change.
    let mut write_of_change = None;
    for is_rehearsal in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let engine = builder(directory.path()).open().unwrap();
        let pool = spread("banner").item("a", 1, 100_000).item("b", 1, 100_000);
        let pool = engine.register(pool).unwrap();
        let home = pool.id().shard();
        engine.shutdown().unwrap();
        let sim = Arc::new(Mutex::new(SimHandle::default()));
        let given = Arc::clone(&sim);
        let factory = move |shard, options| {
            let inner = storage::open(StorageKind::File, options)?.storage;
            let plan = match write_of_change {
                Some(write) if shard != home => {
                    FaultPlan::new().fail_write(write, io::ErrorKind::Other)
                }
                _ => FaultPlan::new(),
            };
            let storage = SimStorage::new(inner, plan);
            if shard != home {
                *given.lock().unwrap() = storage.handle();
            }
            Ok(Box::new(storage) as Box<dyn storage::Storage>)
        };
        let watched = builder(directory.path()).storage_factory(Arc::new(factory));
        let engine = watched.open().unwrap();
        // Whatever it writes by itself is written.
        thread::sleep(Duration::from_millis(100));
        let writes = || sim.lock().unwrap().counts().writes;
        let before = writes();
        write_of_change = Some(before + 1);
        let edited = engine.edit(pool.id(), &[weight(0)]);
        if is_rehearsal {
            edited.unwrap();
            assert!(writes() > before);
            continue;
        }
        let told = edited.map(drop).unwrap_err();
        assert!(matches!(told, Error::Unfinished { .. }), "{told}");
        assert_eq!(
            engine
                .pool("banner")
                .unwrap()
                .definition()
                .items
                .at(0)
                .weight,
            0
        );
        // Nothing else is changed before that one is made everywhere.
        let next = engine.edit(pool.id(), &[weight(5)]).map(drop);
        assert!(matches!(next, Err(Error::Stopped(_))), "{next:?}");
        drop(engine);
        let engine = builder(directory.path()).open().unwrap();
        let mut client = engine.client().unwrap();
        for _ in 0..100 {
            assert_eq!(draw(&mut client, &pool).outcome, Outcome::Item(1));
        }
    }
}

/// Loses the middle of one shard's log, accepts that, and draws what is left.
fn accept_a_loss(at_home: bool) {
    let directory = tempfile::tempdir().unwrap();
    let items = (0..150).map(|item| format!("i{item}"));
    let pool = items.fold(spread("banner"), |pool, id| pool.item(id, 1, 8));
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(pool).unwrap();
    engine.shutdown().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..600 {
        draw(&mut client, &pool);
    }
    drop((client, engine));
    let shard = if at_home {
        pool.id().shard()
    } else {
        1 - pool.id().shard()
    };
    let shard = directory.path().join(format!("shard-{shard:03}"));
    let files = fs::read_dir(&shard)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    let log = &logs[logs.len() * 2 / 3];
    let mut bytes = fs::read(log).unwrap();
    for unit in 3..12 {
        bytes[4096 * unit + 100] ^= 0x55;
    }
    fs::write(log, bytes).unwrap();
    let refused = builder(directory.path()).open().map(drop);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    let accepted = recovery::accept_loss(directory.path()).unwrap();
    assert_eq!(accepted.len(), 1);
    for finding in &accepted[0].findings {
        assert!(!finding.message.contains("cannot be applied"), "{finding}");
    }
    // No unit is missing and none is there twice, but for those that lost records handed out.
    examine(directory.path());
    let engine = builder(directory.path()).open().unwrap();
    let odds = engine.odds(pool.id()).unwrap();
    let units = odds.items.iter().map(|item| item.remaining.unwrap());
    let in_stock: u64 = units.sum();
    assert!(in_stock >= 600, "{in_stock}");
    let drained = drain(&mut engine.client().unwrap(), &pool);
    assert_eq!(drained.len() as u64, in_stock);
    engine.shutdown().unwrap();
    let examined = examine(directory.path());
    let pools = examined.pools();
    let sums = pools[0].items().map(|item| (item.drawn, item.remaining));
    let all = sums.fold(0, |all, (drawn, remaining)| {
        all + drawn + remaining.unwrap()
    });
    assert_eq!(all, 150 * 8);
}

#[test]
fn a_loss_at_home_is_accepted() {
    accept_a_loss(true);
}

#[test]
fn a_loss_elsewhere_is_accepted() {
    accept_a_loss(false);
}
