//! How long the command waits for answers that do not come.

use std::{
    thread,
    time::{Duration, Instant},
};

use tombola::Idle;

use crate::{failure::Failure, output::counted};

/// How long a client waits for the next answer. Long enough for a slow disk; but an engine whose
/// disk is full waits for space, which may never come.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a client sleeps that has nothing to do, where the shards sleep too.
const NAP: Duration = Duration::from_micros(50);

/// Knows since when nothing has moved.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Idle,
    moved: Instant,
}

impl Patience {
    pub(super) fn new(idle: Idle) -> Self {
        Self {
            idle,
            moved: Instant::now(),
        }
    }

    /// Something was asked or answered.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Nothing moves; rests a little. An error once `open` requests have waited for too long.
    pub(super) fn wait(&self, open: usize) -> Result<(), Failure> {
        if open > 0 && self.moved.elapsed() > LIMIT {
            return Err(Failure::Failed(format!(
                "no answer to {} since {} s; the disk may be full or not respond, see above; run \
                 it again once that is mended: it recovers, and the log tells which of them were made",
                counted(open as u64, "request"),
                LIMIT.as_secs()
            )));
        }
        match self.idle {
            Idle::Park => thread::sleep(NAP),
            Idle::Yield | Idle::Spin => thread::yield_now(),
        }
        Ok(())
    }
}
