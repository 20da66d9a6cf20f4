//! Snapshots, whole and with the checksums that their content has.

use std::path::PathBuf;

use crate::{
    place::{Files, Place},
    recipe::{self, ENGINE},
    verdict,
};

/// What the header of a snapshot says.
pub(crate) struct Covered {
    pub(crate) engine: u128,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    pub(crate) segment: u64,
    pub(crate) next_seq: u64,
    pub(crate) chain: u32,
}

/// What the snapshots of these targets say.
pub(crate) const COVERED: Covered = Covered {
    engine: ENGINE,
    shard: 0,
    shards: 2,
    segment: 1,
    next_seq: 1000,
    chain: 7,
};

/// Shards remember so many keys at most. They may be told 2^24, for which they reserve more than a
/// gigabyte; the engine's test `bounded` looks at that.
pub(crate) const KEYS_MAX: u64 = 1 << 10;
/// Where a snapshot's content says how many it is.
const KEYS_AT: std::ops::Range<usize> = 16..24;

/// A snapshot's file, with right checksums.
pub(crate) fn file(covered: &Covered, content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    if let Some(keys) = content.get_mut(KEYS_AT) {
        let said = u64::from_le_bytes(keys.try_into().expect("they are 8 bytes"));
        keys.copy_from_slice(&said.min(KEYS_MAX).to_le_bytes());
    }
    let mut header = Vec::new();
    header.extend(1u32.to_le_bytes());
    header.extend(covered.engine.to_le_bytes());
    header.extend(covered.shard.to_le_bytes());
    header.extend(covered.shards.to_le_bytes());
    header.extend(covered.segment.to_le_bytes());
    header.extend(covered.next_seq.to_le_bytes());
    header.extend(covered.chain.to_le_bytes());
    header.extend((content.len() as u64).to_le_bytes());
    header.extend(crc32c::crc32c(&content).to_le_bytes());
    let mut file = b"TOMBSNAP".to_vec();
    file.extend(&header);
    file.extend(crc32c::crc32c(&header).to_le_bytes());
    file.extend(content);
    file
}

/// The input is the content of a snapshot, behind whose segment the log goes on with one that is
/// not there: so its loss is accepted, and the content written again.
pub(crate) fn content(data: &[u8]) {
    verdict::check(&Place::with(&beside(file(&COVERED, data))));
}

/// The input is a snapshot's file.
pub(crate) fn whole(data: &[u8]) {
    verdict::check(&Place::with(&beside(data.to_vec())));
}

fn beside(snapshot: Vec<u8>) -> Files {
    let mut files = recipe::lay(&[1 << 2]);
    let shard = PathBuf::from("shard-000");
    files.insert(shard.join("snapshot-000000000001.snap"), snapshot);
    files.insert(shard.join("segment-000000000003.log"), Vec::new());
    files
}
