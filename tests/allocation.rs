//! After start-up the path of a draw allocates nothing: neither on the shards' threads nor on the
//! client's. Only an answer that tells several items, or what a key got before, has to put them
//! somewhere: that is for the client's thread to do.

mod common;

#[path = "common/counting.rs"]
mod counting;

use std::{thread, time::Duration};

use common::{FORMATS, builder};
use counting::{allocations, allocations_here};
use tombola::{
    Client, Completion, LogFormat, Placement, PoolDefinition, PoolHandle, Request, StorageKind,
};

/// Keys that a shard remembers: so few that keys are forgotten before anything is counted.
const REMEMBERED: usize = 1_000;
const BATCH: usize = 64;
const BATCHES: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Ten,
    NewKey,
    RememberedKey,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Plain, Self::Ten, Self::NewKey, Self::RememberedKey];

    fn request(self, pool: &PoolHandle, number: usize) -> Request {
        let request = Request::from(pool);
        match self {
            Self::Plain => request,
            Self::Ten => request.count(10),
            Self::NewKey => request.key(number as u128),
            Self::RememberedKey => request.key(1 << 100 | (number % BATCH) as u128),
        }
    }

    /// Allocations of the client for so many answers: a box where there is more to say than of a plain
    /// draw, and the items in it where they are several.
    fn allocations(self, answers: usize) -> usize {
        match self {
            Self::Plain | Self::NewKey => 0,
            // Each key is new once.
            Self::RememberedKey => answers - BATCH,
            Self::Ten => 2 * answers,
        }
    }
}

/// Makes draws of a kind, one alone and many together.
fn draw(client: &mut Client, pool: &PoolHandle, kind: Kind, first: usize) {
    let mut out: [Completion; 2 * BATCH] = std::array::from_fn(|_| Completion::default());
    for turn in 0..BATCHES {
        let first = first + turn * BATCH;
        let requests: [Request; BATCH] = std::array::from_fn(|at| kind.request(pool, first + at));
        client.try_submit(requests[0]).unwrap();
        let taken = client.submit_batch(&requests[1..]).unwrap();
        assert_eq!(taken.count, BATCH - 1, "there is room");
        let mut open = BATCH;
        while open > 0 {
            open -= client.poll(&mut out).unwrap();
        }
    }
}

fn check(storage: StorageKind, format: LogFormat, shards: usize) {
    let directory = tempfile::tempdir().unwrap();
    // Large enough that no segment is changed meanwhile: that is the housekeeper's matter.
    let engine = builder(directory.path())
        .shards(shards)
        .segment_bytes(32 << 20)
        .storage(storage)
        .format(format)
        .remember_keys(REMEMBERED)
        .open()
        .unwrap();
    let plenty = PoolDefinition::new("plenty").unlimited("coin", 10);
    let plenty = plenty.unlimited("dust", 90).placement(if shards == 1 {
        Placement::OneShard
    } else {
        Placement::AllShards
    });
    let pool = engine.register(plenty).unwrap();
    let mut client = engine.client().unwrap();
    let drawn = BATCH * BATCHES;
    for kind in Kind::ALL {
        draw(&mut client, &pool, kind, 0);
    }
    // The housekeeper has prepared the next segment by now.
    thread::sleep(Duration::from_millis(300));
    for kind in Kind::ALL {
        let before = (allocations(), allocations_here());
        draw(&mut client, &pool, kind, drawn);
        let here = allocations_here() - before.1;
        let elsewhere = allocations() - before.0 - here;
        let setting = format!("{kind:?} {storage:?} {format:?}, {shards} shards");
        assert_eq!(elsewhere, 0, "by the shards: {setting}");
        let expected = kind.allocations(drawn) as u64;
        assert_eq!(here, expected, "by the client: {setting}");
    }
}

/// One test only: others beside it would be counted too.
#[test]
fn a_draw_allocates_nothing() {
    for storage in [
        StorageKind::Uring,
        StorageKind::Mmap,
        StorageKind::File,
        StorageKind::None,
    ] {
        for format in FORMATS {
            check(storage, format, 1);
        }
    }
    for storage in [StorageKind::None, StorageKind::File] {
        check(storage, LogFormat::Bincode, 2);
    }
}
