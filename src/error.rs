//! What can go wrong, and what to do about it.

use std::{io, path::PathBuf};

use crate::{
    config::{ConfigError, OutOfBounds},
    pool::{ChangeError, PoolError, Unchangeable},
    request::{Request, RequestId},
};

/// Why opening, steering or reading an engine failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another engine, in this or another process, has the data directory open.
    #[error("{} is in use by another engine; close that one, or use another directory", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory was made with another number of shards.
    #[error("{} has {found} shards, not {asked}; the number is fixed when it is made: open it with {found}, or without naming one", path.display())]
    ShardCount {
        /// The data directory.
        path: PathBuf,
        /// How many it has.
        found: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// The directory holds something, but not an engine's data.
    #[error("{} is not a tombola data directory ({reason}); name one that tombola made, or, for a new one, an empty directory", path.display())]
    NotTombola {
        /// The directory.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// The file that says whose data this is, and how many shards it has, cannot be trusted.
    #[error("{} cannot be trusted: {reason}; the directory was left as it is: restore the file from a backup, or have it made anew from the log (`tombola recover --accept-loss`)", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What is there of a shard's log does not lead to this point.
    #[error(
        "the state after record {seq} of shard {shard} cannot be told: what is there leads from record {first_seq} to {last_seq}{}",
        reach(*seq, *last_seq)
    )]
    OutOfReach {
        /// The shard.
        shard: usize,
        /// The point that was asked for.
        seq: u64,
        /// The first point that can be told.
        first_seq: u64,
        /// The last one.
        last_seq: u64,
    },
    /// The files were written by a newer version.
    #[error("{} has format version {found}, and this version of tombola reads up to {supported}; use a newer one", path.display())]
    FutureVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest this build reads.
        supported: u32,
    },
    /// Something that may have been acknowledged cannot be read. No file was changed.
    #[error("{} is damaged and was left as it is: {}; restore the files from a backup, or accept the loss (`tombola recover --accept-loss`)", path.display(), summary(findings))]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// What is wrong, and where.
        findings: Vec<Finding>,
    },
    /// A setting is out of bounds.
    #[error(transparent)]
    Setting(#[from] OutOfBounds),
    /// The config file has mistakes.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A pool definition is refused.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A change to a pool is refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A pool cannot become what is wanted.
    #[error(transparent)]
    Unchangeable(#[from] Unchangeable),
    /// A change to a pool on all shards is made, and not on all of them yet.
    #[error(
        "the change to pool {pool} is made and durable, but shard {shard} does not answer ({source}); do not make it again: the next change to a pool finishes it, or the next open"
    )]
    Unfinished {
        /// The pool's place.
        pool: u32,
        /// The shard that has not made it yet.
        shard: usize,
        /// What that shard said.
        source: Box<Error>,
    },
    /// A pool of this name is registered with another definition.
    #[error(
        "pool \"{pool}\" is already registered with another definition: {difference}; to change a pool that is there use `tombola apply`, or `Engine::edit` in a program; otherwise give this one another name, or the definition it has"
    )]
    PoolConflict {
        /// The pool.
        pool: String,
        /// The first difference.
        difference: String,
    },
    /// A shard has as many pools as it can hold.
    #[error("shard {shard} has {limit} pools, which is the most")]
    TooManyPools {
        /// The shard.
        shard: usize,
        /// How many it can hold.
        limit: usize,
    },
    /// A pool on all shards needs the same place on each, and one of them has too few pools before it.
    #[error(
        "a pool on all shards needs the same place on each: the next one that is free on all is {place}, and shard {shard} has so few pools that it may only have {limit}; register pools on all shards before most of the others, or give the others names that do not all belong to the same shard"
    )]
    PlacesTooUneven {
        /// The shard with too few pools.
        shard: usize,
        /// The place, counted from 0.
        place: usize,
        /// How many places that shard may have.
        limit: usize,
    },
    /// As many clients as the engine was set up for are there.
    #[error("there are already {limit} clients; drop one, or raise clients_max")]
    TooManyClients {
        /// How many there may be.
        limit: usize,
    },
    /// A shard has stopped after a failed write or flush.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Too many control requests wait already.
    #[error("the engine's control inbox is full; try again")]
    Busy,
    /// The engine did not answer in time. What was asked for may still happen.
    #[error("no answer within {seconds} s to: {what}; it may still happen")]
    TimedOut {
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// There is nothing to make a snapshot of, or it could not be made.
    #[error("the snapshot was not made: {reason}")]
    Snapshot {
        /// Why.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space: a running engine then goes on by itself, otherwise open it again; nothing is lost"
        }
        io::ErrorKind::PermissionDenied => "; check the owner and the mode",
        io::ErrorKind::ReadOnlyFilesystem => "; the file system is read-only",
        io::ErrorKind::NotADirectory => "; name a directory",
        _ => "",
    }
}

