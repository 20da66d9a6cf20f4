//! A recovery that is interrupted between its steps: the next one comes to the same state.

mod common;

#[path = "common/place.rs"]
mod place;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use common::{FORMATS, LIMIT, banner, builder, draw_many, examine};
use place::{Files, Place, read_files};
use tombola::{
    LogFormat,
    recovery::{self, Examination, Tail},
};

const UNIT: usize = 4096;

fn segment(number: u64) -> PathBuf {
    PathBuf::from(format!("shard-000/segment-{number:012}.log"))
}

/// An engine that was dropped with draws in its open segment.
fn leave(format: LogFormat, snapshots: usize) -> Files {
    let directory = tempfile::tempdir().unwrap();
    let engine = builder(directory.path()).format(format).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..snapshots {
        draw_many(&mut client, &pool, 400);
        engine.snapshot().unwrap();
    }
    draw_many(&mut client, &pool, 400);
    thread::sleep(Duration::from_millis(60));
    drop(engine);
    read_files(directory.path())
}

fn assert_same(found: &Examination, expected: &Examination, what: &str) {
    assert!(found.opens(), "{what}");
    let (found, expected) = (&found.shards[0], &expected.shards[0]);
    assert_eq!(found.next_seq, expected.next_seq, "{what}");
    assert!(
        found.partition == expected.partition,
        "{what}: another state"
    );
}

/// Looks, opens twice, and finds nothing changed but request ids reserved.
fn assert_recovers(place: &Place, format: LogFormat, expected: &Examination, what: &str) {
    assert_same(&examine(place.path()), expected, what);
    let drawn = |examined: &Examination| -> Vec<u64> {
        let pools = examined.pools();
        pools
            .iter()
            .flat_map(|pool| pool.items().map(|item| item.drawn))
            .collect()
    };
    for _ in 0..2 {
        let opened = builder(place.path()).format(format).open();
        let engine = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(engine);
        let examined = examine(place.path());
        assert!(examined.opens(), "{what}");
        assert_eq!(drawn(&examined), drawn(expected), "{what}");
    }
}

#[test]
fn cutting_a_torn_tail_off_is_interrupted() {
    for format in FORMATS {
        let mut files = leave(format, 0);
        let whole = Place::new(files.clone());
        let examined = examine(whole.path());
        let (number, end) = (
            examined.shards[0].end_segment,
            examined.shards[0].end_offset as usize,
        );
        // A torn block, a prepared segment behind it, and half of the next.
        files.get_mut(&segment(number)).unwrap()[end..end + 3 * UNIT - 512].fill(0x55);
        let prepared = files[&segment(number + 1)].clone();
        files.insert(segment(number + 2), prepared);
        files.insert(segment(number + 3).with_extension("tmp"), vec![0; 100]);
        let torn = Place::new(files.clone());
        let expected = examine(torn.path());
        assert!(expected.opens());
        assert_eq!(expected.shards[0].tail, Tail::Torn);
        // What the seal looks like.
        drop(builder(torn.path()).format(format).open().unwrap());
        let sealed = fs::read(torn.path().join(segment(number))).unwrap();
        assert_eq!(sealed.len(), end + UNIT, "it is sealed and cut");

        let fill = &files[&segment(number + 1)][..UNIT];
        let with_tail = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = files[&segment(number)].clone();
            change(&mut bytes);
            bytes
        };
        let erased = |units: std::ops::Range<usize>| {
            with_tail(&|bytes| {
                for unit in units.clone() {
                    bytes[end + unit * UNIT..][..UNIT].copy_from_slice(fill);
                }
            })
        };
        let sealed_upto = |length: usize| {
            with_tail(&|bytes| {
                for unit in 0..3 {
                    bytes[end + unit * UNIT..][..UNIT].copy_from_slice(fill);
                }
                bytes[end..end + length].copy_from_slice(&sealed[end..end + length]);
            })
        };
        let tails = [
            ("as it was", with_tail(&|_| {})),
            ("the beginning erased", erased(0..1)),
            ("the end erased", erased(1..3)),
            ("all erased", erased(0..3)),
            ("half a seal", sealed_upto(512)),
            ("a seal", sealed_upto(UNIT)),
            ("a seal, and cut", sealed.clone()),
        ];
        for (step, tail) in tails {
            for behind in 0..3 {
                let mut files = files.clone();
                if behind < 2 {
                    files.remove(&segment(number + 3).with_extension("tmp"));
                    files.remove(&segment(number + 2));
                }
                if behind < 1 {
                    files.remove(&segment(number + 1));
                }
                files.insert(segment(number), tail.clone());
                let what = format!("{format:?}: {step}, {behind} behind");
                assert_recovers(&Place::new(files), format, &expected, &what);
            }
        }
    }
}

