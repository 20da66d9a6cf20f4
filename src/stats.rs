//! What an engine tells about itself while it runs.

use hdrhistogram::Histogram;

/// A picture of a running engine, a shard at a time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// The shards, in order.
    pub shards: Vec<ShardStats>,
    /// What the housekeeper did.
    pub housekeeper: HousekeeperStats,
}

/// What one shard did since the engine was opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ShardStats {
    /// The shard.
    pub shard: usize,
    /// The storage that is really used: "uring", "mmap", "file", "none", or a custom one's name.
    pub storage: &'static str,
    /// Why the storage is not the one that was asked for, if it is not.
    pub storage_fallback: Option<String>,
    /// Whether the shard's thread is pinned to a core.
    pub pinned: bool,
    /// Draws that handed out an item or answered "no prize".
    pub draws: u64,
    /// Draws that answered "no prize".
    pub no_prizes: u64,
    /// Requests that were refused: nothing left, no such pool, or another of the outcomes that
    /// draw nothing.
    pub refusals: u64,
    /// Requests whose key was remembered, so that they got the same again.
    pub replays: u64,
    /// Keys that are remembered at this moment.
    pub keys_remembered: usize,
    /// Holds that are open at this moment.
    pub holds_open: usize,
    /// Draws from pools on all shards that chose an item which this shard had run out of while
    /// another still had it.
    pub hand_overs: u64,
    /// How often units of such items came from another shard.
    pub transfers: u64,
    /// Blocks that became durable.
    pub commits: u64,
    /// Bytes of those blocks.
    pub bytes: u64,
    /// Requests that wait in the shard's rings at this moment.
    pub ring_depth: usize,
    /// How often a draw had to wait because the next segment was not ready.
    pub segment_waits: u64,
    /// The last sequence number that was given.
    pub seq: u64,
    /// The last sequence number that is durable.
    pub durable_seq: u64,
    /// Microseconds from handing a block to the storage until it was durable.
    pub commit_latency_us: Histogram<u64>,
}

/// What the housekeeper did since the engine was opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HousekeeperStats {
    /// Snapshots made.
    pub snapshots: u64,
    /// Segments deleted or archived.
    pub segments_retired: u64,
    /// Sealed segments that were read back and checked.
    pub segments_checked: u64,
    /// What went wrong: a segment that does not read back, a disk too full to prepare the next one.
    /// The newest 16.
    pub alarms: Vec<String>,
}

impl Stats {
    /// The commit latencies of all shards together, in microseconds.
    pub fn commit_latency_us(&self) -> Histogram<u64> {
        let mut all = latency_histogram();
        for shard in &self.shards {
            // The bounds are the same, so adding cannot fail.
            let _ = all.add(&shard.commit_latency_us);
        }
        all
    }
}

/// 1 µs to 1 minute, three significant digits; recording never allocates.
pub(crate) fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid")
}
