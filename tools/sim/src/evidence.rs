//! What the bytes on a disk prove, told without the engine's own reader.
//!
//! A block is believed for its own sake: where the header of its segment is rotten, or another block
//! was written over that, the blocks still say what was durable.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use tombola::{
    storage::WRITE_UNIT,
    wal::{
        block::{BlockHeader, BlockKind},
        format::{Binary, Codec, Jsonl, Line},
    },
};

use crate::{disk::Image, plan::Plan};

/// Where a file is in a shard's log.
type Place = (usize, u64);

/// What a disk proves.
#[derive(Debug)]
pub struct Evidence {
    /// By file of the data directory and the archive.
    segments: BTreeMap<PathBuf, Segment>,
    /// Snapshots, by shard: the last segment that each covers.
    snapshots: BTreeMap<usize, Vec<u64>>,
}

#[derive(Debug)]
struct Segment {
    shard: usize,
    number: u64,
    /// The sequence number with which it begins, where its header can be read.
    first_seq: Option<u64>,
    length: u64,
    blocks: Vec<Block>,
}

/// A whole block.
#[derive(Debug)]
struct Block {
    /// Where it is.
    range: Range<u64>,
    header: BlockHeader,
}

impl Evidence {
    /// Looks at all files.
    pub fn of(image: &Image) -> Self {
        let segments = image.iter().filter_map(|(path, bytes)| {
            let (shard, number) = place(path, "segment-", ".log")?;
            Some((path.clone(), Segment::of((shard, number), bytes)))
        });
        let mut snapshots: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for path in image.keys().filter(|path| path.starts_with(Plan::DATA)) {
            if let Some((shard, covers)) = place(path, "snapshot-", ".snap") {
                snapshots.entry(shard).or_default().push(covers);
            }
        }
        Self {
            segments: segments.collect(),
            snapshots,
        }
    }

    /// The last sequence number of a shard that was durable for certain: a block that was written
    /// later says so, or it is in a block that is whole, if not in its place. What comes after it
    /// cannot be told from the torn tail of a crash.
    ///
    /// A block that goes to a wrong place takes no proof away: it was sealed later than those it is
    /// written over, or was under way together with them, and then what they prove came before it.
    pub fn proven(&self, shard: usize) -> u64 {
        let segments = self.segments.values();
        let of_shard = segments.filter(|segment| segment.shard == shard);
        let proofs = of_shard.flat_map(|segment| &segment.blocks).map(|block| {
            if block.is_in_place() {
                block.header.durable_upto
            } else {
                block.header.next_seq() - 1
            }
        });
        proofs.max().unwrap_or(0)
    }

    /// All records that are in a whole block in its place: their shards and sequence numbers.
    pub fn whole(&self) -> impl Iterator<Item = (usize, u64)> {
        self.segments.values().flat_map(|segment| {
            let blocks = segment.blocks.iter().filter(|block| block.is_in_place());
            let records =
                blocks.flat_map(|Block { header, .. }| header.first_seq..header.next_seq());
            records.map(|seq| (segment.shard, seq))
        })
    }

    /// Whether recovery cannot do without what is at an offset of a file: the description, the only
    /// snapshot of what is not in the log any more, and what is proven of the log behind the
    /// snapshots.
    pub fn is_needed(&self, path: &Path, offset: u64) -> bool {
        if path.ends_with("engine.json") {
            return true;
        }
        if let Some((shard, covers)) = place(path, "snapshot-", ".snap") {
            return self.is_needed_snapshot((shard, covers));
        }
        let Some(segment) = self.segments.get(path) else {
            return false;
        };
        let covered = self.snapshots.get(&segment.shard);
        let covered = covered.and_then(|covered| covered.iter().max());
        let is_covered = covered.is_some_and(|covered| segment.number <= *covered);
        let proven = self.proven(segment.shard);
        !is_covered && segment.is_proven_at(offset, proven)
    }

