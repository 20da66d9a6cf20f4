//! How an engine is set up: the `[engine]` and `[wal]` tables, with their defaults and bounds.

mod bytes;
mod catalog;
mod file;
mod mistake;
mod moment;
mod pools;
mod settings;
mod tree;
mod value;

use std::{path::PathBuf, time::Duration};

pub use bytes::{ByteSize, ByteSizeError};
pub use file::{ConfigFile, ConfigFormat, EXAMPLE};
pub use mistake::{ConfigError, Mistake};
pub use moment::{Moment, MomentError};

use serde::{Deserialize, Serialize};

/// Where the log's bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// `io_uring` with registered buffers (the default); falls back to `File` where the kernel
    /// refuses it.
    #[default]
    Uring,
    /// A memory map of the segment.
    Mmap,
    /// `pwrite` on the shard's own thread.
    File,
    /// No log and no data directory: for tests, simulations and measuring.
    None,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Binary records (the default): 4 bytes for a draw from the same pool as the one before it, for the
    /// request after that one, as in a batch; 16 for any other.
    #[default]
    Bincode,
    /// One JSON object a line.
    Jsonl,
    /// One short text line a record.
    Line,
}

/// When a draw is acknowledged, and so what it survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Its block is written and flushed: survives a power cut (the default).
    #[default]
    Device,
    /// Its block is in the kernel's page cache: survives a crash or kill of the process.
    Kernel,
    /// It is staged: survives nothing; for tests and for measuring.
    Memory,
}

/// What a shard does when it has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Gives its core to whoever else wants it, and looks again; while a write takes longer than usual it
    /// sleeps in the kernel (the default).
    #[default]
    Yield,
    /// Looks again at once. Only where the shard's core is its own: a kernel worker that has to
    /// run there waits for the scheduler's next tick, up to 4 ms.
    Spin,
    /// Sleeps until a client wakes it: costs no core, and some 50 µs at the next draw.
    Park,
}

/// Everything that may be set about an engine. `Config::default()` is what an empty file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many shards; fixed when the data directory is made. `None`: as many as the directory
    /// has, or for a new one the cores there are less one for the caller, at least 1.
    pub shards: Option<usize>,
    /// What a shard does when it has nothing to do. Default [`Idle::Yield`].
    pub idle: Idle,
    /// Whether each shard is pinned to a core of its own, from the last core down. Default `true`;
    /// nothing is pinned where there is only one core.
    pub pin: bool,
    /// Seeds the shards' random streams; `None` (the default) takes it from the operating system.
    /// A given seed makes draws predictable: for tests and simulations.
    pub seed: Option<u64>,
    /// The most clients at one time, 1 to 1024. Default 64.
    pub clients_max: usize,
    /// Slots in each ring between a client and a shard, 2 to 2^20; each takes 40 bytes. Default 65536.
    pub ring_slots: usize,
    /// Slots in each ring between two shards, over which they exchange units of pools that live on
    /// all shards, 1 to 2^20; each takes 48 bytes. Default 1024.
    pub exchange_slots: usize,
    /// Where the log's bytes go. Default [`StorageKind::Uring`].
    pub storage: StorageKind,
    /// How records are written. Default [`LogFormat::Bincode`].
    pub format: LogFormat,
    /// When a draw is acknowledged. Default [`Durability::Device`].
    pub durability: Durability,
    /// The size of a log segment, a multiple of 4096, 64 KiB to 4 GiB and at least 2 blocks. Default 64 MiB.
    pub segment_bytes: u64,
    /// The most a block holds, a multiple of 4096, 16 KiB to 16 MiB. Default 256 KiB.
    pub block_bytes: usize,
    /// How many blocks may be on their way to the device at once, 1 to 64. Default 4.
    pub blocks_in_flight: usize,
    /// A block that is not full is written only while fewer than this many are on their way, 1 to 64;
    /// more than [`blocks_in_flight`](Self::blocks_in_flight) is as many. Default 1: draws gather until
    /// the device is through. A device that works on several writes at once, and not on one after the
    /// other, answers a draw sooner with more.
    pub partial_blocks_in_flight: usize,
    /// A snapshot is made once this many records have come since the last, at least 1. Default
    /// 1 000 000.
    pub snapshot_records: u64,
    /// How long a block waits for company before it is written, 0 (the default) to 1 s.
    pub commit_delay: Duration,
    /// With a `commit_delay`: how many records end the wait early, 0 for none. Default 0.
    pub commit_records: usize,
    /// Where retired segments go; `None` (the default) deletes them.
    pub archive_dir: Option<PathBuf>,
    /// How many requests with a key each shard remembers, 0 to 2^24: the newest. Default 65536.
    ///
    /// A key that came before these is forgotten, and from then on [cannot be told
    /// apart](crate::Request::key) from a new one: it is drawn for again, unless the request says
    /// that it is a [retry](crate::Request::retry). With 0 that is every key.
    ///
    /// A key takes 88 to 94 bytes if it got one item, and 149 to 165 if it got ten (measured on
    /// x86-64 with `cargo bench --bench keys`); with a log twice that, for the housekeeper remembers
    /// them too. The room is made with the first key, but for that of more than one item each.
    pub remember_keys: usize,
    /// How long a key is remembered at least, unless more than `remember_keys` came since; 0 (the
    /// default) is without limit. What is older is forgotten when the next new key comes, no
    /// earlier: replaying the log at another time of day forgets the same.
    pub remember_for: Duration,
    /// How many requests that were voided and holds that ended each shard remembers, 1 to 2^24.
    /// What is older than these cannot be voided any more. Default 65536.
    pub remember_settled: usize,
    /// The most holds that may be open on each shard, 0 to 2^24. Default 65536.
    pub holds_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: None,
            idle: Idle::default(),
            pin: true,
            seed: None,
            clients_max: 64,
            ring_slots: 64 * 1024,
            exchange_slots: 1024,
            storage: StorageKind::default(),
            format: LogFormat::default(),
            durability: Durability::default(),
            segment_bytes: 64 << 20,
            block_bytes: 256 << 10,
            blocks_in_flight: 4,
            partial_blocks_in_flight: 1,
            snapshot_records: 1_000_000,
            commit_delay: Duration::ZERO,
            commit_records: 0,
            archive_dir: None,
            remember_keys: 64 * 1024,
            remember_for: Duration::ZERO,
            remember_settled: 64 * 1024,
            holds_max: 64 * 1024,
        }
    }
}

