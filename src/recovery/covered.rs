//! The segments that a snapshot covers: recovery does not need them, but they should be whole.

use std::io;

use super::{
    Visit,
    state::{ShardState, finding},
};
use crate::{
    error::{Error, Finding, FindingKind},
    machine::Directory,
    wal::{
        reader::SegmentReader,
        sealed,
        segment::{self, Identity},
    },
};

/// Reads every covered segment; what is wrong is found, but does not keep recovery from opening.
pub(super) fn check(
    directory: &Directory,
    identity: Identity,
    state: &mut ShardState,
    visit: Visit<'_>,
) -> Result<(), Error> {
    let covered: Vec<u64> = state
        .segments
        .iter()
        .copied()
        .filter(|number| *number <= state.snapshot_segment)
        .collect();
    for number in covered {
        let reader = match SegmentReader::open(directory, number) {
            Ok(reader) => reader,
            // The engine that runs beside has retired it just now.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
            Err(error @ Error::FutureVersion { .. }) => {
                let path = directory.join(segment::name(number));
                let kind = FindingKind::FutureVersion;
                state.findings.push(Finding {
                    recoverable: true,
                    ..finding(state.shard, &path, kind, &error.to_string())
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        let path = reader.path().to_path_buf();
        let read = sealed::read(reader, identity, &mut |run| {
            visit(run);
            Ok(())
        })?;
        if let Err(sealed::Broken {
            offset,
            first_seq,
            kind,
            message,
        }) = read
        {
            let found = finding(state.shard, &path, kind, &message);
            state.findings.push(Finding {
                offset,
                first_seq,
                recoverable: true,
                ..found
            });
        }
    }
    Ok(())
}
