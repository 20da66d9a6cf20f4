//! What every system is to the harness, Tombola included.

use std::{path::Path, process};

use crate::{failure::Failure, group_commit::GroupCommit, pool::Pool};

/// What a draw brought: the place of an item, or nothing, because all units are gone.
pub(crate) type Answer = Option<u32>;

/// A caller that asks, and waits for the answer.
pub(crate) trait Peer: Send {
    /// Draws so often in one commit, adds as many answers to `out`, and returns once they are as
    /// durable as the system promises.
    fn draw_batch(&mut self, count: usize, out: &mut Vec<Answer>) -> Result<(), Failure>;
}

/// A caller that asks, and takes the answers when they come, in the order of its requests.
pub(crate) trait Stream: Send {
    /// Asks for up to so many draws; returns how many found room.
    fn submit(&mut self, count: usize) -> Result<usize, Failure>;

    /// Adds the answers that are there to `out`; perhaps none.
    fn poll(&mut self, out: &mut Vec<Answer>) -> Result<(), Failure>;
}

/// How several draws go to a server that is spoken to over a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As one call.
    Together,
    /// As a call each, sent without waiting for the answers.
    Pipelined,
}

/// A running system with one pool in it.
pub(crate) trait System {
    /// One more caller.
    fn connect(&self, manner: Manner) -> Result<Box<dyn Peer>, Failure>;

    /// One more caller that need not wait. Where a system has none of its own, it is a worker that
    /// commits together what has arrived.
    fn stream(&self, batch_max: usize) -> Result<Box<dyn Stream>, Failure> {
        let peer = self.connect(Manner::Together)?;
        Ok(Box::new(GroupCommit::start(peer, batch_max)?))
    }

    /// The process whose writes are the system's.
    fn process(&self) -> u32 {
        process::id()
    }

    /// Ends it in order. What was acknowledged is there when it is opened again.
    fn close(self: Box<Self>) -> Result<(), Failure>;
}

/// Opens a system in a directory; makes it with the pool's units if there is none yet.
pub(crate) type Open = fn(&Path, &Pool) -> Result<Box<dyn System>, Failure>;
