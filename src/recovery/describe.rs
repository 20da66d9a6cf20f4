//! Whose data a directory holds where its description cannot be trusted: the segments know too.

use super::{Meta, shard_directory};
use crate::{
    error::Error,
    machine::Directory,
    wal::{
        reader::{SegmentReader, Start},
        segment,
    },
};

/// What every segment that can be read says; `None` where they contradict each other, or there is
/// none.
pub(super) fn from_segments(directory: &Directory) -> Result<Option<Meta>, Error> {
    let mut said = None;
    let mut shard = 0;
    while shard_directory(directory, shard).exists() {
        let inner = shard_directory(directory, shard);
        for number in segment::list(&inner)? {
            let reader = SegmentReader::open(&inner, number)?;
            let Start::Header(header, ..) = reader.start() else {
                continue;
            };
            let owner = (header.engine, header.shards as usize);
            if header.shard as usize != shard || *said.get_or_insert(owner) != owner {
                return Ok(None);
            }
        }
        shard += 1;
    }
    Ok(said
        .filter(|(_, shards)| *shards == shard)
        .map(|(engine, shards)| Meta::new(engine, shards)))
}
