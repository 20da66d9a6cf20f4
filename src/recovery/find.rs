//! Looks for the draws of one request in a shard's log, from its end back.

use std::io;

use super::{Meta, live, shard_directory};
use crate::{
    error::Error,
    machine::Directory,
    storage::WRITE_UNIT,
    wal::{
        reader::{Found, SegmentReader, Start},
        record::{Record, VoidedRecord},
        segment,
    },
};

/// What a log says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InLog {
    /// It drew this.
    Draws(VoidedRecord),
    /// No segment that is there has a draw of it.
    Nothing {
        /// Whether the log is there from its first record on.
        is_whole: bool,
    },
}

/// Looks for a request that was answered. An engine may be writing to the log meanwhile: what it
/// has answered is there, and nothing else is needed.
pub(crate) fn look_for(directory: &Directory, shard: usize, request: u64) -> Result<InLog, Error> {
    // A segment that is cut off while it is read is read again.
    live::until_settled(
        directory,
        |_| look_once(directory, shard, request),
        |_| true,
    )
}

fn look_once(directory: &Directory, shard: usize, request: u64) -> Result<InLog, Error> {
    let identity = Meta::read(directory)?.identity(shard);
    let directory = shard_directory(directory, shard);
    let mut is_whole = false;
    for number in segment::list(&directory)?.into_iter().rev() {
        let mut reader = match SegmentReader::open(&directory, number) {
            Ok(reader) => reader,
            // The housekeeper has retired it just now.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let Start::Header(header, ..) = reader.start() else {
            continue;
        };
        if header.engine != identity.engine || header.shard != identity.shard {
            continue;
        }
        if let Some(draws) = look_in(&mut reader, request)? {
            return Ok(InLog::Draws(draws));
        }
        is_whole = header.first_seq == 1;
    }
    Ok(InLog::Nothing { is_whole })
}

fn look_in(reader: &mut SegmentReader, request: u64) -> Result<Option<VoidedRecord>, Error> {
    let mut offset = WRITE_UNIT as u64;
    let mut found = None;
    while let Found::Block(block, _) = reader.look(offset)? {
        offset += reader.block_bytes(&block);
        // What cannot be read is the matter of recovery.
        let _ = reader.records(&block, &mut |_, record| {
            match record {
                Record::Draw(draw) if draw.request == request => {
                    found = Some(VoidedRecord {
                        request,
                        pool: draw.pool,
                        items: vec![draw.item],
                    });
                }
                Record::Draws(draws) if draws.request == request => {
                    found = Some(VoidedRecord {
                        request,
                        pool: draws.pool,
                        items: draws.items.clone(),
                    });
                }
                _ => {}
            }
            Ok(())
        })?;
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}
