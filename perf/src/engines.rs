//! The engine that is measured: one shard and a pool of a thousand items of finite stock, unless a
//! section says otherwise.

use std::path::Path;

use tempfile::TempDir;
use tombola::{Config, Durability, Engine, LogFormat, PoolDefinition, PoolHandle, StorageKind};

use crate::failure::Failure;

/// How many items the pool has.
pub(crate) const ITEMS: u64 = 1_000;
/// No run gets through so many units of an item.
const STOCK: u64 = 1 << 40;

/// A pool of items with different weights.
pub(crate) fn pool(name: &str, items: u64) -> PoolDefinition {
    (0..items).fold(PoolDefinition::new(name), |pool, item| {
        pool.item(item.to_string(), item % 97 + 1, STOCK)
    })
}

/// Every draw is acknowledged once its block is written and flushed.
pub(crate) fn durable() -> Config {
    Config {
        shards: Some(1),
        ..Config::default()
    }
}

/// No log, and no files.
pub(crate) fn without_log() -> Config {
    Config {
        storage: StorageKind::None,
        durability: Durability::Memory,
        ..durable()
    }
}

/// A memory map that nobody flushes.
pub(crate) fn mapped() -> Config {
    Config {
        storage: StorageKind::Mmap,
        durability: Durability::Kernel,
        ..durable()
    }
}

/// The same in another format.
pub(crate) fn in_format(format: LogFormat, config: Config) -> Config {
    Config { format, ..config }
}

/// An open engine with its pool, in a directory that goes with it.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) pool: PoolHandle,
    directory: TempDir,
}

impl Opened {
    pub(crate) fn new(below: &Path, config: Config, items: u64) -> Result<Self, Failure> {
        let directory = tempfile::tempdir_in(below)?;
        let engine = Engine::builder(directory.path().join("data"))
            .config(config)
            .open()?;
        let pool = engine.register(pool("perf", items))?;
        Ok(Self {
            engine,
            pool,
            directory,
        })
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}
