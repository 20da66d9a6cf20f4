//! What the corpora begin with: real bytes, taken from the directories that the engine's tests keep
//! and from the examples.

mod texts;

use std::path::{Path, PathBuf};

use tombola::{
    LogFormat,
    wal::{
        block::BlockKind,
        format::Codec,
        reader::{Found, SegmentReader, Start},
        record::Record,
    },
};

use crate::{
    damaged::FIXTURES,
    description,
    format::with_codec,
    place::{Files, Place, UNIT},
    recipe::{self, Written},
    snapshot::{self, COVERED},
};

/// The inputs of one target.
type Seeds = (&'static str, Vec<Vec<u8>>);

/// A snapshot's content begins here in its file.
const CONTENT_AT: usize = 72;
/// So much of a log's records stands together.
const RECORDS_BYTES: usize = 2048;

/// Every target's seeds.
pub fn all() -> Vec<Seeds> {
    let mut seeds = vec![
        ("record_bincode", records(LogFormat::Bincode)),
        ("record_jsonl", records(LogFormat::Jsonl)),
        ("record_line", records(LogFormat::Line)),
        ("block_header", block_headers()),
        ("segment_header", segment_headers()),
        ("segment", segments()),
        (
            "snapshot",
            snapshots(|content| snapshot::file(&COVERED, content)),
        ),
        ("snapshot_content", snapshots(<[u8]>::to_vec)),
        ("description", descriptions()),
        ("log", logs()),
        ("directory", directories()),
    ];
    seeds.extend(texts::all());
    seeds
}

/// The segments of one shard.
struct Log {
    place: Place,
    shard: String,
    numbers: Vec<u64>,
}

/// A segment, read.
struct Segment {
    format: LogFormat,
    records: Vec<(u64, Record)>,
    headers: Vec<(u64, BlockKind)>,
    bytes: Vec<u8>,
}

impl Log {
    fn of(files: &Files, shard: usize) -> Self {
        let shard = format!("shard-{shard:03}");
        let name = |path: &PathBuf| Some(path.strip_prefix(&shard).ok()?.to_str()?.to_owned());
        let number = |name: String| {
            name.strip_prefix("segment-")?
                .strip_suffix(".log")?
                .parse()
                .ok()
        };
        Self {
            place: Place::with(files),
            numbers: files.keys().filter_map(name).filter_map(number).collect(),
            shard,
        }
    }

    fn segment(&self, number: u64) -> Option<Segment> {
        let directory = self.place.directory().inner(&self.shard);
        let mut reader = SegmentReader::open(&directory, number).ok()?;
        let Start::Header(_, _, format) = reader.start() else {
            return None;
        };
        let (mut records, mut headers) = (Vec::new(), Vec::new());
        let mut offset = UNIT as u64;
        while let Ok(Found::Block(header, _)) = reader.look(offset) {
            headers.push((offset, header.kind));
            let read = reader.records(&header, &mut |seq, record| {
                records.push((seq, record.clone()));
                Ok(())
            });
            read.ok()?.ok()?;
            offset += reader.block_bytes(&header);
        }
        let files = self.place.files();
        Some(Segment {
            format,
            records,
            headers,
            bytes: files[reader.path()].clone(),
        })
    }

    fn segments(&self) -> impl Iterator<Item = Segment> {
        self.numbers
            .iter()
            .filter_map(|number| self.segment(*number))
    }
}

fn all_segments() -> Vec<Segment> {
    let logs = FIXTURES
        .iter()
        .flat_map(|files| [0, 1].map(|shard| Log::of(files, shard)));
    logs.flat_map(|log| log.segments().collect::<Vec<_>>())
        .collect()
}

fn encoded(format: LogFormat, seq: u64, record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    with_codec!(format, C => C::encode(&mut bytes, seq, record));
    bytes
}

/// Records of every kind alone, and as they come.
fn records(format: LogFormat) -> Vec<Vec<u8>> {
    let log = Log::of(&FIXTURES[0], 0);
    let mut alone: Vec<Vec<u8>> = Vec::new();
    let mut together = vec![Vec::new()];
    let mut seq = 1;
    let mut kinds = Vec::new();
    for (_, record) in log.segments().flat_map(|segment| segment.records) {
        let kind = std::mem::discriminant(&record);
        if kinds.iter().filter(|other| **other == kind).count() < 3 {
            kinds.push(kind);
            alone.push(encoded(format, 1, &record));
        }
        let last = together.last_mut().expect("there is one");
        last.extend(encoded(format, seq, &record));
        seq += 1;
        if last.len() > RECORDS_BYTES {
            together.push(Vec::new());
            seq = 1;
        }
    }
    alone.extend(together);
    alone
}

fn block_headers() -> Vec<Vec<u8>> {
    let mut headers = Vec::new();
    for segment in all_segments() {
        let bytes = with_codec!(segment.format, C => C::BLOCK_HEADER_BYTES);
        let mut kinds = Vec::new();
        for (offset, kind) in segment.headers {
            if !kinds.contains(&kind) {
                kinds.push(kind);
                let offset = offset as usize;
                headers.push(segment.bytes[offset..offset + bytes].to_vec());
            }
        }
    }
    headers
}

/// The beginning of the unit, without the fill.
fn segment_headers() -> Vec<Vec<u8>> {
    let header = |segment: Segment| {
        let unit = &segment.bytes[..UNIT];
        let fill = with_codec!(segment.format, C => C::FILL);
        let end = unit[..UNIT - 1].iter().rposition(|byte| *byte != fill);
        unit[..=end.unwrap_or(0)].to_vec()
    };
    all_segments().into_iter().map(header).collect()
}

/// The first units of segments, and their last.
fn segments() -> Vec<Vec<u8>> {
    let cut = |segment: &Segment| {
        let end = segment
            .headers
            .get(2)
            .map_or(UNIT as u64, |(offset, _)| *offset);
        segment.bytes[..end as usize + UNIT].to_vec()
    };
    all_segments().iter().step_by(4).map(cut).collect()
}

fn snapshots(of: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    contents().map(|(_, content)| of(content)).collect()
}

fn contents() -> impl Iterator<Item = (&'static Path, &'static [u8])> {
    let snapshots = FIXTURES.iter().flatten().filter(|(path, _)| {
        path.extension()
            .is_some_and(|extension| extension == "snap")
    });
    snapshots.map(|(path, bytes)| (path.as_path(), &bytes[CONTENT_AT..]))
}

fn descriptions() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [1, 2, 3, 256, 257]
        .map(|shards| description::text(recipe::ENGINE, shards).into_bytes())
        .into();
    all.push(
        description::text(0, 2)
            .replace("\"version\":1", "\"version\":2")
            .into_bytes(),
    );
    all.push(FIXTURES[0][Path::new("engine.json")].clone());
    all
}

