//! Whose data a directory holds where its description cannot be trusted: the segments know too.

use std::path::Path;

use super::{Meta, shard_path};
use crate::{
    error::Error,
    wal::{
        reader::{SegmentReader, Start},
        segment,
    },
};

/// What every segment that can be read says; `None` where they contradict each other, or there is
/// none.
pub(super) fn from_segments(directory: &Path) -> Result<Option<Meta>, Error> {
    let mut said = None;
    let mut shard = 0;
    while shard_path(directory, shard).is_dir() {
        let shard_directory = shard_path(directory, shard);
        for number in segment::list(&shard_directory)? {
            let reader = SegmentReader::open(&shard_directory, number)?;
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
