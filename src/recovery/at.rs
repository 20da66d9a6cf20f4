//! What a shard's state was at a point of its log.

use super::{CountsOnly, Depth, Meta, live, scan, shard_directory};
use crate::{
    error::Error,
    machine::Directory,
    shard::partition::{Partition, PartitionBack},
    snapshot,
    wal::{record::Record, segment::Identity},
};

/// The state of a shard right after the record `seq`; 0 is before the first one. Nothing is
/// changed, and an engine may be writing meanwhile.
///
/// # Errors
/// [`Error::OutOfReach`] for a point that the snapshots and logs which are there do not lead to;
/// else as [`examine`](super::examine).
pub fn state_at(
    directory: impl Into<Directory>,
    shard: usize,
    seq: u64,
) -> Result<Partition<CountsOnly>, Error> {
    let directory = &directory.into();
    let meta = Meta::read(directory)?;
    let out_of_reach = |first_seq, last_seq| Error::OutOfReach {
        shard,
        seq,
        first_seq,
        last_seq,
    };
    if shard >= meta.shards {
        return Err(out_of_reach(0, 0));
    }
    let (path, identity) = (shard_directory(directory, shard), meta.identity(shard));
    let look = |believe| {
        let mut points = points(&path, identity)?;
        let snapshot_first = points.iter().map(|(upto, _)| *upto).min();
        let mut state = points
            .iter()
            .position(|(upto, _)| *upto <= seq)
            .map(|at| points.swap_remove(at));
        let mut first_record = None;
        let mut once = live::Once::default();
        once.begin();
        let mut replay = |at: u64, record: &Record| {
            first_record.get_or_insert(at);
            if state.is_none() && at == 1 {
                state = Some((
                    0,
                    Partition::default().on_shard(identity.shard, identity.shards),
                ));
            }
            if let Some((upto, partition)) = &mut state
                && at == *upto + 1
                && at <= seq
                && partition.apply(at, record).is_ok()
            {
                *upto = at;
            }
        };
        let scanned = scan::shard(&path, identity, Depth::Everything, &mut |run| {
            once.see(run, believe, &mut |run| run.for_each(&mut replay));
        })?;
        let last_seq = scanned.next_seq - 1;
        // Before the first record that is there only a snapshot can tell.
        let first_seq = match first_record {
            Some(1) => 0,
            _ => snapshot_first.unwrap_or(last_seq),
        };
        Ok((state, first_seq, last_seq))
    };
    let (state, first_seq, last_seq) = live::until_settled(
        directory,
        look,
        |(state, ..)| matches!(state, Some((upto, _)) if *upto == seq),
    )?;
    if seq == 0 && first_seq == 0 {
        return Ok(Partition::default().on_shard(identity.shard, identity.shards));
    }
    match state {
        Some((upto, partition)) if upto == seq => Ok(partition),
        _ => Err(out_of_reach(first_seq, last_seq)),
    }
}

/// What the snapshots hold, the newest first, each with its last sequence number.
fn points(
    directory: &Directory,
    identity: Identity,
) -> Result<Vec<(u64, Partition<CountsOnly>)>, Error> {
    let mut points = Vec::new();
    for number in snapshot::list(directory)?.into_iter().rev() {
        let back = snapshot::read::<PartitionBack>(directory, number, identity)?;
        // One that is damaged tells nothing; the log may lead to the same point.
        if let Ok((covered, back)) = back
            && let Ok(partition) = Partition::try_from(back)
        {
            let partition = partition.on_shard(identity.shard, identity.shards);
            points.push((covered.next_seq - 1, partition));
        }
    }
    Ok(points)
}
