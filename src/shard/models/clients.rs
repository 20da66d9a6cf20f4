//! A client comes, is answered and goes; its place is then free, once, and never used by two.

use std::sync::Arc;

use crate::{
    client::{Client, Port},
    config::Idle,
    request::{Completion, CompletionSlot, PoolId, Refusal, RequestIdSource},
    ring::{Places, ShardEnd, Sleeper, pair},
    shard::{
        control::{Control, ShardHandle},
        ports::Ports,
    },
    sync::{
        modelled::{Mistake, explore_with},
        thread,
    },
};

/// What an engine does for a new client, with one shard.
pub(super) fn connect(places: &Places, shard: &Arc<ShardHandle>) -> Option<Client> {
    let place = places.take()?;
    let (client, end) = pair(1, place.clone());
    let index = place.index();
    shard.send(Control::Client { index, end }).ok()?;
    let port = Port {
        index: 0,
        shard: Arc::clone(shard),
        end: client,
        open: 0,
    };
    let ids = RequestIdSource::new(1);
    ids.allow(u64::MAX);
    Some(Client::new(vec![port], Arc::new(ids), Idle::Park, place))
}

pub(super) fn shard(idle: Idle) -> Arc<ShardHandle> {
    Arc::new(ShardHandle::new(Sleeper::new(idle)))
}

/// One turn of a shard that refuses everything. How many clients came, and how many answers went.
fn turn(handle: &ShardHandle, ports: &mut Ports) -> (usize, usize) {
    let before = ports.len();
    while let Some(control) = handle.inbox.pop() {
        let Control::Client { index, end } = control else {
            panic!("only clients come");
        };
        ports.add(index, end);
    }
    let came = ports.len() - before;
    let answered = (0..ports.len())
        .map(|turn| answer(ports.in_turn(turn).expect("the client's end")))
        .sum();
    ports.publish_all();
    (came, answered)
}

fn answer(end: &mut ShardEnd) -> usize {
    if end.completions.room() == 0 {
        return 0;
    }
    let Ok(slot) = end.requests.pop() else {
        return 0;
    };
    let refused = CompletionSlot::refused(slot.request, slot.pool, Refusal::Exhausted);
    end.completions.stage(1, || Some(refused))
}

/// Draws once, and looks until the answer is there.
fn draw(client: &mut Client) {
    let mut submitted = None;
    while submitted.is_none() {
        submitted = client.try_submit(PoolId::new(0, 0)).ok();
    }
    let check = |completion: Completion| assert_eq!(Some(completion.request), submitted);
    while client.poll_with(check) == Ok(0) {
        thread::yield_now();
    }
    assert_eq!(client.open_requests(), 0);
}

/// Clients come one after the other, to the one place there is.
fn come_and_go(clients: usize) {
    let handle = shard(Idle::Park);
    handle.sleeper.moves_in();
    let places = Places::new(1);
    let asked = Arc::clone(&handle);
    let caller = thread::spawn(move || {
        for _ in 0..clients {
            let mut client = loop {
                match connect(&places, &asked) {
                    Some(client) => break client,
                    None => thread::yield_now(),
                }
            };
            draw(&mut client);
        }
        places
    });
    let mut ports = Ports::new(1, 1);
    let (mut came, mut gone) = (0, 0);
    while gone < clients {
        came += turn(&handle, &mut ports).0;
        let present = ports.len();
        ports.let_go(|_, _| {});
        gone += present - ports.len();
        thread::yield_now();
    }
    let places = caller.join().expect("the caller does not panic");
    assert_eq!(came, clients);
    assert!(places.take().is_some_and(|place| place.index() == 0));
    let held = places.take();
    assert!(
        held.is_some() && places.take().is_none(),
        "it was free once"
    );
}

#[test]
fn a_client_comes_and_goes() {
    explore_with(Mistake::None, Some(3), || come_and_go(1));
}

#[test]
fn a_place_is_used_again() {
    explore_with(Mistake::None, Some(2), || come_and_go(2));
}

/// A shard that rests hears of a client, and of its request.
fn comes_to_a_resting_shard() {
    let handle = shard(Idle::Park);
    handle.sleeper.moves_in();
    let asked = Arc::clone(&handle);
    thread::spawn(move || {
        let places = Places::new(1);
        let mut client = connect(&places, &asked).expect("the place is free");
        client
            .try_submit(PoolId::new(0, 0))
            .expect("the ring is empty");
        // It stays: nothing else ends the rest.
        client
    });
    let mut ports = Ports::new(1, 1);
    loop {
        let (came, answered) = turn(&handle, &mut ports);
        if answered == 1 {
            break;
        }
        if came == 0 {
            handle.sleeper.rest(false, || {
                !handle.inbox.is_empty() || ports.any_can_be_answered()
            });
        }
    }
}

#[test]
fn a_resting_shard_hears_of_a_client() {
    explore_with(Mistake::None, Some(3), comes_to_a_resting_shard);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_fences_a_client_is_not_heard_of() {
    explore_with(Mistake::NoFence, Some(2), comes_to_a_resting_shard);
}

/// Two threads want the one place.
#[test]
fn two_do_not_get_one_place() {
    explore_with(Mistake::None, Some(3), || {
        let places = crate::sync::Arc::new(Places::new(1));
        let other = crate::sync::Arc::clone(&places);
        let taking = thread::spawn(move || other.take());
        let place = places.take();
        let theirs = taking.join().expect("it does not panic");
        assert!(place.is_some() != theirs.is_some(), "one of them has it");
        drop((place, theirs));
        let again = places.take();
        assert!(again.is_some() && places.take().is_none());
    });
}