/// What leads to a point that is out of reach.
fn reach(seq: u64, last_seq: u64) -> &'static str {
    if seq > last_seq {
        "; the log does not go on behind that"
    } else {
        "; older segments are in the archive, if there is an archive_dir: copied back into the shard's directory they lead further back"
    }
}

fn summary(findings: &[Finding]) -> String {
    match findings {
        [] => String::new(),
        [only] => only.to_string(),
        [first, more @ ..] => format!("{first} (and {} more)", more.len()),
    }
}

/// The shard does not take draws any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// A write or flush failed. What was submitted and not acknowledged may or may not be in the
    /// log.
    #[error(
        "shard {shard} has stopped: {reason}; unanswered draws may or may not have been made: reopen the engine, which recovers, and look at the log"
    )]
    Failed {
        /// The shard.
        shard: usize,
        /// What failed.
        reason: String,
    },
    /// The engine was shut down or dropped.
    #[error("the engine is closed")]
    Closed,
}

/// Why a request was not taken. It comes back inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The ring to the shard is full: poll, then try again.
    #[error("the ring to the shard is full; poll for completions and try again")]
    Full(Request),
    /// The shard does not take draws any more.
    #[error("{1}")]
    Stopped(Request, Stopped),
    /// The engine has no such shard, so no such pool.
    #[error("the engine has no such pool; use a PoolId that it gave")]
    UnknownPool(Request),
    /// The request cannot be answered by any engine, or not by one with such small rings.
    #[error("the request was not taken: {1}")]
    Mistake(Request, &'static str),
}

/// Why a hold was not ended, or a draw not voided. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// No such request has drawn anything.
    #[error("request {request} has drawn nothing, or there is no such request")]
    Unknown {
        /// The request.
        request: RequestId,
    },
    /// The request holds nothing (any more).
    #[error(
        "request {request} holds nothing: it asked for no hold, or how it ended is not remembered"
    )]
    NotHeld {
        /// The request.
        request: RequestId,
    },
    /// The hold was confirmed before.
    #[error("the hold of request {request} was confirmed before")]
    Confirmed {
        /// The request.
        request: RequestId,
    },
    /// The units were given back before.
    #[error("request {request} was voided before")]
    Voided {
        /// The request.
        request: RequestId,
    },
    /// The hold came to its end; the units are in stock again.
    #[error("the hold of request {request} has expired")]
    Expired {
        /// The request.
        request: RequestId,
    },
    /// It is too long ago: what it drew, or whether it was given back, is not known any more.
    #[error(
        "request {request} is too long ago to be voided; raise remember_settled, or keep the log for longer"
    )]
    Forgotten {
        /// The request.
        request: RequestId,
    },
    /// The engine could not do it.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Why a blocking draw has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The request was not taken; nothing was drawn.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// No answer in time: the draw may or may not be made. Its completion comes by
    /// [`poll`](crate::Client::poll) if it is.
    #[error(
        "no answer to request {request} in time; it may still be drawn: poll for its completion"
    )]
    Unknown {
        /// The request that is still open.
        request: RequestId,
    },
    /// The shard stopped with the request under way: the draw may or may not have been made.
    #[error("request {request} has no answer: {stopped}")]
    Stopped {
        /// The request.
        request: RequestId,
        /// Why there will be no answer.
        stopped: Stopped,
    },
}

/// What kind of thing is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A segment is not where the numbering says there is one.
    MissingSegment,
    /// A segment's header cannot be read.
    SegmentHeader,
    /// A segment belongs to another engine, another shard or another place.
    ForeignSegment,
    /// A segment is shorter than its header says.
    Truncated,
    /// A block cannot be read, and something after it proves that it was once whole.
    Block,
    /// A block is whole, but a record in it cannot be applied.
    Record,
    /// There is something where nothing should be.
    Garbage,
    /// A snapshot cannot be read.
    Snapshot,
    /// A file was written by a newer version.
    FutureVersion,
}

/// Something that is wrong with a data directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The shard whose file it is.
    pub shard: usize,
    /// The file's name within the shard's directory.
    pub segment: String,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// The first sequence number that is affected, if known.
    pub first_seq: Option<u64>,
    /// The last sequence number that is affected, if known.
    pub last_seq: Option<u64>,
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// Whether recovery opens the directory all the same, without any loss.
    pub recoverable: bool,
    /// What is wrong, in words.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "shard {}, {} at offset {}",
            self.shard, self.segment, self.offset
        )?;
        match (self.first_seq, self.last_seq) {
            (Some(first), Some(last)) if first != last => {
                write!(f, ", sequence numbers {first} to {last}")?;
            }
            (Some(first), Some(_)) => write!(f, ", sequence number {first}")?,
            (Some(first), None) => write!(f, ", from sequence number {first}")?,
            _ => {}
        }
        write!(f, ": {}", self.message)
    }
}
