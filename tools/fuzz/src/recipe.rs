//! A data directory from a recipe: what a fuzzer makes up gets right checksums, and so comes behind
//! them, but for what it says shall be wrong.
//!
//! A recipe is a byte for the format and the number of shards, and then steps: a byte that says which,
//! and what that takes. [`Written`] writes one, and is the other side of [`lay`].

use std::path::PathBuf;

use tombola::{
    LogFormat,
    wal::{
        block::{BlockHeader, BlockKind},
        format::{Codec, Context},
        record::Record,
        segment::{FORMAT_VERSION, SegmentHeader},
    },
};

use crate::{
    bytes::Bytes,
    description,
    format::{FORMATS, with_codec},
    place::{Files, UNIT},
    snapshot::{self, Covered, KEYS_MAX},
};

/// The engine of every recipe.
pub(crate) const ENGINE: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
/// No directory becomes larger: a recipe of a few bytes must not lay out a large one.
const UNITS_MAX: usize = 64;
const SALT: u64 = 0x5a17_5a17_5a17_5a17;

/// What a step lays down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// A block with records.
    Records,
    /// A block that only tells how far the log is durable.
    Marker,
    /// The end of a segment.
    Seal,
    /// The next segment begins.
    Segment,
    /// Units that are fill.
    Fill,
    /// Bytes as they are, up to the next unit.
    Garbage,
    /// A snapshot that covers everything up to here.
    Snapshot,
    /// The next shard.
    Shard,
}

const STEPS: [Step; 8] = [
    Step::Records,
    Step::Marker,
    Step::Seal,
    Step::Segment,
    Step::Fill,
    Step::Garbage,
    Step::Snapshot,
    Step::Shard,
];

/// Lays a recipe out as files.
pub(crate) fn lay(recipe: &[u8]) -> Files {
    let mut recipe = Bytes::new(recipe);
    let first = recipe.byte();
    let shards = 1 + u32::from(first >> 2 & 1);
    let mut laying = Laying {
        files: Files::new(),
        format: FORMATS[usize::from(first & 3) % FORMATS.len()],
        shards,
        shard: Shard::default(),
        units: 0,
    };
    let description = description::text(ENGINE, shards as usize);
    laying
        .files
        .insert("engine.json".into(), description.into());
    laying.begin_shard(0);
    while !recipe.is_empty() && laying.units < UNITS_MAX {
        let step = STEPS[usize::from(recipe.byte()) % STEPS.len()];
        laying.step(step, &mut recipe);
    }
    laying.end_segment();
    while laying.shard.number + 1 < shards {
        laying.begin_shard(laying.shard.number + 1);
    }
    laying.files
}

/// A directory that is being laid out.
struct Laying {
    files: Files,
    format: LogFormat,
    shards: u32,
    shard: Shard,
    units: usize,
}

/// The shard whose turn it is, and its open segment.
#[derive(Default)]
struct Shard {
    number: u32,
    segment: u64,
    next_seq: u64,
    chain: u32,
    blocks: u64,
    bytes: Vec<u8>,
}

