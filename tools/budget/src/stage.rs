//! An engine with a pool and a client, and the three parts of the way of a draw: there, the draw
//! itself, and back.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tombola::{
    Client, Clock, Durability, Engine, EngineBuilder, LogFormat, Placement, PoolDefinition,
    Request, ShardStats, StorageKind, machine::Entropy,
};

use crate::{
    DRAWS, DRAWS_ALONE, ITEMS,
    turns::{self, Turns},
    weight,
};

/// Draws of each kind before those that are counted, so that every buffer has its size.
const WARM_UP: usize = DRAWS / 5;
/// Requests that a client submits together.
const BATCH: usize = 256;
/// Room for all requests that are counted, and for all their answers.
const RING_SLOTS: usize = 1 << 19;
/// Room for all records that are counted: no segment is changed meanwhile.
const SEGMENT_BYTES: u64 = 64 << 20;
const REMEMBERED: usize = 1 << 14;
const TIME_MS: u64 = 1_800_000_000_000;

/// Which keys requests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// Each one a new one, for which an old one is forgotten.
    New,
    /// One that is remembered.
    Remembered,
}

/// What is drawn, and how it is written down.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// None: there is no log.
    pub log: Option<LogFormat>,
    /// Draws of each request.
    pub count: u8,
    /// The keys of the requests.
    pub keys: Keys,
    /// More than one: the pool is on all of them.
    pub shards: usize,
}

impl Setting {
    /// Plain draws on one shard without a log.
    pub const PLAIN: Self = Self {
        log: None,
        count: 1,
        keys: Keys::None,
        shards: 1,
    };

    /// The same with a log.
    #[must_use]
    pub const fn log(self, format: LogFormat) -> Self {
        Self {
            log: Some(format),
            ..self
        }
    }

    /// The same with so many draws a request.
    #[must_use]
    pub const fn count(self, count: u8) -> Self {
        Self { count, ..self }
    }

    /// The same with keys.
    #[must_use]
    pub const fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// The same on so many shards.
    #[must_use]
    pub const fn shards(self, shards: usize) -> Self {
        Self { shards, ..self }
    }
}

/// A builder for an engine which is the same in every run: its random numbers are, no time passes,
/// and its tasks have their turns on the thread that wants something of them.
pub fn deterministic(builder: EngineBuilder) -> EngineBuilder {
    let numbers = AtomicU64::new(1);
    let next = move || numbers.fetch_add(1, Ordering::Relaxed);
    builder
        .seed(1)
        .pin(false)
        .clock(Clock::simulated(|| TIME_MS))
        .entropy(Entropy::new(next))
        .tasks(Arc::new(Turns))
}

/// The pool that is drawn from. There is plenty of everything, and all of it is counted.
pub fn pool(placement: Placement) -> PoolDefinition {
    let pool = PoolDefinition::new("thousand").placement(placement);
    (0..ITEMS).fold(pool, |pool, item| {
        pool.item(format!("{item}"), weight(item), 1 << 40)
    })
}

/// An engine, a client, and requests.
#[derive(Debug)]
pub struct Stage {
    // Before the directory, which goes when nobody writes into it any more.
    client: Client,
    engine: Engine,
    requests: Vec<Request>,
    shards: usize,
    _directory: TempDir,
}

impl Stage {
    /// Everything as it is when draws have been made for a while.
    pub fn new(setting: Setting) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let builder = match setting.log {
            // Its writes are over when they return, so there is no waiting to be counted.
            Some(format) => Engine::builder(directory.path().join("data"))
                .storage(StorageKind::File)
                .durability(Durability::Kernel)
                .format(format)
                .segment_bytes(SEGMENT_BYTES),
            None => Engine::in_memory(),
        };
        let engine = deterministic(builder)
            .shards(setting.shards)
            .ring_slots(RING_SLOTS)
            .remember_keys(REMEMBERED)
            .open()
            .expect("an engine");
        let placement = if setting.shards == 1 {
            Placement::OneShard
        } else {
            Placement::AllShards
        };
        let handle = engine.register(pool(placement)).expect("a pool");
        let request = |number: usize| {
            let request = Request::from(&handle).count(setting.count);
            let number = match setting.keys {
                Keys::None => return request,
                Keys::New => number,
                Keys::Remembered => number % (REMEMBERED / 2),
            };
            request.key((number as u128) << 64 | 0xACE)
        };
        let (before, counted) = (WARM_UP, DRAWS / usize::from(setting.count));
        let client = engine.client().expect("a client");
        let mut stage = Self {
            client,
            engine,
            requests: (0..before).map(request).collect(),
            shards: setting.shards,
            _directory: directory,
        };
        stage.submit();
        stage.draw();
        stage.take();
        stage.requests = (before..before + counted).map(request).collect();
        stage
    }

    /// One whose requests are in the rings.
    pub fn submitted(setting: Setting) -> Self {
        let mut stage = Self::new(setting);
        stage.submit();
        stage
    }

    /// One whose answers are in the rings.
    pub fn drawn(setting: Setting) -> Self {
        let mut stage = Self::submitted(setting);
        stage.draw();
        stage
    }

    /// The client's way there.
    pub fn submit(&mut self) {
        for batch in self.requests.chunks(BATCH) {
            let taken = self.client.submit_batch(batch).expect("the shard runs");
            assert_eq!(taken.count, batch.len(), "there is room");
        }
    }

    /// The same, request by request.
    pub fn submit_each(&mut self) {
        for request in &self.requests {
            self.client.try_submit(*request).expect("there is room");
        }
    }

    /// The shards' part.
    pub fn draw(&mut self) {
        turns::run(self.shards);
    }

    /// The client's way back.
    pub fn take(&mut self) {
        let taken = self.client.poll_with(|answer| {
            black_box(answer);
        });
        assert_eq!(taken.expect("the shard runs"), self.requests.len());
    }

    /// The whole way of some of the requests, one at a time.
    pub fn each_alone(&mut self) {
        for request in &self.requests[..DRAWS_ALONE] {
            self.client.try_submit(*request).expect("there is room");
            turns::run(self.shards);
            let taken = self.client.poll_with(|answer| {
                black_box(answer);
            });
            assert_eq!(taken.expect("the shard runs"), 1);
        }
    }

    /// Makes what is left of the way, and checks that nothing was refused.
    pub fn check(mut self) {
        self.draw();
        let answered = self.client.poll_with(|_| {}).expect("the shard runs");
        assert!([0, self.requests.len()].contains(&answered), "{answered}");
        let stats = self.engine.stats().expect("the shards run");
        let sum = |what: fn(&ShardStats) -> u64| stats.shards.iter().map(what).sum::<u64>();
        assert!(sum(|shard| shard.draws + shard.replays) > WARM_UP as u64);
        assert_eq!(sum(|shard| shard.refusals), 0);
    }
}