/// The end of the log in a sealed segment, and two prepared ones that are removed one by one.
#[test]
fn removing_prepared_segments_is_interrupted() {
    let mut files = leave(LogFormat::Bincode, 1);
    let place = Place::new(files.clone());
    let engine = builder(place.path()).open().unwrap();
    // The reservation of request ids is in the first segment; the housekeeper makes the next.
    let is_prepared = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        // Files come and go meanwhile.
        let begins_with_fill = fs::read(&path).is_ok_and(|bytes| bytes.first() == Some(&0));
        path.extension().is_some_and(|end| end == "log") && begins_with_fill
    };
    while !fs::read_dir(place.path().join("shard-000"))
        .unwrap()
        .any(is_prepared)
    {
        thread::yield_now();
    }
    drop(engine);
    files = read_files(place.path());
    let last = recovery::examine(place.path(), recovery::Depth::Needed)
        .unwrap()
        .shards[0]
        .end_segment;
    let unused = files[&segment(last + 1)].clone();
    files.insert(segment(last + 2), unused);
    let place = Place::new(files.clone());
    let expected = examine(place.path());
    assert_recovers(&place, LogFormat::Bincode, &expected, "all there");
    files.remove(&segment(last + 2));
    assert_recovers(
        &Place::new(files.clone()),
        LogFormat::Bincode,
        &expected,
        "one removed",
    );
    files.remove(&segment(last + 1));
    assert_recovers(
        &Place::new(files),
        LogFormat::Bincode,
        &expected,
        "both removed",
    );
}

#[test]
fn accepting_a_loss_is_interrupted() {
    for format in FORMATS {
        let mut files = leave(format, 1);
        let end = {
            let place = Place::new(files.clone());
            examine(place.path()).shards[0].end_segment
        };
        // The first block of the open segment is damaged; the marker behind it tells.
        files.get_mut(&segment(end)).unwrap()[UNIT + 1000] ^= 4;
        let place = Place::new(files.clone());
        let accepted = recovery::accept_loss(place.path()).unwrap();
        assert_eq!(accepted.len(), 1);
        assert!(accepted[0].lost.iter().all(|gap| gap.is_exact));
        let expected = examine(place.path());
        let after = read_files(place.path());
        let is_snapshot = |name: &Path| name.extension().is_some_and(|end| end == "snap");
        let snapshot = after
            .iter()
            .filter(|(name, _)| is_snapshot(name))
            .max_by_key(|(name, _)| (*name).clone())
            .unwrap();
        // Half a snapshot changes nothing.
        let mut half = files.clone();
        half.insert(
            snapshot.0.with_extension("snap.tmp"),
            snapshot.1[..snapshot.1.len() / 2].to_vec(),
        );
        let half = Place::new(half);
        assert!(!examine(half.path()).opens());
        recovery::accept_loss(half.path()).unwrap();
        assert_same(&examine(half.path()), &expected, "half a snapshot");
        // From the snapshot on, nothing of the log is needed.
        let kept: Vec<_> = after
            .keys()
            .filter(|name| name.iter().count() == 3)
            .cloned()
            .collect();
        assert!(!kept.is_empty());
        let mut between = files.clone();
        between.insert(snapshot.0.clone(), snapshot.1.clone());
        for moved in 0..=kept.len() {
            if moved > 0 {
                let kept = &kept[moved - 1];
                let name = PathBuf::from("shard-000").join(kept.file_name().unwrap());
                let bytes = between.remove(&name).unwrap();
                between.insert(kept.clone(), bytes);
            }
            let what = format!("{format:?}: {moved} of {} moved", kept.len());
            let place = Place::new(between.clone());
            assert_recovers(&place, format, &expected, &what);
            let engine = builder(place.path()).format(format).open().unwrap();
            let pool = engine.pool("banner").unwrap();
            let drawn = engine.client().unwrap().draw(&pool, LIMIT).unwrap();
            assert!(drawn.seq.unwrap() >= expected.shards[0].next_seq);
        }
    }
}
