//! What a random program is made of.

use std::fmt;

use proptest::{collection::vec, option, prelude::*, sample::select};
use tombola::{
    ItemDefinition, LogFormat, OnExhausted, Placement, PoolChange, PoolDefinition, StorageKind,
};

/// Pools that are registered at the beginning; the place after them is that of no pool.
pub(crate) const POOLS: usize = 3;
/// When a program begins, in milliseconds since 1970.
pub(crate) const BEGINNING_MS: u64 = 1_000;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These requests, submitted before the first answer is taken where there is one shard.
    Draw(Vec<Draw>),
    Confirm(Which),
    Void(Which),
    /// The clock goes on, or back.
    Clock {
        by_ms: i64,
    },
    Edit {
        pool: usize,
        changes: Vec<PoolChange>,
    },
    Register {
        pool: usize,
        shape: Definition,
    },
    Odds {
        pool: usize,
    },
    Snapshot,
    Reopen {
        is_clean: bool,
        settings: Settings,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Draw {
    pub(crate) pool: usize,
    pub(crate) count: u8,
    pub(crate) is_partial: bool,
    pub(crate) key: Option<u128>,
    pub(crate) is_retry: bool,
    pub(crate) hold_ms: Option<u64>,
}

impl Draw {
    /// Whether it asks for one draw, and nothing else.
    pub(crate) fn is_plain(&self) -> bool {
        let asks = self.is_partial || self.is_retry;
        self.count == 1 && !asks && self.key.is_none() && self.hold_ms.is_none()
    }
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    /// By its completion; 0 is the newest.
    Completed { back: usize },
    /// By its id; 0 is the newest.
    Numbered { back: usize },
    /// An id that cannot be one.
    Never(u64),
}

/// How a pool is registered again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Definition {
    First,
    Current,
    Other,
}

/// What may be set otherwise at every open.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: LogFormat,
    pub(crate) storage: StorageKind,
    pub(crate) remember_keys: usize,
    pub(crate) remember_for_ms: u64,
    pub(crate) remember_settled: usize,
    pub(crate) holds_max: usize,
}

/// A program, printed with a line for each step.
pub(crate) struct Program {
    pub(crate) shards: usize,
    pub(crate) pools: Vec<PoolDefinition>,
    pub(crate) settings: Settings,
    pub(crate) steps: Vec<Step>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        writeln!(f, "    {} shards", self.shards)?;
        for pool in &self.pools {
            writeln!(f, "    {pool:?}")?;
        }
        writeln!(f, "    {:?}", self.settings)?;
        for step in &self.steps {
            writeln!(f, "    {step:?}")?;
        }
        Ok(())
    }
}

/// Programs for one shard.
pub(crate) fn programs() -> impl Strategy<Value = Program> {
    programs_with(definitions(0..4u64))
}

/// Programs for several shards, where some pools live on all of them.
pub(crate) fn spread_programs() -> impl Strategy<Value = Program> {
    let stocks = prop_oneof![2 => 0..4u64, 1 => 30..80u64];
    (programs_with(definitions(stocks)), 2..4usize, 1..8u8).prop_map(
        |(mut program, shards, spread)| {
            program.shards = shards;
            for (place, pool) in program.pools.iter_mut().enumerate() {
                if spread & (1 << place) != 0 {
                    pool.placement = Placement::AllShards;
                }
            }
            program
        },
    )
}

