//! A random program of everything an engine does, against a slow and obvious model: every answer,
//! every refusal, and the whole state after every open.

mod common;

#[path = "program/memory.rs"]
mod memory;
#[path = "program/model.rs"]
mod model;
#[path = "program/pool.rs"]
mod pool;
#[path = "program/step.rs"]
mod step;

use std::{
    fmt::Debug,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{LIMIT, examine, long};
use model::Model;
use pool::Pool;
use proptest::prelude::*;
use step::{BEGINNING_MS, Definition, Draw, POOLS, Program, Settings, Step, Which};
use tombola::{
    Client, Clock, Completion, Durability, Engine, Error, PoolDefinition, PoolId, Request,
    RequestRef, SettleError,
};

/// The engine at work, and the model beside it.
struct Run<'a> {
    /// `None` for an engine without a log, which cannot be opened again.
    directory: Option<&'a Path>,
    settings: Settings,
    shards: usize,
    clock: Arc<AtomicU64>,
    model: Model,
    /// All answers, in the order in which they came.
    answers: Vec<Completion>,
    /// The pools, and one that is none.
    pools: [PoolId; POOLS + 1],
}

/// What is open until the next open.
struct Open {
    engine: Engine,
    client: Client,
}

impl<'a> Run<'a> {
    fn begin(directory: Option<&'a Path>, program: &Program) -> (Self, Open) {
        let clock = Arc::new(AtomicU64::new(BEGINNING_MS));
        let pools = program.pools.iter().cloned().map(Pool::new).collect();
        let mut run = Self {
            directory,
            settings: program.settings.clone(),
            shards: program.shards,
            clock,
            model: Model::new(pools, program.shards, BEGINNING_MS, directory.is_some()),
            answers: Vec::new(),
            pools: strange_pools(),
        };
        let open = run.open();
        for (definition, expected) in program.pools.iter().zip(&mut run.pools) {
            let pool = open.engine.register(definition.clone()).unwrap();
            if program.shards == 1 {
                assert_eq!(pool.id(), *expected, "places are given in order");
            }
            *expected = pool.id();
        }
        (run, open)
    }

    fn open(&mut self) -> Open {
        let builder = match self.directory {
            Some(directory) => common::builder(directory)
                .shards(self.shards)
                .format(self.settings.format)
                .storage(self.settings.storage)
                .durability(Durability::Kernel),
            None => common::in_memory(self.shards),
        };
        let clock = Arc::clone(&self.clock);
        let engine = builder
            .clock(Clock::new(move || clock.load(Ordering::Relaxed)))
            .remember_keys(self.settings.remember_keys)
            .remember_for(Duration::from_millis(self.settings.remember_for_ms))
            .remember_settled(self.settings.remember_settled)
            .holds_max(self.settings.holds_max)
            .open()
            .unwrap();
        self.model.open(&self.settings);
        let client = engine.client().unwrap();
        let open = Open { engine, client };
        self.settle(&open.engine);
        open
    }

    /// Waits until the holds that are over have ended, durably, and every shard knows.
    fn settle(&mut self, engine: &Engine) {
        self.model.expire();
        let begun = Instant::now();
        for (shard, memory) in self.model.shards.iter().enumerate() {
            loop {
                let stats = &engine.stats().unwrap().shards[shard];
                if stats.holds_open == memory.holds.len() && stats.durable_seq == stats.seq {
                    assert_eq!(stats.keys_remembered, memory.keys.len());
                    break;
                }
                assert!(begun.elapsed() < LIMIT, "{} are open", stats.holds_open);
                thread::yield_now();
            }
        }
        // What a shard has told a pool's home when the first edit is answered, that one has told
        // everybody when the second is.
        if let Some(pool) = self.pools.iter().find(|pool| pool.is_on_all_shards()) {
            engine.edit(*pool, &[]).unwrap();
            engine.edit(*pool, &[]).unwrap();
        }
    }

    fn step(&mut self, mut open: Open, step: &Step) -> Open {
        let Open { engine, client } = &mut open;
        match step {
            Step::Draw(draws) if self.shards == 1 => self.draw(client, draws),
            // Where several shards answer at once, nothing tells in which order they drew.
            Step::Draw(draws) => draws.chunks(1).for_each(|draw| self.draw(client, draw)),
            Step::Confirm(which) => {
                let (id, shard, named) = self.named(which);
                let expected = self.model.confirm(id, shard);
                assert_eq!(settled(engine.confirm(named)), expected);
            }
            Step::Void(which) => {
                let (id, shard, named) = self.named(which);
                self.model.void(id, shard, settled(engine.void(named)));
            }
            Step::Clock { by_ms } => {
                let clock_ms = self.model.clock_ms.saturating_add_signed(*by_ms);
                self.model.clock_ms = clock_ms;
                self.clock.store(clock_ms, Ordering::Relaxed);
                self.settle(engine);
            }
            Step::Edit { pool, changes } => {
                let edited = engine.edit(self.pools[*pool], changes);
                let edited = edited.map(drop).map_err(|error| match error {
                    Error::Change(error) => name_of(&error),
                    error => panic!("{error}"),
                });
                let expected = match self.model.pools.get_mut(*pool) {
                    Some(pool) => pool.edit(changes).map_err(String::from),
                    None => Err("UnknownPool".into()),
                };
                assert_eq!(edited, expected);
            }
            Step::Register { pool, shape } => self.register(engine, *pool, *shape),
            Step::Odds { pool } => {
                let odds = engine.odds(self.pools[*pool]).unwrap();
                self.model.pools[*pool].assert_odds(&odds, self.model.clock_ms);
            }
            Step::Snapshot => {
                let made = |engine: &Engine| engine.stats().unwrap().housekeeper.snapshots;
                let before = made(engine);
                engine.snapshot().unwrap();
                // There is none where nothing has happened since the last one.
                if made(engine) > before {
                    self.model.snapshot();
                }
            }
            Step::Reopen { is_clean, settings } => {
                let Some(directory) = self.directory else {
                    return open;
                };
                drop(open.client);
                if *is_clean {
                    open.engine.shutdown().unwrap();
                    self.model.snapshot();
                } else {
                    drop(open.engine);
                }
                self.model.assert_is(&examine(directory));
                self.settings = settings.clone();
                return self.open();
            }
        }
        open
    }