    /// Whether the snapshot before a shard's newest one, or none, and the log do not lead to where
    /// that does.
    fn is_needed_snapshot(&self, (shard, covers): Place) -> bool {
        let (mut newest, mut before) = (0, 0);
        for number in &self.snapshots[&shard] {
            (newest, before) = (*number, newest);
        }
        let has = |number: u64| {
            let mut segments = self.segments.iter();
            segments.any(|(path, segment)| {
                path.starts_with(Plan::DATA) && (segment.shard, segment.number) == (shard, number)
            })
        };
        covers == newest && !(before + 1..=newest).all(has)
    }
}

impl Segment {
    fn of((shard, number): Place, bytes: &[u8]) -> Self {
        let first_seq = bytes.get(..WRITE_UNIT).and_then(|unit| {
            let headers = [
                Binary::decode_segment(unit),
                Jsonl::decode_segment(unit),
                Line::decode_segment(unit),
            ];
            let header = headers.into_iter().find_map(Result::ok);
            header.map(|(header, _)| header.first_seq)
        });
        let units = (0..bytes.len()).step_by(WRITE_UNIT);
        let blocks = units.filter_map(|offset| {
            let at = &bytes[offset..];
            let (header, length) = block::<Binary>(at)
                .or_else(|| block::<Jsonl>(at))
                .or_else(|| block::<Line>(at))?;
            let offset = offset as u64;
            let is_of_here = (header.shard as usize, header.segment) == (shard, number);
            is_of_here.then_some(Block {
                range: offset..offset + length,
                header,
            })
        });
        Self {
            shard,
            number,
            first_seq,
            length: bytes.len() as u64,
            blocks: blocks.collect(),
        }
    }

    /// Whether what is at an offset was durable for certain. All of a file was that is cut behind its
    /// seal.
    fn is_proven_at(&self, offset: u64, proven: u64) -> bool {
        let mut blocks = self.blocks.iter();
        let first_seq = if offset < WRITE_UNIT as u64 {
            self.first_seq
        } else {
            let block = blocks.find(|block| block.range.contains(&offset));
            block.map(|block| block.header.first_seq)
        };
        let is_cut = self.blocks.last().is_some_and(|block| {
            block.header.kind == BlockKind::Seal && block.range.end == self.length
        });
        first_seq.is_some_and(|seq| is_cut || seq <= proven)
    }
}

impl Block {
    fn is_in_place(&self) -> bool {
        self.header.offset == self.range.start
    }
}

/// The block with which bytes begin, if they do and it is whole, and the bytes that it takes.
fn block<C: Codec>(bytes: &[u8]) -> Option<(BlockHeader, u64)> {
    let (header, _) = C::decode_block(bytes.get(..WRITE_UNIT)?)?;
    let end = C::BLOCK_HEADER_BYTES + header.length as usize;
    let records = bytes.get(C::BLOCK_HEADER_BYTES..end)?;
    let is_whole = crc32c::crc32c(records) == header.payload_crc;
    is_whole.then_some((header, end.next_multiple_of(WRITE_UNIT) as u64))
}