impl Laying {
    fn step(&mut self, step: Step, recipe: &mut Bytes<'_>) {
        match step {
            Step::Records => self.block(BlockKind::Records, recipe),
            Step::Marker => self.block(BlockKind::Marker, recipe),
            Step::Seal => {
                self.block(BlockKind::Seal, recipe);
                self.end_segment();
            }
            Step::Segment => {
                self.end_segment();
                self.begin_segment(recipe);
            }
            Step::Fill => {
                let units = 1 + usize::from(recipe.byte() % 4);
                self.add(&[], units);
            }
            Step::Garbage => {
                let bytes = recipe.piece();
                self.add(bytes, bytes.len().div_ceil(UNIT));
            }
            Step::Snapshot => self.snapshot(recipe.piece()),
            Step::Shard => {
                self.end_segment();
                self.begin_shard((self.shard.number + 1) % self.shards);
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("shard-{:03}", self.shard.number)).join(name)
    }

    fn begin_shard(&mut self, number: u32) {
        self.shard = Shard {
            number,
            next_seq: 1,
            ..Shard::default()
        };
        // No file of the log: but the directory is there.
        self.files.insert(self.path("lost+found"), Vec::new());
    }

    fn begin_segment(&mut self, recipe: &mut Bytes<'_>) {
        let shard = &mut self.shard;
        let mut header = SegmentHeader {
            version: FORMAT_VERSION,
            engine: ENGINE,
            shard: shard.number,
            shards: self.shards,
            segment: shard.segment.wrapping_add(1),
            first_seq: shard.next_seq,
            salt: SALT,
            // So that none is shorter than it was made.
            segment_bytes: UNIT as u64,
            previous: shard.chain,
        };
        let SegmentHeader {
            version,
            engine,
            shard: of_shard,
            shards,
            segment,
            first_seq,
            salt,
            segment_bytes,
            previous,
        } = &mut header;
        recipe.overrule(&mut [
            segment,
            first_seq,
            previous,
            segment_bytes,
            salt,
            of_shard,
            shards,
            engine,
            version,
        ]);
        shard.segment = header.segment;
        shard.blocks = 0;
        shard.bytes = vec![0; UNIT];
        shard.chain = with_codec!(self.format, C => C::encode_segment(&mut shard.bytes, &header));
        self.units += 1;
    }

    /// The file of the open segment, if there is one.
    fn end_segment(&mut self) {
        let bytes = std::mem::take(&mut self.shard.bytes);
        if !bytes.is_empty() {
            let name = format!("segment-{:012}.log", self.shard.segment);
            self.files.insert(self.path(&name), bytes);
        }
    }

    /// Adds bytes, so many units in all: behind them is fill.
    fn add(&mut self, bytes: &[u8], units: usize) {
        let (fill, last) = with_codec!(self.format, C => (C::FILL, C::FILL_LAST));
        let file = &mut self.shard.bytes;
        if file.is_empty() {
            // A segment without a header.
            self.shard.segment = self.shard.segment.wrapping_add(1);
        }
        let end = file.len() + units * UNIT;
        file.extend_from_slice(bytes);
        file.resize(end, fill);
        let filled = end - units * UNIT + bytes.len() / UNIT * UNIT;
        for unit in file[filled..].chunks_mut(UNIT) {
            unit[UNIT - 1] = last;
        }
        self.units += units;
    }

    fn block(&mut self, kind: BlockKind, recipe: &mut Bytes<'_>) {
        if self.shard.bytes.is_empty() {
            self.begin_segment(&mut Bytes::new(&[]));
        }
        with_codec!(self.format, C => self.block_of::<C>(kind, recipe));
    }

    fn block_of<C: Codec>(&mut self, kind: BlockKind, recipe: &mut Bytes<'_>) {
        let shard = &mut self.shard;
        let mut header = BlockHeader {
            kind,
            salt: SALT,
            shard: shard.number,
            segment: shard.segment,
            number: shard.blocks,
            offset: shard.bytes.len() as u64,
            first_seq: shard.next_seq,
            count: 0,
            length: 0,
            durable_upto: shard.next_seq.saturating_sub(1),
            previous: shard.chain,
            payload_crc: 0,
        };
        let BlockHeader {
            first_seq,
            durable_upto,
            previous,
            number,
            salt,
            offset,
            shard: of_shard,
            segment,
            ..
        } = &mut header;
        recipe.overrule(&mut [
            first_seq,
            durable_upto,
            previous,
            number,
            salt,
            offset,
            of_shard,
            segment,
        ]);
        let records = if kind == BlockKind::Records {
            recipe.piece()
        } else {
            &[]
        };
        let (count, length) = count::<C>(records, header.first_seq);
        let records = &records[..length];
        header.length = records.len() as u32;
        header.count = count;
        header.payload_crc = crc32c::crc32c(records);
        recipe.overrule(&mut [
            &mut header.count,
            &mut header.length,
            &mut header.payload_crc,
        ]);
        let mut bytes = vec![0; C::BLOCK_HEADER_BYTES];
        shard.chain = C::encode_block(&mut bytes, &header);
        shard.next_seq = header.next_seq();
        shard.blocks += 1;
        bytes.extend_from_slice(records);
        self.add(&bytes, bytes.len().div_ceil(UNIT));
    }

    fn snapshot(&mut self, content: &[u8]) {
        let covered = Covered {
            engine: ENGINE,
            shard: self.shard.number,
            shards: self.shards,
            segment: self.shard.segment,
            next_seq: self.shard.next_seq,
            chain: self.shard.chain,
        };
        let name = format!("snapshot-{:012}.snap", covered.segment);
        self.files
            .insert(self.path(&name), snapshot::file(&covered, content));
        self.units += content.len().div_ceil(UNIT);
    }
}

/// How many records there are, and how much of the bytes is to be taken: all of them, but nothing
/// from where a shard is told to remember more keys than here.
fn count<C: Codec>(bytes: &[u8], first_seq: u64) -> (u32, usize) {
    let (mut count, mut at, mut context) = (0, 0, Context::default());
    while let Some(seq) = first_seq.checked_add(u64::from(count))
        && let Ok((record, length)) = C::decode(&bytes[at..], &mut context, seq)
    {
        if matches!(&record, Record::Remember(remember) if remember.keys > KEYS_MAX) {
            return (count, at);
        }
        at += length;
        count += 1;
    }
    (count, bytes.len())
}

/// A recipe that is being written, in which nothing is wrong.
pub(crate) struct Written(Vec<u8>);

impl Written {
    /// For a format and a number of shards, 1 or 2.
    pub(crate) fn new(format: LogFormat, shards: u8) -> Self {
        let format = FORMATS.iter().position(|other| *other == format);
        Self(vec![
            format.expect("it is one of them") as u8 | (shards - 1) << 2,
        ])
    }

