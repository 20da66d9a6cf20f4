//! Requests that are asked again: the same key gets the same answer, once drawn, as long as it is
//! remembered; and what is forgotten says so where it can be known.

mod common;

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{FORMATS, LIMIT, builder, examine};
use tombola::{
    Client, Clock, Completion, Engine, Outcome, PoolDefinition, PoolHandle, Request, StorageKind,
    SubmitError,
    storage::{
        self, Storage,
        sim::{FaultPlan, SimStorage},
    },
};

/// A storage that tells of no finished write while it is held.
struct Held {
    inner: Box<dyn Storage>,
    is_held: Arc<AtomicBool>,
}

impl Storage for Held {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.inner.attach(path, length)
    }

    fn buffer(&mut self, slot: usize) -> &mut [u8] {
        self.inner.buffer(slot)
    }

    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        self.inner.write(slot, offset, length)
    }

    fn reap(&mut self, wait: bool) -> io::Result<Option<usize>> {
        if self.is_held.load(Ordering::Relaxed) && !wait {
            return Ok(None);
        }
        self.inner.reap(wait)
    }
}

fn open_held(directory: &Path) -> (Engine, Arc<AtomicBool>) {
    let is_held = Arc::new(AtomicBool::new(false));
    let given = Arc::clone(&is_held);
    let factory = move |_, options| {
        let inner = storage::open(StorageKind::File, options)?.storage;
        let is_held = Arc::clone(&given);
        Ok(Box::new(Held { inner, is_held }) as Box<dyn Storage>)
    };
    let builder = builder(directory).storage_factory(Arc::new(factory));
    (builder.open().unwrap(), is_held)
}

fn dice() -> PoolDefinition {
    (1..=20).fold(PoolDefinition::new("dice"), |pool, side| {
        pool.item(side.to_string(), 1, 100)
    })
}

fn ask(client: &mut Client, request: Request) -> Completion {
    client.draw(request, LIMIT).unwrap()
}

/// The second answer is the first one, told again.
fn assert_same(again: &Completion, first: &Completion) {
    assert!(again.is_replay() && again.request > first.request);
    assert_eq!(again.original(), first.original());
    assert_eq!(
        (again.seq, again.pool, again.outcome, again.held_until_ms()),
        (first.seq, first.pool, first.outcome, first.held_until_ms())
    );
    assert!(again.items().eq(first.items()));
}

/// What was handed out according to the files.
fn drawn(directory: &Path) -> u64 {
    let state = examine(directory);
    common::assert_conserved(&state);
    state.pools()[0].items().map(|item| item.drawn).sum()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_retry_waits_for_the_first_attempt_and_shares_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, is_held) = open_held(directory.path());
    let pool = engine.register(dice()).unwrap();
    let request = Request::from(&pool).count(10).key(7);
    let mut clients = [engine.client().unwrap(), engine.client().unwrap()];
    is_held.store(true, Ordering::Relaxed);
    clients[0].try_submit(request).unwrap();
    until("the first has drawn", || {
        engine.stats().unwrap().shards[0].draws == 10
    });
    clients[1].try_submit(request).unwrap();
    until("the second was looked up", || {
        engine.stats().unwrap().shards[0].replays == 1
    });
    for client in &mut clients {
        let told = client.poll_with(|completion| panic!("{completion:?} is not durable"));
        assert_eq!(told, Ok(0));
    }
    is_held.store(false, Ordering::Relaxed);
    let [first, second] = clients.map(|mut client| {
        let mut answer = None;
        until("it is answered", || {
            client
                .poll_with(|completion| answer = Some(completion))
                .unwrap()
                == 1
        });
        answer.unwrap()
    });
    assert!(!first.is_replay());
    assert_same(&second, &first);
    engine.shutdown().unwrap();
    assert_eq!(drawn(directory.path()), 10);
}

#[test]
fn a_retry_after_a_crash_gets_what_was_never_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, is_held) = open_held(directory.path());
    let pool = engine.register(dice()).unwrap();
    let request = Request::from(&pool).count(10).key(7);
    let mut client = engine.client().unwrap();
    is_held.store(true, Ordering::Relaxed);
    let first = client.try_submit(request).unwrap();
    until("it has drawn", || {
        engine.stats().unwrap().shards[0].draws == 10
    });
    drop(engine);
    assert_eq!(drawn(directory.path()), 10, "it was written");
    let engine = builder(directory.path()).open().unwrap();
    let again = ask(&mut engine.client().unwrap(), request.retry(true));
    assert_eq!((again.original(), again.items().len()), (first, 10));
    drop(engine);
    assert_eq!(drawn(directory.path()), 10);
}

