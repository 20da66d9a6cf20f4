//! Storages that fail, tear, lose and delay: a shard stops at the first failure and says so, the
//! others go on, and what was acknowledged is there after the next open.

mod common;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use common::{FORMATS, LIMIT, assert_conserved, banner, builder, draw_many, examine, long};
use tombola::{
    Client, Completion, Engine, EngineBuilder, Error, LogFormat, Outcome, PoolDefinition,
    PoolHandle, Request, Stopped, StorageKind, SubmitError,
    recovery::{self, Examination},
    storage::{
        self,
        sim::{FaultPlan, SimHandle, SimStorage},
    },
    wal::record::{NO_PRIZE, Record},
};

/// While so many draws are open, more are submitted slowly, so that they come into several blocks.
const MANY: usize = 200;
/// So many draws take more than a dozen blocks, however they are grouped.
const ENOUGH: usize = 100 * MANY;

/// Puts the plan between shard 0 and its storage; the handle tells what happened.
fn with_faults(
    builder: EngineBuilder,
    kind: StorageKind,
    plan: FaultPlan,
) -> (EngineBuilder, Arc<Mutex<SimHandle>>) {
    let handle = Arc::new(Mutex::new(SimHandle::default()));
    let given = Arc::clone(&handle);
    let factory = move |shard, options| {
        let inner = storage::open(kind, options)?.storage;
        if shard != 0 {
            return Ok(inner);
        }
        let sim = SimStorage::new(inner, plan.clone());
        *given.lock().unwrap() = sim.handle();
        Ok(Box::new(sim) as Box<dyn storage::Storage>)
    };
    (builder.storage_factory(Arc::new(factory)), handle)
}

/// What a client learned.
#[derive(Default)]
struct Learned {
    submitted: u64,
    acknowledged: Vec<Completion>,
    stopped: Option<Stopped>,
}

/// Draws until `count` are answered or the shard stops.
fn draw_until_it_stops(client: &mut Client, pool: &PoolHandle, count: usize) -> Learned {
    let mut learned = Learned::default();
    let begun = Instant::now();
    while learned.acknowledged.len() < count && begun.elapsed() < LIMIT {
        // Few at a time, so that a small run has many writes.
        let left = count - learned.submitted as usize;
        if client.open_requests() > MANY {
            thread::sleep(Duration::from_micros(100));
        }
        match client.submit_batch(&vec![Request::from(pool); left.min(24)]) {
            Ok(ids) => learned.submitted += ids.count as u64,
            Err(SubmitError::Stopped(_, stopped)) => {
                learned.stopped = Some(stopped);
                break;
            }
            Err(error) => panic!("{error}"),
        }
        let acknowledged = &mut learned.acknowledged;
        match client.poll_with(|completion| acknowledged.push(completion)) {
            Ok(0) => thread::yield_now(),
            Ok(_) => {}
            Err(stopped) => {
                learned.stopped = Some(stopped);
                break;
            }
        }
    }
    // What was published before the end still comes.
    let acknowledged = &mut learned.acknowledged;
    while begun.elapsed() < LIMIT && client.open_requests() > 0 {
        if client
            .poll_with(|completion| acknowledged.push(completion))
            .is_err()
        {
            break;
        }
    }
    learned
}

/// Runs an engine into its faults, and checks what it says meanwhile.
fn run(
    directory: &Path,
    format: LogFormat,
    kind: StorageKind,
    plan: FaultPlan,
    draws: usize,
) -> (Learned, bool) {
    // Room for many more draws than are in flight, so that what the plan waits for comes.
    let plain = builder(directory).format(format).ring_slots(1 << 14);
    let (builder, handle) = with_faults(plain, kind, plan);
    let engine = match builder.open() {
        Ok(engine) => engine,
        // The first thing that is written is a reservation of request ids.
        Err(Error::Stopped(Stopped::Failed { shard: 0, .. })) => return (Learned::default(), true),
        Err(error) => panic!("{error}"),
    };
    let pool = match engine.register(banner()) {
        Ok(pool) => pool,
        Err(Error::Stopped(Stopped::Failed { shard: 0, .. })) => return (Learned::default(), true),
        Err(error) => panic!("{error}"),
    };
    let mut client = engine.client().unwrap();
    let learned = draw_until_it_stops(&mut client, &pool, draws);
    let failed = learned.stopped.is_some();
    if failed {
        assert_stopped(&engine, &mut client, &pool);
        let at_failure = handle.lock().unwrap().counts();
        thread::sleep(Duration::from_millis(12));
        let later = handle.lock().unwrap().counts();
        assert_eq!(later, at_failure, "the storage is used no more");
        assert_eq!(later.calls_after_error, 0);
        let begun = Instant::now();
        let error = engine.shutdown().expect_err("a shard has failed");
        assert!(
            matches!(error, Error::Stopped(Stopped::Failed { shard: 0, .. })),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "it does not hang");
    } else {
        // A fault may come as late as the shutdown.
        let _ = engine.shutdown();
    }
    assert_eq!(handle.lock().unwrap().counts().calls_after_error, 0);
    (learned, failed)
}

