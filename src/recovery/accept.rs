//! Accepting a loss: what can be read is kept, what is gone is named, and the damaged files are put
//! beside the log, whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Depth, Meta, describe,
    directory::{META_FILE, shard_path},
    examine_once,
    repair::{remove_temporaries, set_aside_snapshots},
    state::{Gap, ShardState, finding},
};
use crate::{
    error::{Error, Finding, FindingKind},
    request::RESERVED_AT_MOST,
    shard::partition::reconcile,
    snapshot::{self, Covered},
    sys::{self, DirectoryLock},
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
pub fn accept_loss(directory: &Path) -> Result<Vec<Acceptance>, Error> {
    let _lock = DirectoryLock::take(directory)?;
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
    let damaged: Vec<bool> = examination.shards.iter().map(is_damaged).collect();
    let states = examination.shards.iter_mut();
    let mut partitions: Vec<_> = states.map(|state| &mut state.partition).collect();
    reconcile(&mut partitions, &damaged);
    for state in examination.shards {
        if damaged[state.shard] {
            accepted.push(accept_shard(
                &shard_path(directory, state.shard),
                &meta,
                state,
            )?);
        }
    }
    Ok(accepted)
}

/// Puts a description in the place of one that cannot be trusted.
fn describe_anew(directory: &Path, meta: &Meta, error: &Error) -> Result<Acceptance, Error> {
    let path = directory.join(META_FILE);
    let kept = directory.join(format!("{META_FILE}.damaged"));
    // A copy: until the new one takes its place the old one is there.
    fs::copy(&path, &kept).map_err(Error::io("set aside", &path))?;
    meta.write(directory)?;
    Ok(Acceptance {
        shard: 0,
        lost: Vec::new(),
        findings: vec![finding(0, &path, FindingKind::Garbage, &error.to_string())],
        kept,
    })
}

fn accept_shard(directory: &Path, meta: &Meta, mut state: ShardState) -> Result<Acceptance, Error> {
    let last = state
        .segments
        .last()
        .copied()
        .unwrap_or(0)
        .max(state.snapshot_segment + 1);
    if last > NUMBER_MAX {
        return Err(Error::NotTombola {
            path: segment::path(directory, last),
            reason: "no log comes to such a number; move the file away".into(),
        });
    }
    sys::create_directory(directory)?;
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
    let kept = directory.join(format!("lost-{last:012}"));
    sys::create_directory(&kept)?;
    for &number in &state.segments {
        let from = segment::path(directory, number);
        let to = segment::path(&kept, number);
        fs::rename(&from, &to).map_err(Error::io("move away", &from))?;
    }
    for path in [kept.as_path(), directory] {
        sys::sync_directory(path).map_err(Error::io("flush the directory", path))?;
    }
    Ok(Acceptance {
        shard: state.shard,
        lost: state.gaps,
        findings: state.findings,
        kept,
    })
}
