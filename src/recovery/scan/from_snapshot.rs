//! What a shard's snapshots tell.

use super::Scan;
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

    /// Where there is no log and no snapshot that can be used, the ones that cannot be used still
    /// prove that there was something.
    pub(super) fn name_what_only_snapshots_had(&mut self) -> Result<(), Error> {
        let is_empty = self.state.segments.is_empty() && self.state.snapshot_segment == 0;
        let covered = snapshot::list(self.directory)?.pop().unwrap_or(0);
        if is_empty && covered > 0 {
            self.missing(1, covered);
        }
        Ok(())
    }
}