/// A setting outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value} is out of bounds; it takes {bounds}")]
pub struct OutOfBounds {
    /// The setting, as the config file names it.
    pub key: &'static str,
    /// What it was set to.
    pub value: String,
    /// What it may be set to.
    pub bounds: &'static str,
}

impl Config {
    /// Checks every setting against its bounds.
    ///
    /// # Errors
    /// The first setting that is out of bounds.
    pub fn validate(&self) -> Result<(), OutOfBounds> {
        match self.out_of_bounds().into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// All settings that are out of bounds.
    pub fn out_of_bounds(&self) -> Vec<OutOfBounds> {
        let unit = crate::storage::WRITE_UNIT as u64;
        let block = self.block_bytes as u64;
        let checks: [(&'static str, bool, String, &'static str); 14] = [
            (
                "shards",
                self.shards.is_none_or(|n| (1..=256).contains(&n)),
                format!("{:?}", self.shards.unwrap_or_default()),
                "1 to 256",
            ),
            (
                "clients_max",
                (1..=1024).contains(&self.clients_max),
                self.clients_max.to_string(),
                "1 to 1024",
            ),
            (
                "ring_slots",
                (2..=1 << 20).contains(&self.ring_slots),
                self.ring_slots.to_string(),
                "2 to 1048576",
            ),
            (
                "exchange_slots",
                (1..=1 << 20).contains(&self.exchange_slots),
                self.exchange_slots.to_string(),
                "1 to 1048576",
            ),
            (
                "segment_bytes",
                (64 << 10..=4 << 30).contains(&self.segment_bytes)
                    && self.segment_bytes.is_multiple_of(unit)
                    && self.segment_bytes >= 2 * block,
                self.segment_bytes.to_string(),
                "a multiple of 4096 from 64 KiB to 4 GiB, at least twice block_bytes",
            ),
            (
                "block_bytes",
                (16 << 10..=16 << 20).contains(&block) && block.is_multiple_of(unit),
                block.to_string(),
                "a multiple of 4096 from 16 KiB to 16 MiB",
            ),
            (
                "blocks_in_flight",
                (1..=64).contains(&self.blocks_in_flight),
                self.blocks_in_flight.to_string(),
                "1 to 64",
            ),
            (
                "partial_blocks_in_flight",
                (1..=64).contains(&self.partial_blocks_in_flight),
                self.partial_blocks_in_flight.to_string(),
                "1 to 64",
            ),
            (
                "snapshot_records",
                self.snapshot_records >= 1,
                self.snapshot_records.to_string(),
                "1 or more",
            ),
            (
                "commit_delay",
                self.commit_delay <= Duration::from_secs(1),
                format!("{:?}", self.commit_delay),
                "0 to 1 s",
            ),
            (
                "commit_records",
                self.commit_records == 0 || !self.commit_delay.is_zero(),
                self.commit_records.to_string(),
                "0, or any number together with a commit_delay",
            ),
            (
                "remember_keys",
                self.remember_keys <= 1 << 24,
                self.remember_keys.to_string(),
                "0 to 16777216",
            ),
            (
                "remember_settled",
                (1..=1 << 24).contains(&self.remember_settled),
                self.remember_settled.to_string(),
                "1 to 16777216",
            ),
            (
                "holds_max",
                self.holds_max <= 1 << 24,
                self.holds_max.to_string(),
                "0 to 16777216",
            ),
        ];
        checks
            .into_iter()
            .filter(|(_, within, _, _)| !within)
            .map(|(key, _, value, bounds)| OutOfBounds { key, value, bounds })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_bounds() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn every_mistake_is_named() {
        let config = Config {
            shards: Some(0),
            block_bytes: 5000,
            segment_bytes: 1,
            commit_records: 3,
            ..Config::default()
        };
        let keys: Vec<_> = config
            .out_of_bounds()
            .into_iter()
            .map(|mistake| mistake.key)
            .collect();
        assert_eq!(
            keys,
            ["shards", "segment_bytes", "block_bytes", "commit_records"]
        );
    }
}