/// The shard and the number in the path of one of its files.
fn place(path: &Path, prefix: &str, suffix: &str) -> Option<Place> {
    let directory = path.parent()?;
    let parent = directory.parent()?;
    if parent != Path::new(Plan::DATA) && parent != Path::new(Plan::ARCHIVE) {
        return None;
    }
    let shard = directory.file_name()?.to_str()?.strip_prefix("shard-")?;
    let name = path.file_name()?.to_str()?;
    let number = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
    Some((shard.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{book::Book, quiet};

    fn images() -> impl Iterator<Item = (Image, Book)> {
        quiet::lives().map(|(disk, book)| (disk.image(), book))
    }

    fn segments(image: &Image) -> Vec<PathBuf> {
        let paths = image.keys().cloned();
        paths
            .filter(|path| place(path, "segment-", ".log").is_some())
            .collect()
    }

    #[test]
    fn a_clean_end_proves_all_that_was_acknowledged_also_where_headers_are_gone() {
        for (mut image, book) in images() {
            let proves_all = |image: &Image| {
                let evidence = Evidence::of(image);
                let mut acknowledged = book.acknowledged.values();
                acknowledged.all(|draw| draw.seq <= Some(evidence.proven(draw.shard)))
            };
            assert!(proves_all(&image));
            for path in segments(&image) {
                image.get_mut(&path).unwrap()[..WRITE_UNIT].fill(7);
            }
            assert!(proves_all(&image));
            for path in segments(&image) {
                image.get_mut(&path).unwrap().fill(7);
            }
            assert!(!proves_all(&image));
        }
    }

    #[test]
    fn a_block_elsewhere_proves_itself_and_one_with_a_wrong_checksum_nothing() {
        for (mut image, _) in images() {
            let whole = |image: &Image| Evidence::of(image).whole().count();
            for path in segments(&image) {
                let found = Evidence::of(&image);
                let segment = &found.segments[&path];
                let (shard, count) = (segment.shard, whole(&image));
                let mut blocks = segment.blocks.iter();
                let Some(block) = blocks.find(|block| block.header.count > 0) else {
                    continue;
                };
                let range = block.range.start as usize..block.range.end as usize;
                let (records, last_seq) =
                    (block.header.count as usize, block.header.next_seq() - 1);
                let bytes = image.get_mut(&path).unwrap();
                let block = bytes[range.clone()].to_vec();
                bytes[range.clone()].fill(7);
                bytes.extend_from_slice(&block);
                assert_eq!(whole(&image), count - records);
                assert!(Evidence::of(&image).proven(shard) >= last_seq);
                let bytes = image.get_mut(&path).unwrap();
                bytes.truncate(bytes.len() - block.len());
                bytes[range.clone()].copy_from_slice(&block);
                let is_fill = |byte: &u8| [0, b' ', b'\n'].contains(byte);
                let of_a_record = block.iter().rposition(|byte| !is_fill(byte)).unwrap();
                bytes[range.start + of_a_record] ^= 1;
                assert_eq!(whole(&image), count - records);
                image.get_mut(&path).unwrap()[range].copy_from_slice(&block);
                assert_eq!(whole(&image), count);
            }
        }
    }

    #[test]
    fn what_nothing_proves_is_not_needed() {
        for (mut image, _) in images() {
            let is_needed = |image: &Image, path: &Path| {
                let offsets = (0..image[path].len() as u64).step_by(WRITE_UNIT);
                let evidence = Evidence::of(image);
                offsets
                    .map(|offset| evidence.is_needed(path, offset))
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                is_needed(&image, &Path::new(Plan::DATA).join("engine.json")),
                [true]
            );
            let mut paths = segments(&image);
            paths.retain(|path| path.starts_with(Plan::DATA));
            let snapshots: Vec<PathBuf> = image.keys().cloned().collect();
            let snapshots = snapshots
                .into_iter()
                .filter(|path| place(path, "snapshot-", ".snap").is_some());
            for path in snapshots {
                image.remove(&path);
            }
            // Without snapshots all of the log is needed that has a successor.
            let used = paths
                .iter()
                .filter(|path| is_needed(&image, path).contains(&true));
            assert!(used.count() > 0);
            for path in &paths {
                let bytes = image.get_mut(path).unwrap();
                let used = bytes.len();
                bytes.resize(used + 2 * WRITE_UNIT, 0);
                assert_eq!(is_needed(&image, path)[used / WRITE_UNIT..], [false, false]);
            }
            // What is covered is not needed.
            for path in &paths {
                let (_, number) = place(path, "segment-", ".log").unwrap();
                let snapshot = path.with_file_name(format!("snapshot-{number:012}.snap"));
                image.insert(snapshot.clone(), vec![0]);
                assert!(!is_needed(&image, path).contains(&true));
                image.remove(&snapshot);
            }
        }
    }
}
