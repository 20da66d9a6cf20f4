//! Whole files that are lost, swapped, or brought in from elsewhere.

use std::path::{Path, PathBuf};

use crate::{
    common::FORMATS,
    place::{Files, Place},
    small::{Small, is, leave, number, shard_of},
    verdict::Verdict,
};
use tombola::recovery::Examination;

/// A directory, and what is to be expected of it.
struct Bench {
    small: Small,
    place: Place,
}

impl Bench {
    fn new(small: Small) -> Self {
        let place = Place::new(small.files.clone());
        Self { small, place }
    }

    /// Checks the directory as it is now, and puts it right again.
    fn verdict(&self, what: &str) -> Verdict {
        let what = format!("{:?}: {what}", self.small.format);
        let verdict = Small::verdict(self.place.path(), &what);
        Small::assert_verified(self.place.path(), &verdict, &what);
        self.small.try_to_open(&self.place, &verdict, &what);
        if let Verdict::Opens(_) = verdict {
            self.place.restore();
            return verdict;
        }
        self.small.accept(&self.place, &verdict, &what);
        self.place.restore();
        verdict
    }

    fn opens(&self, what: &str) {
        match self.verdict(what) {
            Verdict::Opens(examined) => self.small.assert_whole(&examined, what),
            _ => panic!("{what}: is refused"),
        }
    }

    fn is_refused(&self, what: &str) -> Examination {
        match self.verdict(what) {
            Verdict::Refused(examined) => examined,
            _ => panic!("{what}: is not refused"),
        }
    }

    fn swap(&self, one: &Path, other: &Path) {
        self.place.write(one, &self.small.files[other]);
        self.place.write(other, &self.small.files[one]);
    }

    fn of(&self, extension: &str) -> Vec<&PathBuf> {
        let files = self.small.files.keys();
        files.filter(|file| is(file, extension)).collect()
    }

    /// The segments that recovery needs, and that something was written to.
    fn used(&self) -> Vec<&PathBuf> {
        let mut used: Vec<_> = self.small.blocks.iter().map(|block| &block.file).collect();
        used.dedup();
        used
    }

    fn is_covered(&self, segment: &Path) -> bool {
        number(segment) <= self.small.whole.shards[shard_of(segment)].snapshot_segment
    }
}

fn benches() -> impl Iterator<Item = Bench> {
    FORMATS.into_iter().map(|format| Bench::new(leave(format)))
}

#[test]
fn segments_that_are_lost_or_swapped() {
    for bench in benches() {
        let used = bench.used();
        let in_shard = |shard| used.iter().filter(|file| shard_of(file) == shard).count();
        assert!(in_shard(0) > 2 && in_shard(1) > 2, "{used:?}");
        for segment in bench.of("log") {
            bench.place.remove(segment);
            let what = format!("without {}", segment.display());
            if used.contains(&segment) {
                let examined = bench.is_refused(&what);
                let finding = examined.findings().next().unwrap();
                assert_eq!(finding.shard, shard_of(segment));
                assert!(segment.ends_with(&finding.segment), "{what}: {finding}");
            } else {
                bench.opens(&what);
            }
        }
        for (at, one) in used.iter().enumerate() {
            for other in &used[at + 1..] {
                bench.swap(one, other);
                bench.is_refused(&format!(
                    "{} and {} swapped",
                    one.display(),
                    other.display()
                ));
            }
        }
    }
}

#[test]
fn segments_from_elsewhere() {
    for bench in benches() {
        let stranger = leave(bench.small.format);
        for segment in bench.used() {
            let what = |from: &str| format!("{} {from}", segment.display());
            for from in bench.used() {
                if from != segment {
                    bench.place.write(segment, &bench.small.files[from]);
                    bench.is_refused(&what(&format!("is a copy of {}", from.display())));
                }
            }
            for (from, bytes) in stranger.files.iter().filter(|(from, _)| is(from, "log")) {
                if !matches!(bytes[0], 0 | b' ') {
                    bench.place.write(segment, bytes);
                    bench.is_refused(&what(&format!("is another engine's {}", from.display())));
                }
            }
        }
        // Where nothing was written yet something foreign takes nothing away.
        for segment in bench.of("log") {
            if bench.is_covered(segment) {
                bench
                    .place
                    .write(segment, &stranger.files[&stranger.blocks[0].file]);
                bench.opens(&format!("another engine's for {}", segment.display()));
            }
        }
    }
}

