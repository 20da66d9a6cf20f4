//! What a shard's snapshots tell.

use super::{Scan, WHOLE_LOG};
use crate::{
    error::{Error, Finding, FindingKind},
    recovery::{Depth, state::finding},
    shard::partition::{Partition, PartitionBack},
    snapshot::{self, Covered},
    wal::segment::Identity,
};

impl Scan<'_> {
    /// Takes the newest snapshot that is whole.
    pub(super) fn load_snapshot(&mut self, depth: Depth) -> Result<(), Error> {
        let mut loaded = false;
        for number in snapshot::list(self.directory)?.into_iter().rev() {
            if loaded && depth == Depth::Needed {
                break;
            }
            let path = self.directory.join(snapshot::name(number));
            let back = snapshot::read(self.directory, number, self.identity)?.and_then(
                |(covered, back)| {
                    let back: PartitionBack = back;
                    let partition = Partition::try_from(back).map_err(|error| error.to_string())?;
                    Ok((covered, partition))
                },
            );
            match back {
                Ok(_) if loaded => {}
                Ok((
                    Covered {
                        segment,
                        next_seq,
                        chain,
                    },
                    partition,
                )) => {
                    loaded = true;
                    let Identity { shard, shards, .. } = self.identity;
                    self.state.partition = partition.on_shard(shard, shards);
                    self.state.next_seq = next_seq;
                    self.state.snapshot_seq = next_seq - 1;
                    self.state.snapshot_segment = segment;
                    self.state.chain = chain;
                }
                Err(reason) => {
                    // What it covered was durable, though what it says of it cannot be read.
                    if let Some(claims) = snapshot::claims(self.directory, number, self.identity)? {
                        self.proven_upto = self.proven_upto.max(claims.next_seq - 1);
                    }
                    // The one before it and the log lead to the same state, if they are whole.
                    let message = format!("the snapshot cannot be used: {reason}");
                    let found = finding(self.state.shard, &path, FindingKind::Snapshot, &message);
                    self.state.findings.push(Finding {
                        recoverable: true,
                        ..found
                    });
                }
            }
        }
        Ok(())
    }

    /// Where the log ends before a snapshot that cannot be used, that still proves that there was more.
    pub(super) fn name_what_only_snapshots_had(&mut self) -> Result<(), Error> {
        let used = self.state.snapshot_segment;
        let last = self.state.segments.last().copied().unwrap_or(0).max(used);
        let newest = snapshot::list(self.directory)?.pop().unwrap_or(0);
        let is_proven = self.proven_upto >= self.state.next_seq;
        // Beside a log the name alone is no proof.
        if newest <= last || (last > used && !is_proven) {
            return Ok(());
        }
        self.missing(last + 1, newest - last);
        if is_proven {
            self.gap_upto(self.proven_upto, true);
        } else {
            self.may_be_gone = WHOLE_LOG;
        }
        Ok(())
    }
}
