//! A block that the device wrote to another place than its own, and said that it was written.

use crate::{
    common::FORMATS,
    place::Place,
    small::{Block, Small, UNIT, leave, shard_of},
    verdict::Verdict,
};

/// Writes a block to another place of its file; where it belongs there is what was there before.
fn lead_astray(small: &Small, block: &Block, to: u64) -> Option<Vec<u8>> {
    let bytes = &small.files[&block.file];
    let (begin, end) = (block.header.offset as usize, block.end as usize);
    let (to, length) = (to as usize, end - begin);
    if to < end && begin < to + length || to + length > bytes.len() {
        return None;
    }
    let mut harmed = bytes.clone();
    let fill = bytes[bytes.len() - UNIT as usize..].iter().cycle();
    harmed[begin..end]
        .iter_mut()
        .zip(fill)
        .for_each(|(byte, fill)| *byte = *fill);
    harmed[to..to + length].copy_from_slice(&bytes[begin..end]);
    Some(harmed)
}

/// Even of the very last block, that nothing behind it tells of: it is a witness itself, whether it
/// lies behind its place or over another block.
#[test]
fn a_block_in_another_place_is_told() {
    for format in FORMATS {
        let mut small = leave(format);
        for shard in 0..2 {
            small.without_marker(shard);
        }
        let place = Place::new(small.files.clone());
        let mut seen = 0;
        for shard in 0..2 {
            let of_shard = |block: &&Block| shard_of(&block.file) == shard;
            let last = small.blocks.iter().rfind(of_shard).unwrap();
            let length = small.files[&last.file].len() as u64;
            for to in (UNIT..length).step_by(UNIT as usize) {
                let Some(harmed) = lead_astray(&small, last, to) else {
                    continue;
                };
                place.write(&last.file, &harmed);
                let what = format!("{format:?}: {:?} to {to}", last.header);
                let verdict = Small::verdict(place.path(), &what);
                Small::assert_verified(place.path(), &verdict, &what);
                let Verdict::Refused(examined) = verdict else {
                    panic!("{what}: not told");
                };
                let gaps = &examined.shards[shard].gaps;
                let mut seqs = last.header.first_seq..last.header.next_seq();
                let is_named = |seq| {
                    let mut gaps = gaps.iter();
                    gaps.any(|gap| (gap.first_seq..=gap.last_seq).contains(&seq))
                };
                assert!(seqs.all(is_named), "{what}: {gaps:?}");
                seen += 1;
            }
            place.write(&last.file, &small.files[&last.file]);
        }
        assert!(seen > 4, "{seen}");
    }
}
