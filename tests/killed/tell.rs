//! What the process that is killed says of itself: everything before it is submitted, and again
//! once it is acknowledged.

use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};
use tombola::{
    Completion, PoolChange, PoolHandle, Request,
    selector::{Stream, below},
    wal::record::{NO_PRIZE, Settlement},
};

/// The names of the pools, see [`pools`](crate::setting::pools).
pub(crate) const POOLS: [&str; 3] = ["finite", "lossy", "spread"];

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Told {
    Asking(Vec<Ask>),
    Answered(Answer),
    Settling(u64, Settlement),
    Settled(u64, Settlement),
    Editing(Edit),
    Edited,
    /// The engine is opened, and what an earlier life left recovered.
    Opening,
    Open,
    Snapshotting,
    Snapshot,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// A place in [`POOLS`].
    pub(crate) pool: usize,
    pub(crate) key: Option<u128>,
    pub(crate) count: u8,
    pub(crate) partial: bool,
    pub(crate) hold_ms: Option<u64>,
}

/// What it got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) ask: Ask,
    /// The request that drew.
    pub(crate) request: u64,
    pub(crate) is_replay: bool,
    pub(crate) shard: usize,
    pub(crate) seq: u64,
    pub(crate) items: Vec<u32>,
}

/// Changes to a pool. No two edits of a directory are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) pool: usize,
    pub(crate) changes: Vec<PoolChange>,
}

impl Told {
    /// One write of less than a pipe takes at once, so that the kill comes before it or after it.
    pub(crate) fn say(&self) {
        let mut line = serde_json::to_string(self).unwrap();
        line.push('\n');
        assert!(line.len() <= 4096, "a pipe might tear it");
        io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

impl Ask {
    pub(crate) fn random(stream: &mut Stream) -> Self {
        let pool = below(stream, POOLS.len() as u64) as usize;
        let mut ask = Self {
            pool,
            key: None,
            count: 1,
            partial: false,
            hold_ms: None,
        };
        if below(stream, 3) > 0 {
            ask.count = 1 + below(stream, 12) as u8;
            ask.partial = below(stream, 2) == 0;
            ask.hold_ms = (below(stream, 4) == 0).then(|| 1 + below(stream, 40));
        }
        ask
    }

    /// A key always asks for the same, in whatever process.
    pub(crate) fn keyed(life: u64, number: u64) -> Self {
        let mut stream = Stream::for_shard(life << 32 | number, 0);
        Self {
            key: Some(u128::from(life) << 64 | u128::from(number)),
            ..Self::random(&mut stream)
        }
    }

    pub(crate) fn request(&self, pools: &[PoolHandle]) -> Request {
        let mut request = Request::from(&pools[self.pool])
            .count(self.count)
            .partial(self.partial);
        if let Some(key) = self.key {
            request = request.key(key);
        }
        if let Some(hold_ms) = self.hold_ms {
            request = request.hold_for(std::time::Duration::from_millis(hold_ms));
        }
        request
    }

    /// What the log has to hold of it; nothing where it was refused.
    pub(crate) fn answered(&self, with: &Completion) -> Option<Answer> {
        Some(Answer {
            ask: self.clone(),
            request: with.original(),
            is_replay: with.is_replay(),
            shard: with.shard,
            seq: with.seq?,
            items: with.items().map(|item| item.unwrap_or(NO_PRIZE)).collect(),
        })
    }
}
