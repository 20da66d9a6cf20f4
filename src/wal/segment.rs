//! Segments: the files of a shard's log, their names, headers and making.

#[cfg(all(test, loom))]
mod models;
mod preparation;

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub(crate) use preparation::{Preparation, prepare};

use super::format;
use crate::{
    config::LogFormat,
    error::Error,
    machine::{Directory, OpenFile},
    storage::WRITE_UNIT,
    sync::{
        ArrayQueue, AtomicU64, AtomicUsize, OnceLock,
        thread::{self, Thread},
    },
};

/// The version of everything that is written to disk. What older versions wrote is read for ever.
///
/// 1. The first.
/// 2. In the binary format a draw can take 4 bytes instead of 16.
pub const FORMAT_VERSION: u32 = 2;

/// No sequence number is greater: it would take centuries to get there, so whatever says so is not
/// a log. What is computed from sequence numbers does not overflow.
pub(crate) const SEQ_MAX: u64 = 1 << 62;
/// No segment's number is greater, for the same reason. Names have room for more.
pub(crate) const NUMBER_MAX: u64 = 100_000_000_000_000;

/// What stands at the beginning of a segment, in a write unit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct SegmentHeader {
    /// The version of the format.
    pub version: u32,
    /// The engine, so that no other engine's segments are replayed.
    #[serde(with = "super::format::hex")]
    pub engine: u128,
    /// The shard.
    pub shard: u32,
    /// Of so many shards.
    pub shards: u32,
    /// The segment's number, from 1.
    pub segment: u64,
    /// The sequence number of its first record.
    pub first_seq: u64,
    /// A random number that every block of the segment repeats.
    #[serde(with = "super::format::hex")]
    pub salt: u64,
    /// The file's size in bytes until it is sealed and cut to what it holds.
    pub segment_bytes: u64,
    /// The checksum of the last header of the segment before.
    #[serde(with = "super::format::hex")]
    pub previous: u32,
}

/// Who writes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The engine's id.
    pub engine: u128,
    /// The shard.
    pub shard: u32,
    /// Of so many shards.
    pub shards: u32,
}

/// The file's name of segment `number`.
pub(crate) fn name(number: u64) -> String {
    format!("segment-{number:012}.log")
}

/// The file of segment `number`.
pub fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

/// The numbers of the segments in a shard's directory, rising.
///
/// # Errors
/// Where the directory cannot be read.
pub fn list(directory: impl Into<Directory>) -> Result<Vec<u64>, Error> {
    numbered(&directory.into(), "segment-", ".log")
}

/// The numbers in the names `prefix` + twelve to fifteen digits + `suffix`, rising.
pub(crate) fn numbered(
    directory: &Directory,
    prefix: &str,
    suffix: &str,
) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for name in directory.names()? {
        let digits = name
            .strip_prefix(prefix)
            .and_then(|name| name.strip_suffix(suffix));
        if let Some(number) = digits
            .filter(|digits| (12..=15).contains(&digits.len()))
            .and_then(|digits| digits.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How segments are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Making {
    pub(crate) bytes: u64,
    pub(crate) format: LogFormat,
    /// Whether the page cache is left alone; a memory map wants its pages there.
    pub(crate) past_cache: bool,
}

/// Overwrites everything from `offset` to the end of the file with fill, and flushes.
pub(crate) fn erase_from(
    file: &dyn OpenFile,
    offset: u64,
    log_format: LogFormat,
) -> io::Result<()> {
    debug_assert!(offset.is_multiple_of(WRITE_UNIT as u64));
    let length = file.length()?;
    let mut chunk = vec![0; 1 << 20];
    format::fill(log_format, &mut chunk);
    let mut at = offset;
    while at < length {
        let part = (length - at).min(chunk.len() as u64);
        file.write_all_at(&chunk[..part as usize], at)?;
        at += part;
    }
    file.sync()
}

/// A segment that is ready to be written.
#[derive(Debug)]
pub(crate) struct PreparedSegment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// What passes between a shard and the housekeeper: prepared segments one way, the number of the
/// last sealed one the other.
#[derive(Debug)]
pub(crate) struct SegmentSupply {
    pub(crate) prepared: ArrayQueue<PreparedSegment>,
    sealed_upto: AtomicU64,
    /// Once a shard had to wait for a segment, two are kept ahead.
    wanted: AtomicUsize,
    /// The bytes of the open segment that the shard has written; all there can be, if it waits for one.
    used: AtomicU64,
    housekeeper: OnceLock<Thread>,
}

/// Segments that may be kept ahead.
const AHEAD_MAX: usize = 2;

impl SegmentSupply {
    pub(crate) fn new(sealed_upto: u64) -> Self {
        let sealed_upto = AtomicU64::new(sealed_upto);
        Self {
            prepared: ArrayQueue::new(AHEAD_MAX),
            sealed_upto,
            wanted: AtomicUsize::new(1),
            used: AtomicU64::new(0),
            housekeeper: OnceLock::new(),
        }
    }

    /// The calling thread is the one that prepares.
    pub(crate) fn moves_in(&self) {
        let _ = self.housekeeper.set(thread::current());
    }

    /// The shard says that a segment is sealed, durably.
    pub(crate) fn seal(&self, number: u64) {
        // Release: whoever sees the number also sees the segment's bytes in the file.
        self.sealed_upto.store(number, Ordering::Release);
        self.wake();
    }

    /// How many prepared segments there should be.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The shard has written so many bytes of its segment.
    #[inline]
    pub(crate) fn use_up(&self, bytes: u64) {
        // Relaxed: it tells how much time there is, and nothing else.
        self.used.store(bytes, Ordering::Relaxed);
    }

    /// How many bytes of its segment the shard has written.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The shard has to wait for a segment.
    pub(crate) fn hurry(&self) {
        self.use_up(u64::MAX);
        self.wanted.store(AHEAD_MAX, Ordering::Relaxed);
        self.wake();
    }

    /// The number of the last sealed segment.
    pub(crate) fn sealed_upto(&self) -> u64 {
        self.sealed_upto.load(Ordering::Acquire)
    }

    /// Once a segment, not once a draw: the system call does not matter.
    pub(crate) fn wake(&self) {
        if let Some(housekeeper) = self.housekeeper.get() {
            housekeeper.unpark();
        }
    }
}
