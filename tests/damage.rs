//! Files that are damaged, cut, lost, swapped or brought in from elsewhere: an engine opens with
//! everything that was acknowledged, or says what is wrong and changes nothing.

mod common;

#[path = "common/place.rs"]
mod place;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use common::{FORMATS, LIMIT, assert_conserved, builder, draw_many, long};
use place::{Files, Place, read_files};
use tombola::{
    Completion, EngineBuilder, Error, LogFormat, PoolDefinition,
    error::{Finding, FindingKind},
    recovery::{self, Depth, Examination, Gap},
    wal::record::Record,
};

/// What an engine left behind, and what it had acknowledged.
struct Left {
    format: LogFormat,
    files: Files,
    acknowledged: Vec<Completion>,
    records: BTreeMap<(usize, u64), Record>,
    whole: Examination,
}

fn two_shards(directory: &Path, format: LogFormat) -> EngineBuilder {
    builder(directory).shards(2).format(format)
}

/// Two snapshots, sealed segments behind them, an open one that ends with a marker, and a prepared
/// one; on each of two shards.
fn leave(format: LogFormat) -> Left {
    let directory = tempfile::tempdir().unwrap();
    let engine = two_shards(directory.path(), format).open().unwrap();
    let pools = [
        engine
            .register(
                PoolDefinition::new("banner")
                    .item("gold", 10, 5_000)
                    .unlimited("dust", 90),
            )
            .unwrap(),
        engine
            .register(PoolDefinition::new("festival").item("a", 1, 90_000))
            .unwrap(),
    ];
    assert_ne!(pools[0].id().shard(), pools[1].id().shard());
    let mut client = engine.client().unwrap();
    let mut acknowledged = Vec::new();
    let segment = match format {
        LogFormat::Bincode => 3_500,
        LogFormat::Jsonl => 700,
        LogFormat::Line => 2_400,
    };
    for (rounds, snapshot) in [(1, true), (1, true), (2, false)] {
        for pool in &pools {
            acknowledged.extend(draw_many(&mut client, pool, rounds * segment + segment / 3));
        }
        if snapshot {
            engine.snapshot().unwrap();
        }
    }
    // The markers are written, and the sealed segments are cut.
    thread::sleep(Duration::from_millis(150));
    drop(engine);
    let mut records = BTreeMap::new();
    let whole = recovery::read_records(directory.path(), &mut |shard, seq, record| {
        records.insert((shard, seq), record.clone());
    })
    .unwrap();
    assert_eq!(whole.findings().count(), 0);
    Left {
        format,
        files: read_files(directory.path()),
        acknowledged,
        records,
        whole,
    }
}

/// What came of opening a damaged directory.
enum Outcome {
    Opens,
    Refused,
    /// It is no data directory, or a newer one.
    Unusable,
}

impl Left {
    fn open(&self, directory: &Path) -> Result<tombola::Engine, Error> {
        two_shards(directory, self.format).open()
    }

    /// Everything that must hold, whatever was done to the files. Leaves the files as they are,
    /// unless `deep` is set.
    fn check(&self, place: &Place, what: &str, deep: bool) -> Outcome {
        let before = read_files(place.path());
        let outcome = match recovery::examine(place.path(), Depth::Everything) {
            Ok(examined) if examined.opens() => {
                self.assert_whole(&examined, what);
                if deep {
                    self.reopen(place, what);
                    return Outcome::Opens;
                }
                Outcome::Opens
            }
            Ok(_) => match self.open(place.path()) {
                Err(Error::Damaged { findings, .. }) => {
                    assert_named(&findings, what);
                    Outcome::Refused
                }
                Err(error) => panic!("{what}: {error}"),
                Ok(_) => panic!("{what}: opens, though it was found damaged"),
            },
            Err(
                error @ (Error::Description { .. }
                | Error::FutureVersion { .. }
                | Error::Io { .. }
                | Error::ShardCount { .. }),
            ) => {
                let opened = self.open(place.path()).err();
                let opened = opened.unwrap_or_else(|| panic!("{what}: opens in spite of {error}"));
                assert_eq!(opened.to_string(), error.to_string(), "{what}");
                Outcome::Unusable
            }
            Err(error) => panic!("{what}: {error}"),
        };
        assert!(
            read_files(place.path()) == before,
            "{what}: the files were changed"
        );
        outcome
    }

