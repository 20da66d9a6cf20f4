//! Recovery by itself: a log without a snapshot back to a state.

use std::{ffi::OsString, io, path::Path, sync::Arc};

use tempfile::TempDir;
use tombola::{
    Durability, Engine, LogFormat, Placement, PoolHandle, Request, StorageKind,
    machine::{Access, Directory, Files, Lock, OpenFile, SystemFiles},
    recovery::{Depth, examine},
};

use crate::{
    DRAWS,
    stage::{deterministic, pool},
    turns,
};

/// Small, so that the end of the last segment, where nothing is written, does not count for much.
const SEGMENT_BYTES: u64 = 512 << 10;
const BLOCK_BYTES: usize = 64 << 10;
const BATCH: usize = 1_000;

/// The operating system's files, which one thread reads alone: others would not be counted.
#[derive(Debug)]
struct OneThread(SystemFiles);

impl Files for OneThread {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        self.0.open(path, access)
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.0.is_directory(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.0.names(directory)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.0.make_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.sync_directory(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.0.lock(path)
    }

    fn is_locked(&self, path: &Path) -> bool {
        self.0.is_locked(path)
    }

    fn is_parallel(&self) -> bool {
        false
    }
}

/// A log that an engine has left behind without a snapshot.
#[derive(Debug)]
pub struct Log {
    place: TempDir,
}

impl Log {
    /// A log with a record for every draw.
    pub fn new(format: LogFormat) -> Self {
        Self::of(format, |pool, _| Request::from(pool))
    }

    /// One of draws with keys, each of them another.
    pub fn with_keys(format: LogFormat) -> Self {
        Self::of(format, |pool, number| {
            Request::from(pool).key((number as u128) << 64 | 0xACE)
        })
    }

    fn of(format: LogFormat, request: fn(&PoolHandle, usize) -> Request) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let log = Self { place };
        let engine = deterministic(Engine::builder(log.directory()))
            .storage(StorageKind::File)
            .durability(Durability::Kernel)
            .format(format)
            .segment_bytes(SEGMENT_BYTES)
            .block_bytes(BLOCK_BYTES)
            .shards(1)
            .open()
            .expect("an engine");
        let pool = engine.register(pool(Placement::OneShard)).expect("a pool");
        let mut client = engine.client().expect("a client");
        for batch in 0..DRAWS / BATCH {
            let numbers = batch * BATCH..(batch + 1) * BATCH;
            let batch: Vec<_> = numbers.map(|number| request(&pool, number)).collect();
            let taken = client.submit_batch(&batch).expect("the shard runs").count;
            assert_eq!(taken, BATCH, "there is room");
            let mut open = BATCH;
            while open > 0 {
                turns::step_all();
                open -= client.poll_with(|_| {}).expect("the shard runs");
            }
        }
        log
    }

    fn directory(&self) -> Directory {
        Directory::among(
            Arc::new(OneThread(SystemFiles)),
            self.place.path().join("data"),
        )
    }

    /// Reads it.
    pub fn recover(&self) {
        let state = examine(self.directory(), Depth::Needed).expect("it can be read");
        assert!(state.opens());
        let pools = state.pools();
        let drawn: u64 = pools[0].items().map(|item| item.drawn).sum();
        assert_eq!(drawn, DRAWS as u64);
    }
}
