//! Every shard's snapshot and log back to a state, in parallel: a verdict first, changes after.
//!
//! [`examine`] only reads. It walks every byte that matters, applies every record, and tells the
//! state, the torn tail if there is one, and every finding. Only when nothing is wrong that cannot
//! be mended without a loss does an engine let `repair` cut a torn tail off.

mod accept;
mod at;
mod audit;
mod beyond;
mod covered;
mod describe;
mod directory;
mod find;
mod ledger;
mod live;
mod repair;
mod scan;
mod state;

pub use accept::{Acceptance, accept_loss};
pub use at::state_at;
pub use audit::{Audit, CountedFrom, PoolAudit, audit};
pub(crate) use directory::{Meta, shard_directory};
pub(crate) use find::{InLog, look_for};
pub(crate) use repair::repair;
pub use state::{Gap, ShardState, Tail};

use std::{borrow::Cow, collections::BTreeMap, thread};

use crate::{
    error::{Error, Finding},
    machine::Directory,
    shard::partition::{CountsOnly, Pool},
    wal::{record::Record, run::Run},
};

/// How much of a data directory is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What recovery needs: the newest snapshot and the segments after it.
    Needed,
    /// Every byte of every file, covered by a snapshot or not.
    Everything,
}

/// What a data directory holds, as far as it is durable.
#[derive(Debug)]
pub struct Examination {
    /// The engine's id.
    pub engine: u128,
    /// Every shard's state, in order.
    pub shards: Vec<ShardState>,
}

impl Examination {
    /// Everything that is wrong.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.shards.iter().flat_map(|shard| &shard.findings)
    }

    /// Whether recovery opens the directory without a loss.
    pub fn opens(&self) -> bool {
        self.findings().all(|finding| finding.recoverable)
    }

    /// The pools of all shards that are registered, by name. The parts of one that lives on all
    /// shards are put together.
    pub fn pools(&self) -> Vec<Cow<'_, Pool<CountsOnly>>> {
        let mut parts: BTreeMap<&str, Vec<&Pool<CountsOnly>>> = BTreeMap::new();
        for pool in self.shards.iter().flat_map(|shard| shard.partition.pools()) {
            if pool.is_registered() {
                parts.entry(&pool.definition().name).or_default().push(pool);
            }
        }
        parts
            .into_values()
            .filter_map(|parts| match parts[..] {
                [only] if only.spread().is_none() => Some(Cow::Borrowed(only)),
                _ => Pool::merged(&parts).map(Cow::Owned),
            })
            .collect()
    }

    /// All request ids below this may have been handed out.
    pub fn requests_upto(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.partition.requests_upto())
            .max()
            .unwrap_or(1)
    }

    /// This examination, or the error that lists what is wrong.
    pub(crate) fn into_verdict(self, directory: &Directory) -> Result<Self, Error> {
        if self.opens() {
            return Ok(self);
        }
        let findings = self
            .shards
            .into_iter()
            .flat_map(|shard| shard.findings)
            .collect();
        Err(Error::Damaged {
            path: directory.path().to_path_buf(),
            findings,
        })
    }
}

/// Looks at a data directory without changing it. Beside a running engine it shows what was durable
/// at that moment.
///
/// # Errors
/// Where files cannot be read, there is no data directory, or it is from a newer version. Damage is
/// no error here: see [`Examination::findings`].
pub fn examine(directory: impl Into<Directory>, depth: Depth) -> Result<Examination, Error> {
    let directory = &directory.into();
    live::until_settled(
        directory,
        |_| examine_once(directory, depth),
        |examination| examination.findings().next().is_none(),
    )
}

/// Like [`examine`] for an engine that holds the lock itself.
pub(crate) fn examine_once(directory: &Directory, depth: Depth) -> Result<Examination, Error> {
    let meta = Meta::read(directory)?;
    let shards = each_shard(directory, &meta, |shard| {
        let inner = shard_directory(directory, shard);
        scan::shard(&inner, meta.identity(shard), depth, &mut |_| {})
    })?;
    Ok(Examination {
        engine: meta.engine,
        shards,
    })
}

/// Reads all shards.
fn each_shard<T: Send>(
    directory: &Directory,
    meta: &Meta,
    read: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    each(directory, (0..meta.shards).collect(), read)
}

/// Does something with each of several things in a directory: all at once, each on a thread of its
/// own, if its files can bear that.
pub(crate) fn each<I: Send, T: Send>(
    directory: &Directory,
    inputs: Vec<I>,
    work: impl Fn(I) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    if !directory.files().is_parallel() {
        return inputs.into_iter().map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let spawn = |input| scope.spawn(move || work(input));
        let threads: Vec<_> = inputs.into_iter().map(spawn).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("work on a shard does not panic"))
            .collect()
    })
}

/// Sees records in the order of their sequence numbers.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Run<'_>);

/// Gives every record that the files hold to `visit`, with its shard and sequence number, in that
/// order and each once; covered by a snapshot or not. Beside a running engine it gives what was
/// durable at that moment.
///
/// # Errors
/// As [`examine`].
pub fn read_records(
    directory: impl Into<Directory>,
    visit: &mut dyn FnMut(usize, u64, &Record),
) -> Result<Examination, Error> {
    let directory = &directory.into();
    let meta = Meta::read(directory)?;
    let shards = (0..meta.shards)
        .map(|shard| {
            read_shard(directory, &meta, shard, &mut |run| {
                run.for_each(|seq, record| visit(shard, seq, record));
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Examination {
        engine: meta.engine,
        shards,
    })
}

/// Gives every record of one shard to `visit`, in order and each once.
fn read_shard(
    directory: &Directory,
    meta: &Meta,
    shard: usize,
    visit: Visit<'_>,
) -> Result<ShardState, Error> {
    let inner = shard_directory(directory, shard);
    let mut once = live::Once::default();
    let read = |believe| {
        once.begin();
        let state = scan::shard(
            &inner,
            meta.identity(shard),
            Depth::Everything,
            &mut |run| once.see(run, believe, visit),
        )?;
        Ok((state, once.is_complete()))
    };
    let settled = |(state, complete): &(ShardState, bool)| *complete && state.findings.is_empty();
    Ok(live::until_settled(directory, read, settled)?.0)
}