/// Each shard's log, and that of both, as recipes.
fn logs() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for files in FIXTURES.iter() {
        let parts = [0, 1].map(|shard| Log::of(files, shard));
        for log in &parts {
            all.push(written(&[log], 2));
            all.push(written(&[log], 5));
        }
        all.push(written(&[&parts[0], &parts[1]], 5));
    }
    all.push(at_the_end_of_all_numbers());
    all.push(out_of_turn());
    all
}

/// A log in which a block has another one's number, and the next says that it was durable.
fn out_of_turn() -> Vec<u8> {
    let mut recipe = Written::new(LogFormat::Bincode, 1);
    let reserved = Record::RequestsReserved { upto: 2 };
    recipe.segment();
    recipe.records_numbered(5, &encoded(LogFormat::Bincode, 1, &reserved));
    recipe.empty(BlockKind::Marker);
    recipe.finish()
}

/// A log with the greatest sequence numbers there are, and a segment of it is missing.
fn at_the_end_of_all_numbers() -> Vec<u8> {
    let mut recipe = Written::new(LogFormat::Bincode, 1);
    recipe.segment();
    let reserved = Record::RequestsReserved { upto: 2 };
    recipe.records_from((1 << 62) - 1, &encoded(LogFormat::Bincode, 1, &reserved));
    recipe.empty(BlockKind::Seal);
    recipe.segment_behind(9);
    recipe.finish()
}

/// The first segments of these shards, each a block, with a snapshot where there is one.
fn written(logs: &[&Log], segments_max: usize) -> Vec<u8> {
    let first = logs[0].segments().next().expect("there is a segment");
    let mut recipe = Written::new(first.format, 2);
    for log in logs {
        let alone = log.shard == "shard-001" && logs.len() == 1;
        if log.shard == "shard-001" {
            recipe.shard();
        }
        let numbers = log.numbers.iter().take(segments_max);
        for number in numbers {
            let Some(segment) = log.segment(*number) else {
                continue;
            };
            recipe.segment();
            let mut bytes = Vec::new();
            for (seq, record) in &segment.records {
                bytes.extend(encoded(segment.format, *seq, record));
            }
            recipe.records(&bytes);
            let ends = segment
                .headers
                .last()
                .is_some_and(|(_, kind)| *kind == BlockKind::Seal);
            recipe.empty(if ends {
                BlockKind::Seal
            } else {
                BlockKind::Marker
            });
            if !ends {
                recipe.fill();
            }
            let name = format!("snapshot-{number:012}.snap");
            if let Some(snapshot) = log.snapshot(&name).filter(|_| alone || segments_max > 2) {
                recipe.snapshot(&snapshot);
            }
        }
    }
    recipe.finish()
}

impl Log {
    fn snapshot(&self, name: &str) -> Option<Vec<u8>> {
        let path = Path::new(Place::DATA).join(&self.shard).join(name);
        Some(self.place.files().get(&path)?[CONTENT_AT..].to_vec())
    }
}

/// Each of the directories as it is, and with something done to it.
fn directories() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for format in 0..3 {
        all.push(vec![format]);
        for what in 0..7 {
            let file = 1 + 2 * what % 5;
            all.push(vec![
                format,
                what,
                file,
                file + 1,
                0,
                0x10 * what,
                0,
                3,
                0,
                1,
                2,
                3,
            ]);
        }
    }
    all
}