    fn draw(&mut self, client: &mut Client, draws: &[Draw]) {
        let requests: Vec<Request> = draws
            .iter()
            .map(|draw| request(self.pools[draw.pool], draw))
            .collect();
        assert_eq!(
            client.submit_batch(&requests).unwrap().count,
            requests.len()
        );
        let mut answers = Vec::new();
        let begun = Instant::now();
        while answers.len() < requests.len() {
            assert!(begun.elapsed() < LIMIT, "no answer to {draws:?}");
            if client.poll_with(|answer| answers.push(answer)).unwrap() == 0 {
                thread::yield_now();
            }
        }
        for (draw, answer) in draws.iter().zip(&answers) {
            self.model.answer(draw, answer);
        }
        self.answers.append(&mut answers);
    }

    /// A request, its shard if the engine is told of it, and how the engine is told.
    fn named(&self, which: &Which) -> (u64, Option<usize>, RequestRef) {
        let (back, by_completion) = match which {
            Which::Completed { back } => (*back, true),
            Which::Numbered { back } => (*back, false),
            Which::Never(id) => return (*id, None, (*id).into()),
        };
        match self.answers.iter().rev().nth(back) {
            Some(answer) if by_completion => (answer.original(), Some(answer.shard), answer.into()),
            Some(answer) => (answer.request, None, answer.request.into()),
            None => (0, None, 0.into()),
        }
    }

    fn register(&self, engine: &Engine, pool: usize, shape: Definition) {
        let model = &self.model.pools[pool];
        let definition = match shape {
            Definition::First => model.first.clone(),
            Definition::Current => model.current(),
            Definition::Other => model.current().unlimited("one more", 1),
        };
        let is_same = definition == model.current();
        match engine.register(definition) {
            Ok(handle) => assert!(is_same && handle.id() == self.pools[pool]),
            Err(Error::PoolConflict { .. }) => assert!(!is_same),
            // Where the weights are as large as they can be, there is no room for one more.
            Err(Error::Pool(_)) => assert!(matches!(shape, Definition::Other)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Ids of so many pools of some other engine with one shard.
fn strange_pools() -> [PoolId; POOLS + 1] {
    let engine = common::in_memory(1).open().unwrap();
    std::array::from_fn(|place| {
        let pool = PoolDefinition::new(format!("{place}")).unlimited("a", 1);
        engine.register(pool).unwrap().id()
    })
}

fn request(pool: PoolId, draw: &Draw) -> Request {
    let mut request = Request::from(pool)
        .count(draw.count)
        .partial(draw.is_partial)
        .retry(draw.is_retry);
    if let Some(key) = draw.key {
        request = request.key(key);
    }
    if let Some(ms) = draw.hold_ms {
        request = request.hold_for(Duration::from_millis(ms));
    }
    request
}

fn settled(result: Result<(), SettleError>) -> Result<(), &'static str> {
    result.map_err(|error| match error {
        SettleError::Unknown { .. } => "Unknown",
        SettleError::NotHeld { .. } => "NotHeld",
        SettleError::Confirmed { .. } => "Confirmed",
        SettleError::Voided { .. } => "Voided",
        SettleError::Expired { .. } => "Expired",
        SettleError::Forgotten { .. } => "Forgotten",
        error => panic!("{error}"),
    })
}

/// Which kind of error it is, without the particulars.
fn name_of(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    text[..text.find([' ', '{']).unwrap_or(text.len())].into()
}

fn run(directory: Option<&Path>, program: &Program) {
    let (mut run, mut open) = Run::begin(directory, program);
    for step in &program.steps {
        open = run.step(open, step);
    }
    for pool in 0..POOLS {
        open = run.step(open, &Step::Odds { pool });
    }
    // What is there at the end is there again after a crash and after a clean close.
    for is_clean in [false, true] {
        let settings = program.settings.clone();
        open = run.step(open, &Step::Reopen { is_clean, settings });
    }
}

fn config(cases: usize) -> ProptestConfig {
    ProptestConfig {
        cases: (cases * long()) as u32,
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn an_engine_with_a_log_does_what_the_model_does(program in step::programs()) {
        let directory = tempfile::tempdir().unwrap();
        run(Some(directory.path()), &program);
    }

    #[test]
    fn an_engine_with_pools_on_all_shards_does_what_the_model_does(
        program in step::spread_programs(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        run(Some(directory.path()), &program);
    }

    #[test]
    fn an_engine_in_memory_with_pools_on_all_shards_does_what_the_model_does(
        program in step::spread_programs(),
    ) {
        run(None, &program);
    }

    #[test]
    fn an_engine_in_memory_does_what_the_model_does(program in step::programs()) {
        run(None, &program);
    }
}
