//! The changes that follow a verdict: a torn tail is cut off, the last segment sealed, and what was
//! prepared or half made is removed. A crash in the middle leaves nothing that the next recovery
//! would not see as the same tail.

use std::io;

use super::state::{ShardState, Tail};
use crate::{
    error::{Error, FindingKind},
    machine::{Access, Directory},
    storage::WRITE_UNIT,
    wal::{
        block::{BlockHeader, BlockKind},
        format::{self, with_codec},
        reader::{SegmentReader, Start},
        segment,
    },
};

/// Where a shard's log goes on after repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repaired {
    /// The last segment that holds anything, sealed; the next one to make follows it.
    pub(crate) last_segment: u64,
    /// The checksum of the last header.
    pub(crate) chain: u32,
}

/// Makes a shard's directory ready to go on. The state has no finding that is not recoverable.
pub(crate) fn repair(directory: &Directory, state: &ShardState) -> Result<Repaired, Error> {
    remove_temporaries(directory)?;
    // First what comes behind the torn tail: once the segment before it is sealed, it would look
    // like a log that does not continue.
    let used = if state.end_offset > 0 {
        state.end_segment
    } else {
        state.end_segment.saturating_sub(1)
    };
    let last_segment = used.max(state.snapshot_segment);
    // From the last one down, each for good before the next: a crash in between must not leave a
    // hole, for a hole is a lost segment.
    for &number in state.segments.iter().rev() {
        let name = segment::name(number);
        if number > last_segment {
            directory.remove(&name)?;
            directory.sync()?;
        } else if number > state.snapshot_segment {
            // It may have been written with less durability than what will rely on it now.
            let flush = || directory.open(&name, Access::Write)?.sync();
            flush().map_err(Error::io("flush", directory.join(&name)))?;
        }
    }
    set_aside_snapshots(directory, state)?;
    directory.sync()?;
    let sealed = state.tail == Tail::Sealed || last_segment != state.end_segment;
    let chain = if sealed {
        state.chain
    } else {
        seal(directory, state)?
    };
    Ok(Repaired {
        last_segment,
        chain,
    })
}

/// Erases the torn tail, puts a seal in its place and cuts the file to what it holds.
fn seal(directory: &Directory, state: &ShardState) -> Result<u32, Error> {
    let number = state.end_segment;
    let mut reader = SegmentReader::open(directory, number)?;
    let path = reader.path().to_path_buf();
    let Start::Header(segment_header, _, log_format) = reader.start() else {
        let source = io::Error::other("its header changed since it was examined");
        return Err(Error::Io {
            action: "seal",
            path,
            source,
        });
    };
    let blocks = reader.count_blocks(state.end_offset)?;
    let header = BlockHeader {
        kind: BlockKind::Seal,
        salt: segment_header.salt,
        shard: segment_header.shard,
        segment: number,
        number: blocks,
        offset: state.end_offset,
        first_seq: state.next_seq,
        count: 0,
        length: 0,
        durable_upto: state.next_seq - 1,
        previous: state.chain,
        payload_crc: crc32c::crc32c(&[]),
    };
    let mut unit = [0; WRITE_UNIT];
    let chain = with_codec!(log_format, C => {
        use format::Codec as _;
        let chain = C::encode_block(&mut unit[..C::BLOCK_HEADER_BYTES], &header);
        format::pad::<C>(&mut unit[C::BLOCK_HEADER_BYTES..]);
        chain
    });
    let write = || {
        let file = directory.open(&segment::name(number), Access::Write)?;
        segment::erase_from(&*file, state.end_offset, log_format)?;
        file.write_all_at(&unit, state.end_offset)?;
        file.sync()?;
        file.set_length(state.end_offset + WRITE_UNIT as u64)?;
        file.sync()
    };
    write().map_err(Error::io("seal", &path))?;
    Ok(chain)
}

/// A snapshot that cannot be used must not count as one of the two that are kept, or the segments
/// that stand in for it would be retired. Its bytes stay, under another name.
pub(super) fn set_aside_snapshots(directory: &Directory, state: &ShardState) -> Result<(), Error> {
    for finding in state
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::Snapshot)
    {
        let name = &finding.segment;
        directory
            .rename(name, format!("{name}.damaged"))
            .map_err(Error::io("set aside", directory.join(name)))?;
    }
    Ok(())
}

/// Removes what an interrupted preparation or snapshot left behind.
pub(super) fn remove_temporaries(directory: &Directory) -> Result<(), Error> {
    let names = directory.names()?;
    let mut temporaries = names
        .iter()
        .filter(|name| name.strip_suffix(".tmp").is_some());
    temporaries.try_for_each(|name| directory.remove(name))
}