    fn step(&mut self, step: Step) {
        self.0.push(step as u8);
    }

    fn nothing_is_overruled(&mut self) {
        self.0.extend([0, 0]);
    }

    fn piece(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).expect("what a recipe holds is short");
        self.0.extend(length.to_le_bytes());
        self.0.extend(bytes);
    }

    /// The next segment.
    pub(crate) fn segment(&mut self) {
        self.step(Step::Segment);
        self.nothing_is_overruled();
    }

    /// The segment that comes so many after the next: those in between are missing.
    pub(crate) fn segment_behind(&mut self, number: u64) {
        self.step(Step::Segment);
        self.0.extend([1, 0]);
        self.0.extend(number.to_le_bytes());
    }

    /// A block whose records begin with this number, and which says that all before are durable.
    pub(crate) fn records_from(&mut self, seq: u64, records: &[u8]) {
        self.step(Step::Records);
        self.0.extend([3, 0]);
        self.0.extend(seq.to_le_bytes());
        self.0.extend((seq - 1).to_le_bytes());
        self.piece(records);
        self.nothing_is_overruled();
    }

    /// A block that says of itself that it is another one of its segment.
    pub(crate) fn records_numbered(&mut self, number: u64, records: &[u8]) {
        self.step(Step::Records);
        self.0.extend([1 << 3, 0]);
        self.0.extend(number.to_le_bytes());
        self.piece(records);
        self.nothing_is_overruled();
    }

    /// A block of records, as they stand in it.
    pub(crate) fn records(&mut self, records: &[u8]) {
        self.step(Step::Records);
        self.nothing_is_overruled();
        self.piece(records);
        self.nothing_is_overruled();
    }

    /// A block without records.
    pub(crate) fn empty(&mut self, kind: BlockKind) {
        let step = match kind {
            BlockKind::Seal => Step::Seal,
            _ => Step::Marker,
        };
        self.step(step);
        self.nothing_is_overruled();
        self.nothing_is_overruled();
    }

    /// A unit of fill.
    pub(crate) fn fill(&mut self) {
        self.step(Step::Fill);
        self.0.push(0);
    }

    /// A snapshot with this content.
    pub(crate) fn snapshot(&mut self, content: &[u8]) {
        self.step(Step::Snapshot);
        self.piece(content);
    }

    /// The next shard.
    pub(crate) fn shard(&mut self) {
        self.step(Step::Shard);
    }

    /// The recipe.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}