fn assert_stopped(engine: &Engine, client: &mut Client, pool: &PoolHandle) {
    let begun = Instant::now();
    let refused = client.try_submit(pool);
    assert!(
        matches!(
            refused,
            Err(SubmitError::Stopped(_, Stopped::Failed { shard: 0, .. }))
        ),
        "{refused:?}"
    );
    assert!(client.draw(pool, LIMIT).is_err());
    let polled = client.poll_with(|_| {});
    if client.open_requests() > 0 {
        assert!(matches!(polled, Err(Stopped::Failed { .. })), "{polled:?}");
    }
    let stats = engine.stats().unwrap();
    assert!(stats.shards[0].durable_seq <= stats.shards[0].seq);
    assert!(matches!(
        engine.register(PoolDefinition::new("late").unlimited("a", 1)),
        Err(Error::Stopped(_))
    ));
    assert!(matches!(engine.snapshot(), Err(Error::Stopped(_))));
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits");
}

/// Opens with a healthy storage: acknowledged ⊆ recovered ⊆ submitted, and so on.
fn assert_recovers(directory: &Path, format: LogFormat, learned: &Learned, what: &str) {
    let mut draws = BTreeMap::new();
    let mut seqs = Vec::new();
    let examined = recovery::read_records(directory, &mut |_, seq, record| {
        seqs.push(seq);
        if let Record::Draw(draw) = record {
            draws.insert(seq, *draw);
        }
    })
    .unwrap();
    assert!(
        examined.opens(),
        "{what}: {:?}",
        examined.findings().collect::<Vec<_>>()
    );
    assert!(
        seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{what}: contiguous"
    );
    assert_conserved(&examined);
    assert!(
        draws.len() as u64 <= learned.submitted,
        "{what}: more than was submitted"
    );
    for completion in &learned.acknowledged {
        let Some(seq) = completion.seq else { continue };
        let draw = draws
            .get(&seq)
            .unwrap_or_else(|| panic!("{what}: {seq} is lost"));
        let item = match completion.outcome {
            Outcome::Item(item) => item,
            _ => NO_PRIZE,
        };
        assert_eq!(
            (draw.request, draw.item),
            (completion.request, item),
            "{what}"
        );
    }
    let newest = draws.values().map(|draw| draw.request).max().unwrap_or(0);
    let drawn = drawn(&examined);
    for _ in 0..2 {
        drop(builder(directory).format(format).open().unwrap());
        let again = examine(directory);
        assert!(again.opens(), "{what}");
        if !drawn.is_empty() {
            assert_eq!(self::drawn(&again), drawn, "{what}: another state");
        }
    }
    let engine = builder(directory).format(format).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    let next = client.draw(&pool, LIMIT).unwrap();
    assert!(next.request > newest, "{what}: request ids rise");
    assert!(draws.keys().all(|seq| *seq < next.seq.unwrap()), "{what}");
    engine.shutdown().unwrap();
    assert_conserved(&examine(directory));
}

fn drawn(examined: &Examination) -> Vec<u64> {
    let pools = examined.pools();
    pools
        .iter()
        .flat_map(|pool| pool.items().map(|item| item.drawn))
        .collect()
}

fn check(format: LogFormat, kind: StorageKind, plan: FaultPlan, draws: usize, what: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let (learned, failed) = run(directory.path(), format, kind, plan, draws);
    assert_recovers(directory.path(), format, &learned, what);
    failed
}

#[test]
fn a_crash_at_every_write_of_a_small_run() {
    for format in FORMATS {
        for kind in [StorageKind::Uring, StorageKind::File] {
            for n in 1..=12 * long() as u64 {
                let plan = FaultPlan::new().crash_at_write(n);
                let what = format!("{format:?} {kind:?}: a crash at write {n}");
                assert!(check(format, kind, plan, ENOUGH * long(), &what), "{what}");
            }
        }
    }
}

