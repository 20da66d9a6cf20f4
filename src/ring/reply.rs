//! The answer to one control request: sent once, waited for with a limit.

use std::{
    sync::mpsc::{RecvTimeoutError, TryRecvError},
    time::Duration,
};

use crate::sync::{Receiver, SyncSender, sync_channel};

/// Where an answer goes. Sending it never blocks.
#[derive(Debug)]
pub(crate) struct Reply<T>(SyncSender<T>);

/// Where an answer comes from.
#[derive(Debug)]
pub(crate) struct Answer<T>(Receiver<T>);

pub(crate) fn reply<T>() -> (Reply<T>, Answer<T>) {
    let (sender, receiver) = sync_channel(1);
    (Reply(sender), Answer(receiver))
}

impl<T> Reply<T> {
    /// Answers. Whoever asked may be gone; that is no matter.
    pub(crate) fn send(self, value: T) {
        let _ = self.0.try_send(value);
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Not in time.
    TimedOut,
    /// The other side is gone.
    Gone,
}

impl<T> Answer<T> {
    /// The answer, if it is there already.
    pub(crate) fn try_wait(&self) -> Result<Option<T>, NoAnswer> {
        match self.0.try_recv() {
            Ok(value) => Ok(Some(value)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(NoAnswer::Gone),
        }
    }

    pub(crate) fn wait(self, limit: Duration) -> Result<T, NoAnswer> {
        self.0.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoAnswer::TimedOut,
            RecvTimeoutError::Disconnected => NoAnswer::Gone,
        })
    }
}