    /// The state is the one that was left.
    fn assert_whole(&self, examined: &Examination, what: &str) {
        for (found, left) in examined.shards.iter().zip(&self.whole.shards) {
            assert_eq!(found.next_seq, left.next_seq, "{what}");
            assert!(found.partition == left.partition, "{what}: another state");
        }
    }

    /// Opens, draws, and opens again.
    fn reopen(&self, place: &Place, what: &str) {
        for round in 0..2 {
            let engine = self
                .open(place.path())
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let pool = engine.pool("banner").expect("it is still registered");
            let completion = engine.client().unwrap().draw(&pool, LIMIT).unwrap();
            let newer = |old: &Completion| {
                old.request < completion.request
                    && (old.shard != completion.shard || old.seq < completion.seq)
            };
            assert!(self.acknowledged.iter().all(newer), "{what}, round {round}");
            drop(engine);
            let examined = recovery::examine(place.path(), Depth::Everything).unwrap();
            assert!(examined.opens(), "{what}");
            assert_conserved(&examined);
        }
    }

    /// Accepts the loss; the rest is there, and nothing that is gone is used again.
    fn accept(&self, place: &Place, what: &str) {
        let before = read_files(place.path());
        let accepted =
            recovery::accept_loss(place.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!accepted.is_empty(), "{what}");
        let after = read_files(place.path());
        for one in &accepted {
            let shard = format!("shard-{:03}", one.shard);
            let kept = one.kept.strip_prefix(place.path()).unwrap();
            for (name, bytes) in before.iter().filter(|(name, _)| {
                name.starts_with(&shard) && name.extension().is_some_and(|end| end == "log")
            }) {
                let beside = kept.join(name.file_name().unwrap());
                assert!(
                    after.get(&beside) == Some(bytes),
                    "{what}: {}",
                    name.display()
                );
            }
        }
        let examined = recovery::examine(place.path(), Depth::Everything).unwrap();
        assert!(examined.opens(), "{what}");
        for (found, left) in examined.shards.iter().zip(&self.whole.shards) {
            assert!(
                found.next_seq >= left.next_seq,
                "{what}: numbers come again"
            );
            let gaps = accepted
                .iter()
                .find(|one| one.shard == found.shard)
                .map_or(&[][..], |one| &one.lost);
            let drawn = |state: &recovery::ShardState| -> u64 {
                let pools = state.partition.pools().iter();
                pools
                    .flat_map(|pool| pool.items().map(|item| item.drawn))
                    .sum()
            };
            let gone = self.records.iter().filter(|((shard, seq), record)| {
                let in_gap = |gap: &Gap| (gap.first_seq..=gap.last_seq).contains(seq);
                *shard == found.shard
                    && matches!(record, Record::Draw(_))
                    && gaps.iter().any(in_gap)
            });
            assert_eq!(drawn(found) + gone.count() as u64, drawn(left), "{what}");
        }
        self.reopen(place, what);
    }
}