#[test]
fn a_retry_after_a_crash_draws_what_was_never_written() {
    let mut lost = 0;
    for write in 2..8 {
        let directory = tempfile::tempdir().unwrap();
        let pool = {
            let factory = move |_, options| {
                let inner = storage::open(StorageKind::File, options)?.storage;
                let plan = FaultPlan::new().crash_at_write(write);
                Ok(Box::new(SimStorage::new(inner, plan)) as Box<dyn Storage>)
            };
            drop(builder(directory.path()).open().unwrap());
            let engine = builder(directory.path()).storage_factory(Arc::new(factory));
            let Ok(engine) = engine.open() else { continue };
            let Ok(pool) = engine.register(dice()) else {
                continue;
            };
            let mut client = engine.client().unwrap();
            let request = Request::from(&pool).count(10).key(7);
            lost += u64::from(client.draw(request, LIMIT).is_err());
            pool
        };
        let before = drawn(directory.path());
        let engine = builder(directory.path()).open().unwrap();
        let again = Request::from(&pool).count(10).key(7).retry(true);
        let again = ask(&mut engine.client().unwrap(), again);
        assert_eq!(again.items().len(), 10);
        assert_eq!(again.is_replay(), before == 10);
        drop(engine);
        assert_eq!(drawn(directory.path()), 10);
    }
    assert!(lost > 0, "some crash comes at the draw");
}

#[test]
fn an_answer_outlives_crashes_snapshots_and_clean_ends() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let open = || builder(directory.path()).format(format).open().unwrap();
        let mut engine = open();
        let pool = engine.register(dice()).unwrap();
        let requests = [
            Request::from(&pool).key(0),
            Request::from(&pool).key(u128::MAX).count(100),
            Request::from(&pool).key(1 << 64).count(3).hold_for(LIMIT),
        ];
        let mut client = engine.client().unwrap();
        let first = requests.map(|request| ask(&mut client, request));
        for round in 0..6 {
            if round % 3 == 0 {
                engine.snapshot().unwrap();
            }
            if round % 2 == 0 {
                drop(engine);
            } else {
                engine.shutdown().unwrap();
            }
            engine = open();
            let mut client = engine.client().unwrap();
            for (request, first) in requests.iter().zip(&first) {
                assert_same(&ask(&mut client, *request), first);
            }
        }
        engine.shutdown().unwrap();
        assert_eq!(drawn(directory.path()), 101, "three are held");
    }
}

/// Two pools on one shard, three keys that are remembered.
fn three_keys() -> (Engine, [PoolHandle; 2], Client) {
    let engine = common::in_memory(1)
        .remember_keys(3)
        .clock(Clock::new(|| 1_000));
    let engine = engine.open().unwrap();
    let other = PoolDefinition::new("other").unlimited("a", 1);
    let pools = [dice(), other].map(|pool| engine.register(pool).unwrap());
    let client = engine.client().unwrap();
    (engine, pools, client)
}

#[test]
fn a_key_is_for_one_pool_and_one_count() {
    let (_engine, [dice, other], mut client) = three_keys();
    let request = Request::from(&dice).count(2).key(9);
    let first = ask(&mut client, request);
    for conflict in [request.count(3), Request::from(&other).count(2).key(9)] {
        for conflict in [conflict, conflict.retry(true)] {
            let refused = ask(&mut client, conflict);
            assert_eq!(refused.outcome, Outcome::KeyConflict);
            assert_eq!((refused.seq, refused.items().len()), (None, 0));
        }
    }
    // How it asks otherwise is no part of the key.
    let again = request.partial(true).hold_for(LIMIT);
    assert_same(&ask(&mut client, again), &first);
}

#[test]
fn what_is_forgotten_is_told_from_what_is_new_where_it_can_be() {
    let (engine, [dice, _], mut client) = three_keys();
    let keyed = |key| Request::from(&dice).key(key);
    // No key was ever forgotten: so a retry of an unknown one cannot have arrived before.
    let first = ask(&mut client, keyed(0).retry(true));
    assert!(!first.is_replay() && first.seq.is_some());
    for key in 1..=3 {
        ask(&mut client, keyed(key));
        let remembered = engine.stats().unwrap().shards[0].keys_remembered;
        assert_eq!(remembered as u128, (key + 1).min(3), "never more than 3");
    }
    for key in [0, 77] {
        let forgotten = ask(&mut client, keyed(key).retry(true));
        assert_eq!(forgotten.outcome, Outcome::Forgotten);
    }
    let newer = ask(&mut client, keyed(3).retry(true));
    assert!(newer.is_replay());
    // Who does not say that it is a retry is drawn for.
    let drawn_again = ask(&mut client, keyed(0));
    assert!(!drawn_again.is_replay() && drawn_again.seq > newer.seq);
}

#[test]
fn a_refusal_is_not_remembered() {
    let (engine, [dice, _], mut client) = three_keys();
    engine
        .edit(dice.id(), &[tombola::PoolChange::Close])
        .unwrap();
    let request = Request::from(&dice).key(4);
    assert_eq!(ask(&mut client, request).outcome, Outcome::Closed);
    engine
        .edit(dice.id(), &[tombola::PoolChange::Open])
        .unwrap();
    let drawn = ask(&mut client, request);
    assert!(matches!(drawn.outcome, Outcome::Item(_)) && !drawn.is_replay());
}

#[test]
fn a_request_that_cannot_be_is_handed_back() {
    let (_engine, [dice, _], mut client) = three_keys();
    let plain = Request::from(&dice);
    for mistake in [
        plain.count(0),
        plain.count(101).key(1),
        plain.hold_for(Duration::ZERO),
        plain.hold_for(Duration::MAX),
    ] {
        let handed_back = client.try_submit(mistake);
        assert!(
            matches!(&handed_back, Err(SubmitError::Mistake(request, _)) if *request == mistake),
            "{handed_back:?}"
        );
    }
}
