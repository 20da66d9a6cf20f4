//! Accepting a loss: what can be read is kept, what is gone is named, and the damaged files are put
//! beside the log, whole.

use std::path::PathBuf;

use super::{
    Depth, Meta,
    directory::shard_directory,
    examine_once,
    repair::{remove_temporaries, set_aside_snapshots},
    state::{Gap, ShardState},
};
use crate::{
    error::{Error, Finding},
    machine::Directory,
    request::RESERVED_AT_MOST,
    shard::partition::mend,
    snapshot::{self, Covered},
    wal::{
        record::Record,
        segment::{self, NUMBER_MAX},
    },
};

/// What was accepted for one shard.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Acceptance {
    /// The shard.
    pub shard: usize,
    /// The sequence numbers that are gone.
    pub lost: Vec<Gap>,
    /// What was wrong.
    pub findings: Vec<Finding>,
    /// Where the damaged segments are now.
    pub kept: PathBuf,
}

/// Gives up what cannot be read in a damaged data directory, so that an engine can open it.
///
/// Everything readable is applied, before and after the damage. The result becomes a snapshot; the
/// segments that led to it move to a directory `lost-…` beside the log. Sequence numbers that are
/// gone are not used again. Shards without damage are left as they are; so is everything if nothing
/// is damaged.
///
/// # Errors
/// [`Error::Locked`] while an engine has the directory open; otherwise as [`super::examine`], and
/// whatever goes wrong with the files.
pub fn accept_loss(directory: impl Into<Directory>) -> Result<Vec<Acceptance>, Error> {
    let directory = directory.into();
    let _lock = directory.lock()?;
    let meta = Meta::read(&directory)?;
    let mut examination = examine_once(&directory, Depth::Needed)?;
    let mut accepted = Vec::new();
    let is_damaged = |state: &ShardState| state.findings.iter().any(|finding| !finding.recoverable);
    let damaged = examination.shards.iter().filter(|state| is_damaged(state));
    let damaged: Vec<usize> = damaged.map(|state| state.shard).collect();
    let partitions = examination.shards.iter_mut();
    let mut partitions: Vec<_> = partitions.map(|state| &mut state.partition).collect();
    mend(&mut partitions, &damaged);
    for state in examination.shards {
        if is_damaged(&state) {
            let directory = shard_directory(&directory, state.shard);
            accepted.push(accept_shard(&directory, &meta, state)?);
        }
    }
    Ok(accepted)
}

fn accept_shard(
    directory: &Directory,
    meta: &Meta,
    mut state: ShardState,
) -> Result<Acceptance, Error> {
    let last = state
        .segments
        .last()
        .copied()
        .unwrap_or(0)
        .max(state.snapshot_segment + 1);
    if last > NUMBER_MAX {
        return Err(Error::NotTombola {
            path: directory.join(segment::name(last)),
            reason: "no log comes to such a number; move the file away".into(),
        });
    }
    directory.create()?;
    remove_temporaries(directory)?;
    set_aside_snapshots(directory, &state)?;
    if state.shard == 0 {
        // What is gone may have been a reservation of request ids.
        let upto = state
            .partition
            .requests_upto()
            .saturating_add(RESERVED_AT_MOST);
        let reserved = Record::RequestsReserved { upto };
        state
            .partition
            .apply(state.next_seq - 1, &reserved)
            .expect("a reservation always fits");
    }
    // The snapshot comes first. It covers all segments by number, so from here on none of them is
    // needed, whether it was moved yet or not.
    let covered = Covered {
        segment: last,
        next_seq: state.next_seq,
        chain: state.chain,
    };
    snapshot::write(
        directory,
        meta.identity(state.shard),
        covered,
        &state.partition.image(),
    )?;
    let kept = directory.inner(format!("lost-{last:012}"));
    kept.create()?;
    for &number in &state.segments {
        let name = segment::name(number);
        directory
            .rename(&name, kept.join(&name))
            .map_err(Error::io("move away", directory.join(&name)))?;
    }
    kept.sync()?;
    directory.sync()?;
    Ok(Acceptance {
        shard: state.shard,
        lost: state.gaps,
        findings: state.findings,
        kept: kept.path().to_path_buf(),
    })
}