/// A refusal says where.
fn assert_named(findings: &[Finding], what: &str) {
    assert!(!findings.is_empty(), "{what}");
    for finding in findings {
        assert!(finding.shard < 2, "{what}: {finding}");
        assert!(!finding.segment.is_empty() && !finding.message.is_empty());
        if finding.kind != FindingKind::Snapshot {
            assert!(finding.first_seq.is_some(), "{what}: {finding}");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Harm {
    Flip,
    Zero,
    Cut,
}

fn sweep(format: LogFormat) {
    let left = leave(format);
    let place = Place::new(left.files.clone());
    let step = (1009 / long()).max(1);
    let (mut cases, mut opened, mut refused) = (0_usize, 0_usize, 0_usize);
    for (name, bytes) in &left.files {
        // Every byte of the small files, and of the headers, more often than the rest.
        let mut at = 0;
        while at < bytes.len() {
            let harm = [Harm::Flip, Harm::Zero, Harm::Cut][cases % 3];
            let mut harmed = bytes.clone();
            match harm {
                Harm::Flip => harmed[at] ^= 1 << (cases / 3 % 8),
                Harm::Zero => harmed[at] = 0,
                Harm::Cut => harmed.truncate(at),
            }
            let what = format!("{format:?}: {harm:?} {} at {at}", name.display());
            cases += 1;
            at += if at < 512 { step.min(13) } else { step };
            place.write(name, &harmed);
            let deep = cases.is_multiple_of(16);
            match left.check(&place, &what, deep) {
                Outcome::Opens => opened += 1,
                Outcome::Refused => {
                    refused += 1;
                    if refused.is_multiple_of(8) {
                        left.accept(&place, &what);
                        place.restore();
                    }
                }
                Outcome::Unusable => {}
            }
            if deep {
                place.restore();
            }
            place.put_back(name);
        }
    }
    assert!(
        opened > 20 && refused > 20,
        "{opened} and {refused} of {cases}"
    );
}

#[test]
fn no_byte_of_the_binary_format_goes_silently() {
    sweep(LogFormat::Bincode);
}

#[test]
fn no_byte_of_json_lines_goes_silently() {
    sweep(LogFormat::Jsonl);
}

#[test]
fn no_byte_of_the_line_format_goes_silently() {
    sweep(LogFormat::Line);
}

/// The segments of a shard, rising.
fn segments(files: &Files, shard: usize) -> Vec<PathBuf> {
    let named = |name: &&PathBuf| {
        name.starts_with(format!("shard-{shard:03}"))
            && name.extension().is_some_and(|end| end == "log")
    };
    files.keys().filter(named).cloned().collect()
}

#[test]
fn whole_files_that_are_lost_swapped_or_foreign() {
    for format in FORMATS {
        let left = leave(format);
        let other = leave(format);
        let place = Place::new(left.files.clone());
        let logs = segments(&left.files, 0);
        let snapshots: Vec<_> = left
            .files
            .keys()
            .filter(|name| name.starts_with("shard-000") && name.extension().unwrap() == "snap")
            .collect();
        assert_eq!(snapshots.len(), 2);
        let needed: Vec<_> = logs
            .iter()
            .filter(|log| number(log) > number(snapshots[1]))
            .cloned()
            .collect();
        let snapshot_of_other = other
            .files
            .keys()
            .find(|name| name.extension().is_some_and(|end| end == "snap"))
            .unwrap()
            .clone();
        let in_use: Vec<_> = used(&left.files, 0)
            .into_iter()
            .filter(|log| needed.contains(log))
            .collect();
        assert!(
            in_use.len() >= 3 && in_use.len() < needed.len(),
            "{needed:?}"
        );
        let refused = |what: String| match left.check(&place, &what, false) {
            Outcome::Refused => {
                left.accept(&place, &what);
                place.restore();
            }
            _ => panic!("{what}: is not refused"),
        };
        let opens = |what: String| {
            let outcome = left.check(&place, &what, true);
            assert!(matches!(outcome, Outcome::Opens), "{what}");
            place.restore();
        };
        for log in &in_use {
            place.remove(log);
            refused(format!("{format:?}: without {}", log.display()));
            place.write(log, &other.files[&used(&other.files, 0)[0]]);
            refused(format!("{format:?}: {} of another engine", log.display()));
            place.write(log, &left.files[&used(&left.files, 1)[0]]);
            refused(format!("{format:?}: {} of the other shard", log.display()));
            place.restore();
        }
        for pair in in_use.windows(2) {
            place.write(&pair[0], &left.files[&pair[1]]);
            place.write(&pair[1], &left.files[&pair[0]]);
            refused(format!(
                "{format:?}: {} and the next swapped",
                pair[0].display()
            ));
        }
        place.remove(needed.last().unwrap());
        opens(format!("{format:?}: without the prepared segment"));
        for log in logs
            .iter()
            .filter(|log| number(log) <= number(snapshots[1]))
        {
            place.remove(log);
            opens(format!("{format:?}: without the covered {}", log.display()));
        }
        for snapshot in &snapshots {
            place.remove(snapshot);
            opens(format!("{format:?}: without {}", snapshot.display()));
            place.write(snapshot, b"TOMBSNAP");
            opens(format!("{format:?}: {} cut", snapshot.display()));
            place.write(snapshot, &other.files[&snapshot_of_other]);
            opens(format!(
                "{format:?}: {} of another engine",
                snapshot.display()
            ));
        }
        for snapshot in &snapshots {
            place.remove(snapshot);
        }
        let what = format!("{format:?}: without any snapshot");
        assert!(matches!(left.check(&place, &what, false), Outcome::Refused));
    }
}

/// The segments of a shard that hold something: one that was only prepared begins with fill.
fn used(files: &Files, shard: usize) -> Vec<PathBuf> {
    let mut found = segments(files, shard);
    found.retain(|log| !matches!(files[log][0], 0 | b' '));
    found
}

/// The number in a segment's or snapshot's name.
fn number(name: &Path) -> u64 {
    let stem = name.file_stem().unwrap().to_str().unwrap();
    stem.rsplit('-').next().unwrap().parse().unwrap()
}