/// What a file was in the life before, when recovery had not sealed it, or it was not used yet.
#[test]
fn segments_of_an_older_life() {
    for bench in benches() {
        let small = &bench.small;
        let mut rolled_back = 0;
        for (segment, bytes) in small.older.iter().filter(|(name, _)| is(name, "log")) {
            if small.files.get(segment) == Some(bytes) {
                continue;
            }
            let used = bench.used();
            let was_used = !matches!(bytes[0], 0 | b' ');
            bench.place.write(segment, bytes);
            let what = format!("{} as it was in an older life", segment.display());
            let of_shard = |file: &&&PathBuf| shard_of(file) == shard_of(segment);
            if was_used || used.iter().rfind(of_shard) != Some(&segment) {
                bench.is_refused(&what);
                continue;
            }
            // The last segment that was used, all of it back to what it was before: no file of this
            // shard that is left was written later. This and a damaged last block are what recovery
            // cannot tell. (`verify` can, where another shard has got units from what is gone.)
            let verdict = Small::verdict(bench.place.path(), &what);
            let Verdict::Opens(examined) = verdict else {
                panic!("{what}: is refused");
            };
            let found = &examined.shards[shard_of(segment)];
            assert_eq!(found.end_segment + 1, number(segment), "{what}");
            bench.place.restore();
            rolled_back += 1;
        }
        assert!(rolled_back <= 2, "one on each shard at most");
        // What was retired comes back.
        let covered = small.whole.shards[0].snapshot_segment;
        for from in 1..=covered {
            let name = PathBuf::from(format!("shard-000/segment-{from:012}.log"));
            if let Some(bytes) = small.ever.get(&name) {
                bench.place.write(&name, bytes);
                bench.opens(&format!("with {} that was retired", name.display()));
            }
        }
    }
}

#[test]
fn snapshots_that_are_lost_swapped_or_foreign() {
    for bench in benches() {
        let snapshots = bench.of("snap");
        assert_eq!(snapshots.len(), 4);
        // Which segment a snapshot ends depends on how long flushes took.
        let mut strangers = std::iter::repeat_with(|| leave(bench.small.format));
        let stranger = strangers
            .find(|other| snapshots.iter().all(|&name| other.files.contains_key(name)))
            .expect("it is repeated until it is so");
        for (at, snapshot) in snapshots.iter().enumerate() {
            bench.place.remove(snapshot);
            bench.opens(&format!("without {}", snapshot.display()));
            bench.place.write(snapshot, &stranger.files[*snapshot]);
            bench.opens(&format!("another engine's {}", snapshot.display()));
            for other in &snapshots[at + 1..] {
                bench.swap(snapshot, other);
                let what = format!("{} and {} swapped", snapshot.display(), other.display());
                if shard_of(snapshot) == shard_of(other) {
                    // Both are gone, and the segments that the older one covered were retired.
                    bench.is_refused(&what);
                } else {
                    bench.opens(&what);
                }
            }
        }
    }
}

#[test]
fn whole_shards_that_are_lost_or_swapped() {
    for bench in benches() {
        let moved = |from: &str, to: &'static str| {
            let of_shard = bench.small.files.iter();
            let of_shard = of_shard.filter_map(move |(name, bytes)| {
                let name = name.strip_prefix(from).ok()?;
                Some((Path::new(to).join(name), bytes.clone()))
            });
            of_shard.collect::<Files>()
        };
        let [zero, one] = ["shard-000", "shard-001"];
        let cases = [
            ("the first shard is lost", vec![moved(one, one)]),
            (
                "one shard is there twice",
                vec![moved(one, one), moved(one, zero)],
            ),
            ("they are swapped", vec![moved(one, zero), moved(zero, one)]),
        ];
        for (what, shards) in cases {
            let mut files: Files = shards.into_iter().flatten().collect();
            let description = PathBuf::from("engine.json");
            files.insert(description.clone(), bench.small.files[&description].clone());
            assert_all_is_refused(&bench.small, &Place::new(files), what);
        }
        let stranger = leave(bench.small.format);
        let mut files = bench.small.files.clone();
        files.extend(
            stranger
                .files
                .into_iter()
                .filter(|(name, _)| name.ends_with("engine.json")),
        );
        assert_all_is_refused(
            &bench.small,
            &Place::new(files),
            "another engine's description",
        );
    }
}

/// What is refused as a whole, so that nobody would accept its loss.
fn assert_all_is_refused(small: &Small, place: &Place, what: &str) {
    let verdict = Small::verdict(place.path(), what);
    assert!(matches!(verdict, Verdict::Refused(_)), "{what}");
    Small::assert_verified(place.path(), &verdict, what);
    small.try_to_open(place, &verdict, what);
}
