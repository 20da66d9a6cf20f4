//! A block that a device wrote to another place than its own: where it should be is what was there
//! before, and something else is gone where it is.
//!
//! It is whole wherever it is: its checksums are right, and it is of this shard, this engine and this
//! life. Only its place is wrong. What was written after it is where it should be, and says of it that
//! it was durable.

use std::{collections::BTreeSet, ops::Range, path::PathBuf};

use crate::{
    common::{FORMATS, long},
    place::{Files, Place},
    small::{Block, Small, UNIT, is, leave, number, shard_of},
    told::Told,
    verdict::Verdict,
};
use tombola::wal::block::BlockKind;

/// In an ordinary run a block goes to one in so many places.
const PLACES: usize = 8;
/// With so many cases at once the loss is accepted as well.
const SAMPLE: usize = 97;

/// A block, all there was before it in its shard's log, and what came after it.
struct Astray<'a> {
    small: &'a Small,
    before: &'a [&'a Block],
    block: &'a Block,
    after: &'a [&'a Block],
    to: (&'a PathBuf, u64),
}

/// The bytes that are written at once: the first block of a segment comes with the segment's header.
fn written(block: &Block) -> Range<u64> {
    let is_first = block.header.offset == UNIT;
    let begin = if is_first { 0 } else { block.header.offset };
    begin..block.end
}

fn range(bytes: &Range<u64>) -> Range<usize> {
    bytes.start as usize..bytes.end as usize
}

impl Astray<'_> {
    fn place(&self) -> Range<u64> {
        let bytes = written(self.block);
        self.to.1..self.to.1 + (bytes.end - bytes.start)
    }

    /// Writes in the order in which the device did.
    fn files(&self) -> Files {
        let files = &self.small.files;
        let own = range(&written(self.block));
        let blank = files.iter().find(|(name, bytes)| {
            is(name, "log") && shard_of(name) == shard_of(self.to.0) && matches!(bytes[0], 0 | b' ')
        });
        let blank = &blank.expect("a segment is prepared").1[..UNIT as usize];
        let bytes = files[&self.block.file][own.clone()].to_vec();
        let mut written_to = Files::new();
        for name in [&self.block.file, self.to.0] {
            written_to.insert(name.clone(), files[name].clone());
        }
        for unit in written_to.get_mut(&self.block.file).unwrap()[own].chunks_mut(UNIT as usize) {
            unit.copy_from_slice(blank);
        }
        written_to.get_mut(self.to.0).unwrap()[range(&self.place())].copy_from_slice(&bytes);
        for later in self.after {
            if let Some(file) = written_to.get_mut(&later.file) {
                let own = range(&written(later));
                file[own.clone()].copy_from_slice(&files[&later.file][own]);
            }
        }
        written_to
    }

    /// What has to be told: of the log before the block, what it fell upon; and the block.
    fn told(&self) -> Told<'_> {
        // A segment that begins with another one's header is that other one as a whole.
        let is_foreign = written(self.block).start == 0 && self.to.1 == 0;
        let place = self.place();
        let is_under_it = |file: &PathBuf, bytes: Range<u64>| {
            let is_hit = place.start < bytes.end && bytes.start < place.end;
            file == self.to.0 && (is_hit || is_foreign)
        };
        let mut gone: Vec<_> = self
            .before
            .iter()
            .copied()
            .filter(|block| is_under_it(&block.file, block.header.offset..block.end))
            .collect();
        gone.push(self.block);
        let headers = self.before.iter().map(|block| &block.file);
        let headers = headers.filter(|file| is_under_it(file, 0..UNIT));
        let breaks = gone
            .iter()
            .map(|block| (&block.file, block.header.offset))
            .chain(headers.map(|file| (file, 0)))
            .chain([(&self.block.file, written(self.block).start)]);
        let (file, offset) = breaks.min().unwrap();
        Told {
            shard: shard_of(file),
            file,
            offset,
            gone,
        }
    }
}

#[test]
fn blocks_that_were_written_to_another_place() {
    let mut cases = 0;
    for format in FORMATS {
        let small = leave(format);
        let place = Place::new(small.files.clone());
        for shard in 0..2 {
            let of_shard: Vec<_> = small
                .blocks
                .iter()
                .filter(|block| shard_of(&block.file) == shard)
                .collect();
            let covered = small.whole.shards[shard].snapshot_segment;
            let is_needed = |name: &&PathBuf| {
                is(name, "log") && shard_of(name) == shard && number(name) > covered
            };
            let places: BTreeSet<_> = small
                .files
                .keys()
                .filter(is_needed)
                .flat_map(|name| {
                    let units = small.files[name].len() as u64 / UNIT;
                    (0..units).map(move |unit| (name, unit * UNIT))
                })
                .collect();
            for (at, block) in of_shard.iter().enumerate() {
                if block.header.kind != BlockKind::Records {
                    continue;
                }
                let own = (&block.file, written(block).start);
                let step = (PLACES / long()).max(1);
                for to in places.iter().skip(at % step).step_by(step) {
                    let astray = Astray {
                        small: &small,
                        before: &of_shard[..at],
                        block,
                        after: &of_shard[at + 1..],
                        to: *to,
                    };
                    let fits = astray.place().end <= small.files[to.0].len() as u64;
                    if *to == own || !fits {
                        continue;
                    }
                    cases += 1;
                    check(&astray, &place, cases);
                }
            }
        }
    }
    assert!(cases > 300, "{cases}");
}

fn check(astray: &Astray<'_>, place: &Place, cases: usize) {
    let Astray {
        small, block, to, ..
    } = astray;
    let (begin, (file, offset)) = (block.header.offset, to);
    let what = format!(
        "{:?}: what belongs at {begin} of {} is at {offset} of {}",
        small.format,
        block.file.display(),
        file.display()
    );
    let written_to = astray.files();
    for (name, bytes) in &written_to {
        place.write(name, bytes);
    }
    let verdict = Small::verdict(place.path(), &what);
    let Verdict::Refused(examined) = &verdict else {
        panic!("{what}: is not refused");
    };
    astray.told().assert_by(examined, &what);
    if cases.is_multiple_of(SAMPLE) {
        Small::assert_verified(place.path(), &verdict, &what);
        small.try_to_open(place, &verdict, &what);
        small.accept(place, &verdict, &what);
        place.restore();
    }
    for name in written_to.keys() {
        place.put_back(name);
    }
}
