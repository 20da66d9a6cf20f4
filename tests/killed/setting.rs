//! How an engine is opened that will be killed, on both sides of the kill.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tombola::{Engine, OnExhausted, Placement, PoolDefinition, PoolHandle};

use crate::{
    common::{DURABILITIES, FORMATS, STORAGES, builder},
    tell::POOLS,
};

/// The kinds are places in the lists of all of them, which are easily given to another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) format: usize,
    pub(crate) storage: usize,
    pub(crate) durability: usize,
    pub(crate) shards: usize,
    /// After how many records a snapshot is made.
    pub(crate) snapshot_records: u64,
    pub(crate) data: PathBuf,
    /// Where the segments go that snapshots cover.
    pub(crate) archive: PathBuf,
}

impl Setting {
    pub(crate) fn open(&self) -> Engine {
        builder(&self.data)
            .format(FORMATS[self.format])
            .storage(STORAGES[self.storage])
            .durability(DURABILITIES[self.durability])
            .shards(self.shards)
            .snapshot_records(self.snapshot_records)
            .archive_dir(self.archive.clone())
            .open()
            .unwrap()
    }
}

/// The pools of an engine, by [`POOLS`]; those that are not there yet are registered.
pub(crate) fn pools(engine: &Engine) -> Vec<PoolHandle> {
    let definitions = [
        PoolDefinition::new(POOLS[0])
            .item("marked", 1, 40)
            .item("common", 20_000, 1_000_000),
        PoolDefinition::new(POOLS[1])
            .on_exhausted(OnExhausted::NoPrize)
            .item("marked", 1, 300)
            .unlimited("dust", 5_000),
        // What there is little of travels between the shards: too few units to be split, or so few
        // that parts run out, and what comes in or back is soon wanted elsewhere.
        PoolDefinition::new(POOLS[2])
            .placement(Placement::AllShards)
            .item("marked", 1, 40)
            .item("rare", 8_000, 25)
            .item("common", 20_000, 1_000_000),
    ];
    let known = |pool: PoolDefinition| {
        let known = engine.pool(&pool.name);
        known.unwrap_or_else(|| engine.register(pool).unwrap())
    };
    definitions.map(known).into()
}
