//! How an engine is put together before it is opened.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use super::{Engine, start};
use crate::{
    config::{Config, Durability, Idle, LogFormat, StorageKind},
    error::Error,
    machine::{Clock, Directory, Entropy, Tasks, Threads},
    storage::{Storage, StorageOptions},
};

/// Makes the storage of a shard, on the shard's own thread.
pub type StorageFactory =
    Arc<dyn Fn(usize, StorageOptions) -> io::Result<Box<dyn Storage>> + Send + Sync>;

/// Settings for an engine; see [`Config`] for their defaults and bounds. Made by
/// [`Engine::builder`] and [`Engine::in_memory`].
#[derive(Clone)]
#[must_use = "a builder does nothing until open is called"]
pub struct EngineBuilder {
    pub(super) directory: Option<Directory>,
    pub(super) config: Config,
    pub(super) factory: Option<StorageFactory>,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) tasks: Arc<dyn Tasks>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(=> $wrap:expr)?;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.config.$name = setters!(@value $name $($wrap)?);
            self
        }
    )*};
    (@value $name:ident) => { $name };
    (@value $name:ident $wrap:expr) => { $wrap($name) };
}

impl EngineBuilder {
    pub(super) fn new(directory: Option<Directory>) -> Self {
        let mut config = Config::default();
        if directory.is_none() {
            config.storage = StorageKind::None;
        }
        Self {
            directory,
            config,
            factory: None,
            clock: Clock::system(),
            entropy: Entropy::system(),
            tasks: Arc::new(Threads),
        }
    }

    /// Takes all settings at once. For an engine in memory the storage stays `none`.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        if self.directory.is_none() {
            self.config.storage = StorageKind::None;
        }
        self
    }

    setters! {
        /// How many shards; fixed when the data directory is made.
        shards: usize => Some;
        /// What a shard does when it has nothing to do.
        idle: Idle;
        /// Whether each shard is pinned to a core of its own.
        pin: bool;
        /// Seeds the random streams. The same seed gives the same draws in an engine in memory
        /// and one shard; in a data directory the stream also depends on how many records there
        /// are, so that reopening does not repeat it.
        seed: u64 => Some;
        /// The most clients at one time.
        clients_max: usize;
        /// Slots in each ring between a client and a shard.
        ring_slots: usize;
        /// Slots in each ring between two shards.
        exchange_slots: usize;
        /// Where the log's bytes go. With [`StorageKind::None`] the directory is neither read nor
        /// written.
        storage: StorageKind;
        /// How records are written. Every segment says its own format, so it may change.
        format: LogFormat;
        /// When a draw is acknowledged.
        durability: Durability;
        /// The size of a log segment in bytes.
        segment_bytes: u64;
        /// The most a block holds, in bytes.
        block_bytes: usize;
        /// How many blocks may be on their way to the device at once.
        blocks_in_flight: usize;
        /// How many of them there may be before a block that is not full waits for them.
        partial_blocks_in_flight: usize;
        /// Records after which a snapshot is made.
        snapshot_records: u64;
        /// How long a block waits for company.
        commit_delay: Duration;
        /// How many records end that wait early.
        commit_records: usize;
        /// How many requests with a key each shard remembers.
        remember_keys: usize;
        /// How long a key is remembered at least.
        remember_for: Duration;
        /// How many voided requests and ended holds each shard remembers.
        remember_settled: usize;
        /// The most holds that may be open on each shard.
        holds_max: usize;
        /// Where retired segments go instead of being deleted.
        archive_dir: PathBuf => Some;
    }

    /// Uses a storage of the caller's for the log's bytes, for instance one that injects faults.
    /// Segments are still prepared, read and retired as files, so what it is given must reach the
    /// attached path.
    pub fn storage_factory(mut self, factory: StorageFactory) -> Self {
        self.factory = Some(factory);
        self
    }

    /// Uses another clock than the operating system's, for tests and simulations.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Uses other random bits than the operating system's, for simulations.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Has the shards and the housekeeper run by somebody else than threads of their own, for
    /// simulations. The clients' blocking draws and the async client still wait in real time.
    pub fn tasks(mut self, tasks: Arc<dyn Tasks>) -> Self {
        self.tasks = tasks;
        self
    }

    /// Opens or makes the data directory, recovers what is in it, and starts the engine.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of bounds, [`Error::Locked`] while another engine has
    /// the directory, [`Error::ShardCount`], [`Error::NotTombola`], [`Error::Description`], [`Error::FutureVersion`],
    /// [`Error::Damaged`] with every finding and no file changed, [`Error::Io`].
    pub fn open(self) -> Result<Engine, Error> {
        self.config.validate()?;
        start::start(self)
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            directory, config, ..
        } = self;
        f.debug_struct("EngineBuilder")
            .field("directory", directory)
            .field("config", config)
            .finish_non_exhaustive()
    }
}
