//! A small data directory with something of everything in it, and where in its files what lies.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use crate::{
    common::everything::{Played, two_shards},
    place::{Files, Place, read_files},
};
use tombola::{
    Completion, Engine, Error, LogFormat,
    recovery::{self, Examination, Gap},
    shard::partition::{CountsOnly, Partition, Pool},
    wal::{
        block::{BlockHeader, BlockKind},
        reader::{Found, SegmentReader},
        record::Record,
    },
};

pub(crate) const UNIT: u64 = 4096;

/// What an engine left behind when it crashed, and what it had acknowledged.
pub(crate) struct Small {
    pub(crate) format: LogFormat,
    pub(crate) files: Files,
    pub(crate) whole: Examination,
    /// The files of its life before this one.
    pub(crate) older: Files,
    /// These files, and the segments that were retired.
    pub(crate) ever: Files,
    /// The blocks that no snapshot covers, in the order of each shard's log.
    pub(crate) blocks: Vec<Block>,
    /// All records there ever were, and each shard's state before the first one.
    pub(crate) records: BTreeMap<(usize, u64), Record>,
    beginnings: Vec<Partition<CountsOnly>>,
    pub(crate) answers: Vec<Completion>,
}

/// A block, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) file: PathBuf,
    pub(crate) header: BlockHeader,
    /// The end of its padding.
    pub(crate) end: u64,
}

/// When it all begins, in milliseconds since 1970.
const BEGINNING_MS: u64 = 1_000_000;

/// Two snapshots; sealed segments behind them, by a snapshot, by rotation and by recovery; an open
/// one that ends with a marker, and a prepared one; on each of two shards.
pub(crate) fn leave(format: LogFormat) -> Small {
    // On a busy machine the crash may come before the marker.
    let mut left = std::iter::repeat_with(|| leave_once(format));
    left.find(|small| (0..2).all(|shard| small.is_proven(shard)))
        .expect("it is repeated until it is so")
}

fn leave_once(format: LogFormat) -> Small {
    let place = Place::new(Files::new());
    let directory = place.path();
    let mut played = Played::open(directory, format, BEGINNING_MS);
    played.draw_all_kinds(10);
    played.engine.snapshot().unwrap();
    let mut ever = read_files(directory);
    played.change_all_kinds();
    played.draw_all_kinds(20);
    played.engine.snapshot().unwrap();
    played.draw_a_little();
    let mut answers = std::mem::take(&mut played.answers);
    drop(played);
    let older = read_files(directory);
    let mut played = Played::open(directory, format, BEGINNING_MS + 1_000);
    played.draw_all_kinds(30);
    answers.append(&mut played.answers);
    drop(played);
    let files = read_files(directory);
    ever.extend(files.clone());
    let ever = Place::new(ever);
    let mut records = BTreeMap::new();
    let whole = recovery::read_records(ever.path(), &mut |shard, seq, record| {
        records.insert((shard, seq), record.clone());
    })
    .unwrap();
    assert_eq!(whole.findings().count(), 0);
    let beginning = |shard| recovery::state_at(ever.path(), shard, 0).unwrap();
    let beginnings = (0..2).map(beginning).collect();
    let small = Small {
        format,
        blocks: blocks(directory, &whole, &files),
        files,
        older,
        ever: ever.files.clone(),
        beginnings,
        records,
        whole,
        answers,
    };
    small.assert_answers_are_there();
    for shard in 0..2 {
        assert_eq!(small.state_without(shard, &[]).pools(), small.pools(shard));
    }
    small
}

fn blocks(directory: &Path, whole: &Examination, files: &Files) -> Vec<Block> {
    let mut blocks = Vec::new();
    for file in files.keys().filter(|file| is(file, "log")) {
        let covered = whole.shards[shard_of(file)].snapshot_segment;
        if number(file) <= covered {
            continue;
        }
        let mut reader = SegmentReader::open_path(directory.join(file), number(file)).unwrap();
        let mut offset = UNIT;
        while let Found::Block(header, _) = reader.look(offset).unwrap() {
            offset += reader.block_bytes(&header);
            blocks.push(Block {
                file: file.clone(),
                header,
                end: offset,
            });
        }
    }
    blocks
}

impl Small {
    /// The shard's files without the markers at its end.
    pub(crate) fn without_marker(&mut self, shard: usize) {
        let is_last = |small: &Small| {
            let of_shard = |block: &Block| shard_of(&block.file) == shard;
            let at = small.blocks.iter().rposition(of_shard).unwrap();
            (small.blocks[at].header.kind != BlockKind::Records).then_some(at)
        };
        while let Some(at) = is_last(self) {
            let Block { file, header, end } = self.blocks.remove(at);
            // A prepared file is nothing but fill.
            let bytes = self.files.get_mut(&file).unwrap();
            let (begin, end) = (header.offset as usize, end as usize);
            let fill = &bytes[bytes.len() - UNIT as usize..].to_vec();
            bytes[begin..end].copy_from_slice(&fill[..end - begin]);
        }
    }

    pub(crate) fn open(&self, directory: &Path) -> Result<Engine, Error> {
        // Later than everything before, so that what is held until then ends.
        let now_ms = Arc::new(AtomicU64::new(BEGINNING_MS * 2));
        two_shards(directory, self.format, &now_ms).open()
    }

    fn pools(&self, shard: usize) -> &[Pool<CountsOnly>] {
        self.whole.shards[shard].partition.pools()
    }

    /// Whether the log says of all its records that they are durable.
    fn is_proven(&self, shard: usize) -> bool {
        let blocks = self.blocks.iter();
        let of_shard = blocks.filter(|block| shard_of(&block.file) == shard);
        let proven = of_shard.map(|block| block.header.durable_upto).max();
        proven == Some(self.whole.shards[shard].next_seq - 1)
    }

    fn assert_answers_are_there(&self) {
        for answer in &self.answers {
            let Some(seq) = answer.seq.filter(|_| !answer.is_replay()) else {
                continue;
            };
            let items: Vec<u32> = answer
                .items()
                .map(|item| item.unwrap_or(u32::MAX))
                .collect();
            let is_there = match &self.records[&(answer.shard, seq)] {
                Record::Draw(draw) => (draw.request, &[draw.item][..]) == (answer.request, &items),
                Record::Draws(draws) => (draws.request, &draws.items) == (answer.request, &items),
                _ => false,
            };
            assert!(is_there, "{answer:?}");
        }
    }

    /// A shard's state if these records had never been.
    pub(crate) fn state_without(&self, shard: usize, gone: &[Gap]) -> Partition<CountsOnly> {
        let mut state = self.beginnings[shard].clone();
        for ((_, seq), record) in self.records.range((shard, 0)..(shard + 1, 0)) {
            let is_gone = |gap: &Gap| (gap.first_seq..=gap.last_seq).contains(seq);
            let is_behind = |gap: &Gap| gap.last_seq < *seq;
            if gone.iter().any(is_gone) {
                continue;
            }
            if gone.iter().any(is_behind) {
                state.apply_behind_gap(*seq, record).unwrap();
            } else {
                state.apply(*seq, record).unwrap();
            }
        }
        state
    }
}

pub(crate) fn is(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|end| end == extension)
}

/// The shard whose directory a file is in; 0 for the description of the whole.
pub(crate) fn shard_of(file: &Path) -> usize {
    usize::from(file.starts_with("shard-001"))
}

/// The number in a segment's or snapshot's name.
pub(crate) fn number(file: &Path) -> u64 {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    stem.rsplit('-').next().unwrap().parse().unwrap()
}
