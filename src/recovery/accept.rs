//! Accepting a loss: what can be read is kept, what is gone is named, and the damaged files are put
//! beside the log, whole.

use std::path::PathBuf;

use super::{
    Depth, Meta, describe,
    directory::{META_FILE, shard_directory},
    examine_once,
    repair::{remove_temporaries, set_aside_snapshots},
    state::{Gap, ShardState, finding},
};
use crate::{
    error::{Error, Finding, FindingKind},
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
    /// Where the damaged segments are now, or the damaged description of the whole directory.
    pub kept: PathBuf,
}

/// Gives up what cannot be read in a damaged data directory, so that an engine can open it.
///
/// Everything readable is applied, before and after the damage. The result becomes a snapshot; the
/// segments that led to it move to a directory `lost-…` beside the log. Sequence numbers that are
/// gone are not used again. What a shard has lost of pools on all shards it learns from the others, so
/// that no unit is there twice. Shards without damage are left as they are; so is everything if nothing
/// is damaged. A description (`engine.json`) that cannot be trusted is made anew from what all
/// segments say, if they agree; the damaged one stays beside it.
///
/// # Errors
/// [`Error::Locked`] while an engine has the directory open; otherwise as [`super::examine`], and
/// whatever goes wrong with the files.
pub fn accept_loss(directory: impl Into<Directory>) -> Result<Vec<Acceptance>, Error> {
    let directory = &directory.into();
    let _lock = directory.lock()?;
    let mut accepted = Vec::new();
    let meta = match Meta::read(directory) {
        Err(error @ Error::Description { .. }) => {
            let Some(meta) = describe::from_segments(directory)? else {
                return Err(error);
            };
            accepted.push(describe_anew(directory, &meta, &error)?);
            meta
        }
        read => read?,
    };
    let mut examination = examine_once(directory, Depth::Needed)?;
    let is_damaged = |state: &ShardState| state.findings.iter().any(|finding| !finding.recoverable);
    let damaged = examination.shards.iter().filter(|state| is_damaged(state));
    let damaged: Vec<usize> = damaged.map(|state| state.shard).collect();
    let partitions = examination.shards.iter_mut();
    let mut partitions: Vec<_> = partitions.map(|state| &mut state.partition).collect();
    mend(&mut partitions, &damaged);
    let mut shards = examination.shards;
    shards.retain(|state| damaged.contains(&state.shard));
    // Either all of them can be kept, or none is touched.
    for state in &shards {
        check(&shard_directory(directory, state.shard), state)?;
    }
    for state in shards {
        let directory = shard_directory(directory, state.shard);
        accepted.push(accept_shard(&directory, &meta, state)?);
    }
    Ok(accepted)
}

/// Once the segments are away a snapshot is all there is, so it must not be one that recovery refuses.
fn check(directory: &Directory, state: &ShardState) -> Result<(), Error> {
    let last = covered_upto(state);
    if last > NUMBER_MAX {
        return Err(Error::NotTombola {
            path: directory.join(segment::name(last)),
            reason: "no log comes to such a number; move the file away".into(),
        });
    }
    state
        .partition
        .reads_back()
        .map_err(|reason| Error::Snapshot {
            reason: format!("what is left cannot be made into one: {reason}"),
        })
}

/// The last segment that the new snapshot covers.
fn covered_upto(state: &ShardState) -> u64 {
    let last = state.segments.last().copied().unwrap_or(0);
    last.max(state.snapshot_segment + 1)
}

/// Puts a description in the place of one that cannot be trusted.
fn describe_anew(directory: &Directory, meta: &Meta, error: &Error) -> Result<Acceptance, Error> {
    let path = directory.join(META_FILE);
    let kept = format!("{META_FILE}.damaged");
    // A copy: until the new one takes its place the old one is there.
    directory
        .copy(META_FILE, directory, &kept)
        .map_err(Error::io("set aside", &path))?;
    meta.write(directory)?;
    Ok(Acceptance {
        shard: 0,
        lost: Vec::new(),
        findings: vec![finding(0, &path, FindingKind::Garbage, &error.to_string())],
        kept: directory.join(kept),
    })
}

fn accept_shard(
    directory: &Directory,
    meta: &Meta,
    mut state: ShardState,
) -> Result<Acceptance, Error> {
    let last = covered_upto(&state);
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
