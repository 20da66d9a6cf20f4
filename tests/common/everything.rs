//! An engine's life with something of everything in it: every kind of record, in few bytes.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::common::{LIMIT, builder};
use tombola::{
    Client, Clock, Completion, Durability, Engine, EngineBuilder, ItemDefinition, LogFormat,
    OnExhausted, Placement, PoolChange, PoolDefinition, PoolHandle, Request, StorageKind,
};

/// Two pools, one on each of two shards.
pub(crate) const ON_ONE_SHARD: [&str; 2] = ["banner", "festival"];
/// A pool on both.
pub(crate) const ON_ALL_SHARDS: &str = "drum";

/// An engine on two shards that a test steers, and what it has answered.
pub(crate) struct Played {
    pub(crate) engine: Engine,
    client: Client,
    now_ms: Arc<AtomicU64>,
    pub(crate) answers: Vec<Completion>,
}

/// How such an engine is opened; its clock stands where `now_ms` says.
pub(crate) fn two_shards(
    directory: &Path,
    format: LogFormat,
    now_ms: &Arc<AtomicU64>,
) -> EngineBuilder {
    let clock = Arc::clone(now_ms);
    builder(directory)
        .shards(2)
        .format(format)
        .storage(StorageKind::File)
        .durability(Durability::Kernel)
        .remember_keys(8)
        .remember_settled(8)
        .clock(Clock::new(move || clock.load(Ordering::Relaxed)))
}

impl Played {
    /// Opens a directory; a new one gets its pools.
    pub(crate) fn open(directory: &Path, format: LogFormat, now_ms: u64) -> Self {
        let now_ms = Arc::new(AtomicU64::new(now_ms));
        let engine = two_shards(directory, format, &now_ms).open().unwrap();
        if engine.pools().is_empty() {
            for definition in definitions() {
                engine.register(definition).unwrap();
            }
        }
        let client = engine.client().unwrap();
        Self {
            engine,
            client,
            now_ms,
            answers: Vec::new(),
        }
    }

    fn pool(&self, name: &str) -> PoolHandle {
        self.engine.pool(name).unwrap()
    }

    fn draw(&mut self, request: Request) -> Completion {
        self.now_ms.fetch_add(1, Ordering::Relaxed);
        let answer = self.client.draw(request, LIMIT).unwrap();
        self.answers.push(answer.clone());
        answer
    }

    /// Plain draws that come together, so that their records follow one another.
    fn draw_together(&mut self, request: Request) {
        let requests = [request; 3];
        let taken = self.client.submit_batch(&requests).unwrap().count;
        assert_eq!(taken, requests.len(), "there is room for a few");
        let Self {
            client, answers, ..
        } = self;
        while client.open_requests() > 0 {
            client
                .poll_with(|answer| answers.push(answer))
                .expect("the shard runs");
            thread::yield_now();
        }
    }

    fn edit(&self, pool: &str, changes: &[PoolChange]) {
        let pool = self.pool(pool).id();
        self.engine.edit(pool, changes).unwrap();
    }

    /// Draws, holds, keys and voids, in all pools.
    pub(crate) fn draw_all_kinds(&mut self, key: u128) {
        for name in ON_ONE_SHARD {
            let pool = self.pool(name);
            let request = Request::from(&pool);
            let plain = self.draw(request);
            self.draw_together(request);
            self.draw(request.count(3).partial(true).key(key));
            let held = self.draw(request.hold_for(LIMIT));
            self.engine.confirm(&held).unwrap();
            let held = self.draw(request.count(2).partial(true).hold_for(LIMIT));
            self.engine.void(&held).unwrap();
            self.engine.void(&plain).unwrap();
            // One that ends by itself, and one that stays open.
            self.draw(request.key(key + 1).hold_for(Duration::from_millis(1)));
            self.draw(request.hold_for(Duration::from_hours(1)));
        }
        let pool = self.pool(ON_ALL_SHARDS);
        for _ in 0..3 {
            self.draw(Request::from(&pool).count(2).partial(true));
        }
        Self::idle();
    }

    /// A draw from every pool.
    pub(crate) fn draw_a_little(&mut self) {
        for pool in self.engine.pools() {
            self.draw(Request::from(&pool));
        }
        Self::idle();
    }

    /// Changes of every kind.
    pub(crate) fn change_all_kinds(&self) {
        let item = |id: &str| id.to_owned();
        let added = ItemDefinition {
            id: item("later"),
            weight: 7,
            stock: Some(9),
        };
        let restock = PoolChange::Restock {
            item: item("gold"),
            units: 5,
        };
        let weight = PoolChange::Weight {
            item: item("dust"),
            weight: 80,
        };
        let window = PoolChange::Window {
            opens_at_ms: Some(2),
            closes_at_ms: None,
        };
        let retire = PoolChange::Retire {
            item: item("token"),
        };
        self.edit(ON_ONE_SHARD[0], &[restock.clone(), weight, retire, window]);
        self.edit(ON_ONE_SHARD[1], &[PoolChange::Close]);
        self.edit(ON_ONE_SHARD[1], &[PoolChange::Open]);
        self.edit(ON_ALL_SHARDS, &[restock, PoolChange::Add { item: added }]);
    }

    /// Waits until the shards have said how far the log is durable, and the housekeeper has done
    /// its work.
    fn idle() {
        thread::sleep(Duration::from_millis(60));
    }
}

fn definitions() -> [PoolDefinition; 3] {
    [
        PoolDefinition::new(ON_ONE_SHARD[0])
            .item("gold", 10, 40)
            .item("token", 10, 40)
            .unlimited("dust", 70),
        PoolDefinition::new(ON_ONE_SHARD[1])
            .item("gold", 1, 60)
            .item("relic", 1, 1)
            .on_exhausted(OnExhausted::NoPrize),
        PoolDefinition::new(ON_ALL_SHARDS)
            .item("crown", 5, 1)
            .item("gold", 5, 7)
            .placement(Placement::AllShards),
    ]
}
