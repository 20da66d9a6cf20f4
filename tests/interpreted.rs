//! A whole engine, small enough for an interpreter that checks every access (Miri): two shards, two
//! clients on threads of their own, futures, a pool on all shards, and an orderly end.

mod common;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
};

use tombola::{AsyncClient, Idle, Outcome, Placement, PoolDefinition};

const DRAWS: usize = 4;

#[test]
fn two_shards_and_their_clients() {
    for idle in [Idle::Park, Idle::Yield] {
        let engine = common::in_memory(2)
            .idle(idle)
            .ring_slots(8)
            .open()
            .expect("it opens");
        let scarce = PoolDefinition::new("scarce")
            .item("gold", 1, 2 * DRAWS as u64)
            .placement(Placement::AllShards);
        let scarce = engine.register(scarce).expect("it is registered");
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut client = engine.client().expect("there are places");
                    for completion in common::draw_many(&mut client, &scarce, DRAWS) {
                        assert_eq!(completion.outcome, Outcome::Item(0));
                    }
                });
            }
        });
        let mut client = engine.client().expect("there are places");
        let last = common::draw_many(&mut client, &scarce, 1);
        assert_eq!(last[0].outcome, Outcome::Exhausted, "all are gone");
        engine.shutdown().expect("it closes");
    }
}

#[test]
fn futures_are_answered() {
    let engine = common::in_memory(1).ring_slots(8).open().expect("it opens");
    let pool = engine.register(common::banner()).expect("it is registered");
    let client = engine.client().expect("there are places");
    let client = AsyncClient::new(client, 2).expect("there are threads");
    for _ in 0..DRAWS {
        let answer = block_on(client.draw(pool.id())).expect("it is answered");
        assert!(matches!(answer.outcome, Outcome::Item(_)));
    }
    drop(client.draw(pool.id()));
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let mut context = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::yield_now(),
        }
    }
}