fn programs_with(
    definitions: impl Strategy<Value = Vec<PoolDefinition>>,
) -> impl Strategy<Value = Program> {
    (definitions, settings(), vec(step(), 1..60)).prop_map(|(pools, settings, steps)| Program {
        shards: 1,
        pools,
        settings,
        steps,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        select(&[LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line]),
        select(&[StorageKind::File, StorageKind::Mmap, StorageKind::Uring]),
        select(&[0usize, 1, 2, 4, 100]),
        select(&[0u64, 0, 40, 200]),
        select(&[1usize, 2, 5, 100]),
        select(&[1usize, 3, 100]),
    )
        .prop_map(
            |(format, storage, remember_keys, remember_for_ms, remember_settled, holds_max)| {
                Settings {
                    format,
                    storage,
                    remember_keys,
                    remember_for_ms,
                    remember_settled,
                    holds_max,
                }
            },
        )
}

fn definitions(stocks: impl Strategy<Value = u64>) -> impl Strategy<Value = Vec<PoolDefinition>> {
    let item = (
        0..6u64,
        prop_oneof![5 => stocks.prop_map(Some), 1 => Just(None)],
    );
    let pool = (vec(item, 1..5), any::<bool>())
        .prop_map(|(items, has_no_prizes)| PoolDefinition {
            on_exhausted: if has_no_prizes {
                OnExhausted::NoPrize
            } else {
                OnExhausted::Renormalise
            },
            items: ["a", "b", "c", "d"]
                .into_iter()
                .zip(items)
                .map(|(id, (weight, stock))| item_of(id, weight, stock))
                .collect(),
            ..PoolDefinition::new("p")
        })
        .prop_filter("something can be drawn", |pool| pool.validate().is_ok());
    vec(pool, POOLS).prop_map(|mut pools| {
        for (place, pool) in pools.iter_mut().enumerate() {
            pool.name = format!("pool {place}");
        }
        pools
    })
}

fn item_of(id: &str, weight: u64, stock: Option<u64>) -> ItemDefinition {
    ItemDefinition {
        id: id.into(),
        weight,
        stock,
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(draw(), 1..5).prop_map(Step::Draw),
        3 => which().prop_map(Step::Confirm),
        6 => which().prop_map(Step::Void),
        3 => (-2..15i64).prop_map(|tens| Step::Clock { by_ms: 10 * tens }),
        5 => (0..=POOLS, vec(change(), 1..4)).prop_map(|(pool, changes)| Step::Edit { pool, changes }),
        1 => (0..POOLS, select(&[Definition::First, Definition::Current, Definition::Other]))
            .prop_map(|(pool, shape)| Step::Register { pool, shape }),
        2 => (0..POOLS).prop_map(|pool| Step::Odds { pool }),
        1 => Just(Step::Snapshot),
        1 => (any::<bool>(), settings())
            .prop_map(|(is_clean, settings)| Step::Reopen { is_clean, settings }),
    ]
}

fn draw() -> impl Strategy<Value = Draw> {
    let pool = prop_oneof![30 => 0..POOLS, 1 => Just(POOLS)];
    let count = prop_oneof![4 => Just(1u8), 4 => 2..5u8, 1 => Just(100u8)];
    (
        pool,
        count,
        any::<bool>(),
        option::weighted(0.4, 0..6u128),
        prop::bool::weighted(0.2),
        // Whole tens of milliseconds, here and above, so that ends fall together.
        option::weighted(0.3, (1..20u64).prop_map(|tens| 10 * tens)),
    )
        .prop_map(|(pool, count, is_partial, key, is_retry, hold_ms)| Draw {
            pool,
            count,
            is_partial,
            key,
            is_retry,
            hold_ms,
        })
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        6 => (0..12usize).prop_map(|back| Which::Completed { back }),
        6 => (0..60usize).prop_map(|back| Which::Numbered { back }),
        1 => select(&[0, u64::MAX]).prop_map(Which::Never),
    ]
}

fn change() -> impl Strategy<Value = PoolChange> {
    let item = || select(&["a", "b", "c", "d", "e", "nothing"]).prop_map(String::from);
    let weight = || prop_oneof![12 => 0..6u64, 1 => Just(u64::MAX)];
    let units = || prop_oneof![12 => 0..4u64, 1 => Just(u64::MAX)];
    let time = || option::of((90..180u64).prop_map(|tens| 10 * tens));
    prop_oneof![
        6 => (item(), units()).prop_map(|(item, units)| PoolChange::Restock { item, units }),
        4 => (item(), weight()).prop_map(|(item, weight)| PoolChange::Weight { item, weight }),
        3 => (select(&["d", "e", "f", ""]), weight(), option::of(units())).prop_map(|(id, weight, stock)| {
            PoolChange::Add { item: item_of(id, weight, stock) }
        }),
        1 => item().prop_map(|item| PoolChange::Retire { item }),
        3 => Just(PoolChange::Open),
        1 => Just(PoolChange::Close),
        1 => (time(), time()).prop_map(|(opens_at_ms, closes_at_ms)| PoolChange::Window {
            opens_at_ms,
            closes_at_ms,
        }),
        2 => Just(PoolChange::Window { opens_at_ms: None, closes_at_ms: None }),
    ]
}
