//! Draws as futures, on a runtime of a few lines: any other would do.

mod common;

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use common::{banner, builder};
use tombola::{AsyncClient, AsyncDrawError, Outcome, Request, Stopped};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let begun = Instant::now();
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return out;
        }
        assert!(begun.elapsed() < common::LIMIT, "no answer");
        thread::park_timeout(Duration::from_secs(1));
    }
}

#[test]
fn many_tasks_share_one_client() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).shards(2).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let client = AsyncClient::new(engine.client().unwrap(), 64).unwrap();
    let mut requests: Vec<u64> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                let pool = pool.id();
                scope.spawn(move || {
                    let draw = |_| {
                        let futures: Vec<_> = (0..8).map(|_| client.draw(pool)).collect();
                        futures
                            .into_iter()
                            .map(|future| block_on(future).unwrap().request)
                            .collect::<Vec<_>>()
                    };
                    (0..20).flat_map(draw).collect::<Vec<_>>()
                })
            })
            .collect();
        tasks
            .into_iter()
            .flat_map(|task| task.join().unwrap())
            .collect()
    });
    requests.sort_unstable();
    requests.dedup();
    assert_eq!(requests.len(), 4 * 8 * 20);
}

#[test]
fn too_many_at_once_are_refused_and_abandoned_ones_make_room() {
    let engine = common::in_memory(1).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let client = AsyncClient::new(engine.client().unwrap(), 3).unwrap();
    let held: Vec<_> = (0..3).map(|_| client.draw(pool.id())).collect();
    assert_eq!(
        block_on(client.draw(pool.id())),
        Err(AsyncDrawError::Full { capacity: 3 })
    );
    drop(held);
    let begun = Instant::now();
    loop {
        match block_on(client.draw(pool.id())) {
            Ok(completion) => break assert!(matches!(completion.outcome, Outcome::Item(_))),
            Err(AsyncDrawError::Full { .. }) if begun.elapsed() < common::LIMIT => {
                thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_closed_engine_answers_the_futures_it_leaves_behind() {
    let engine = common::in_memory(1).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let client = AsyncClient::new(engine.client().unwrap(), 8).unwrap();
    engine.shutdown().unwrap();
    assert_eq!(
        block_on(client.draw(pool.id())),
        Err(AsyncDrawError::Stopped(Stopped::Closed))
    );
    let left = client.draw(pool.id());
    drop(client);
    assert_eq!(
        block_on(left),
        Err(AsyncDrawError::Stopped(Stopped::Closed))
    );
}

#[test]
fn tasks_that_use_one_key_get_one_answer() {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let client = AsyncClient::new(engine.client().unwrap(), 64).unwrap();
    let other = AsyncClient::new(engine.client().unwrap(), 64).unwrap();
    for key in 0..50 {
        let request = Request::from(&pool).count(10).key(key);
        // A plain draw between them, whose answer takes less room.
        let (one, plain) = (client.draw(request), client.draw(pool.id()));
        let (two, three) = (other.draw(request), client.draw(request));
        let answers = [one, two, three].map(|future| block_on(future).unwrap());
        assert_eq!(block_on(plain).unwrap().items().len(), 1);
        assert_eq!(answers.iter().filter(|one| one.is_replay()).count(), 2);
        let items = || answers[0].items();
        assert_eq!(items().len(), 10);
        for answer in &answers {
            assert!(answer.items().eq(items()) && answer.original() == answers[0].original());
        }
    }
    assert_eq!(engine.stats().unwrap().shards[0].draws, 50 * 11);
    assert!(matches!(
        block_on(client.draw(Request::from(&pool).count(0))),
        Err(AsyncDrawError::Mistake(_))
    ));
}