#[test]
fn a_torn_write_at_every_place() {
    for format in FORMATS {
        for n in 1..=6 * long() as u64 {
            for bytes in [0, 512, 4096, 4608, 8192] {
                let plan = FaultPlan::new().tear_write(n, bytes);
                let what = format!("{format:?}: write {n} torn at {bytes}");
                check(format, StorageKind::Uring, plan, 600, &what);
            }
        }
    }
}

#[test]
fn a_failed_write_and_a_failed_flush_are_the_last() {
    for format in FORMATS {
        for kind in [StorageKind::Uring, StorageKind::Mmap, StorageKind::File] {
            for n in [1, 2, 3, 5, 8] {
                let full = FaultPlan::new().fail_write(n, io::ErrorKind::StorageFull);
                let flush = FaultPlan::new().fail_flush(n);
                for (plan, name) in [
                    (full, "no space at write"),
                    (flush, "failed flush of write"),
                ] {
                    let what = format!("{format:?} {kind:?}: {name} {n}");
                    assert!(check(format, kind, plan, ENOUGH, &what), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_lost_write_with_others_behind_it() {
    for format in FORMATS {
        // Nobody can open an engine whose first write never ends; draws come after the second.
        for n in 4..=4 + 4 * long() as u64 {
            for behind in 1..=3 {
                let plan = FaultPlan::new().lose_write(n).crash_at_write(n + behind);
                let what = format!("{format:?}: write {n} lost, a crash {behind} later");
                assert!(
                    check(format, StorageKind::Uring, plan, ENOUGH * long(), &what),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn delayed_and_reordered_completions_are_acknowledged_in_order() {
    for format in FORMATS {
        for seed in 1..=3 * long() as u64 {
            let directory = tempfile::tempdir().unwrap();
            let plan = FaultPlan::new().delay(9, seed);
            let (learned, failed) = run(directory.path(), format, StorageKind::Uring, plan, 4_000);
            assert!(!failed);
            assert_eq!(learned.acknowledged.len(), 4_000);
            let seqs = learned.acknowledged.iter().map(|completion| completion.seq);
            assert!(seqs.clone().zip(seqs.skip(1)).all(|(one, next)| one < next));
            // And with a crash among them.
            let plan = FaultPlan::new().delay(9, seed).crash_at_write(7 + seed % 5);
            let what = format!("{format:?}: delays {seed}, then a crash");
            check(format, StorageKind::Uring, plan, 4_000, &what);
        }
    }
}

/// The places of clients come back, and the other shard draws, however often clients come and go.
#[test]
fn the_other_shards_go_on() {
    let directory = tempfile::tempdir().unwrap();
    // Late enough that no marker of an idle shard brings it into the registrations.
    let plan = FaultPlan::new().fail_write(30, io::ErrorKind::StorageFull);
    let two = builder(directory.path()).shards(2).clients_max(1);
    let (builder, handle) = with_faults(two, StorageKind::Uring, plan);
    let engine = builder.open().unwrap();
    let first = engine.register(banner()).unwrap();
    let second = engine
        .register(PoolDefinition::new("festival").unlimited("a", 1))
        .unwrap();
    assert_eq!((first.id().shard(), second.id().shard()), (0, 1));
    let mut client = engine.client().unwrap();
    let mut draws = || draw_until_it_stops(&mut client, &first, 50);
    assert!((0..100).any(|_| draws().stopped.is_some()));
    drop(client);
    for _ in 0..10 {
        let begun = Instant::now();
        let mut client = loop {
            match engine.client() {
                Ok(client) => break client,
                Err(Error::TooManyClients { .. }) if begun.elapsed() < LIMIT => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(draw_many(&mut client, &second, 500).len(), 500);
        assert!(matches!(
            client.try_submit(&first),
            Err(SubmitError::Stopped(..))
        ));
    }
    let stats = engine.stats().unwrap();
    assert_eq!(stats.shards[1].draws, 5_000);
    // What is under way on the other shard when the engine closes is answered.
    let mut client = loop {
        if let Ok(client) = engine.client() {
            break client;
        }
        thread::sleep(Duration::from_millis(1));
    };
    let under_way = client.submit_batch(&[Request::from(&second); 200]).unwrap();
    let error = engine.shutdown().unwrap_err();
    assert!(
        matches!(error, Error::Stopped(Stopped::Failed { shard: 0, .. })),
        "{error}"
    );
    let mut answered = 0;
    while answered < under_way.count {
        answered += client.poll_with(|_| {}).expect("they are answered");
    }
    assert_eq!(handle.lock().unwrap().counts().calls_after_error, 0);
    let examined = examine(directory.path());
    assert!(examined.opens());
}
