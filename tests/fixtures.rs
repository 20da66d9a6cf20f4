//! Data directories of every format version that was ever written open for ever, with exactly what
//! was in them. `tests/fixtures/README.md` says how one is made.

mod common;

#[path = "common/compact.rs"]
mod compact;
#[path = "common/place.rs"]
mod place;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use common::{
    FORMATS, LIMIT, assert_conserved,
    everything::{Played, two_shards},
    examine,
};
use place::{Files, Place, read_files};
use tombola::{
    LogFormat, Request,
    recovery::{self, Depth},
    wal::{
        format::{Codec as _, Jsonl},
        reader::{SegmentReader, Start},
        record::{DrawsRecord, NO_PRIZE, Record},
        segment::FORMAT_VERSION,
    },
};

/// When their lives began, in milliseconds since 1970.
const BEGINNING_MS: u64 = 1_000_000;
/// When they are looked at: what was held for an hour is held.
const NOW_MS: u64 = BEGINNING_MS + 10_000;

/// Where the fixture of a version is.
fn fixture(version: u32, format: LogFormat, what: &str) -> PathBuf {
    let name = format!("{format:?}.{what}").to_lowercase();
    let directory = format!("tests/fixtures/version-{version}");
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(directory)
        .join(name)
}

/// A life with something of everything in it, ended by a crash: a snapshot, sealed segments before
/// and behind it, and an open one.
fn live(format: LogFormat) -> Files {
    let place = Place::new(Files::new());
    let mut played = Played::open(place.path(), format, BEGINNING_MS);
    played.draw_all_kinds(10);
    played.engine.snapshot().unwrap();
    played.change_all_kinds();
    played.draw_all_kinds(20);
    drop(played);
    read_files(place.path())
}

/// Everything that a directory holds, as text: the shards, their pools, odds and records.
fn told(directory: &Path) -> String {
    let examined = examine(directory);
    assert_eq!(examined.findings().count(), 0);
    let mut text = String::new();
    for shard in &examined.shards {
        let state = &shard.partition;
        let (keys, holds) = (state.keys_remembered(), state.holds_open());
        writeln!(
            text,
            "shard {}: next {}, snapshot {} upto segment {}, tail {:?}, {keys} keys, {holds} holds, requests below {}",
            shard.shard, shard.next_seq, shard.snapshot_seq, shard.snapshot_segment, shard.tail, state.requests_upto()
        )
        .unwrap();
        for pool in state.pools().iter().filter(|pool| pool.is_registered()) {
            let name = &pool.definition().name;
            writeln!(text, "pool {name}: {} no prizes", pool.no_prizes()).unwrap();
            for item in pool.items() {
                writeln!(text, "{item:?}").unwrap();
            }
            writeln!(text, "{:?}", pool.odds(shard.next_seq - 1, NOW_MS)).unwrap();
        }
    }
    recovery::read_records(directory, &mut |shard, seq, record| {
        let mut line = Vec::new();
        Jsonl::encode(&mut line, seq, record);
        write!(text, "{shard} {}", String::from_utf8(line).unwrap()).unwrap();
    })
    .unwrap();
    text
}

/// The requests with a key, by shard.
fn keyed(directory: &Path) -> Vec<(usize, DrawsRecord)> {
    let mut keyed = Vec::new();
    recovery::read_records(directory, &mut |shard, _, record| {
        if let Record::Draws(draws) = record
            && draws.key.is_some()
        {
            keyed.push((shard, (**draws).clone()));
        }
    })
    .unwrap();
    keyed
}

/// The requests that hold something.
fn held(directory: &Path) -> Vec<u64> {
    let mut held = BTreeSet::new();
    recovery::read_records(directory, &mut |_, _, record| match record {
        Record::Draws(draws) if draws.held_until_ms.is_some() => {
            held.insert(draws.request);
        }
        Record::Settled(settled) => {
            held.remove(&settled.request);
        }
        _ => {}
    })
    .unwrap();
    held.into_iter().collect()
}

/// An engine goes on with it: keys get what they got, holds are confirmed, draws are answered.
fn assert_goes_on(place: &Place, format: LogFormat) {
    let (keyed, held) = (keyed(place.path()), held(place.path()));
    assert!(keyed.len() > 4 && !held.is_empty());
    let now_ms = Arc::new(AtomicU64::new(NOW_MS));
    for round in 0..2 {
        let engine = two_shards(place.path(), format, &now_ms).open().unwrap();
        let mut client = engine.client().unwrap();
        for (shard, draws) in &keyed {
            let mut pools = engine.pools().into_iter();
            let is_pool = |pool: &tombola::PoolHandle| {
                let id = pool.id();
                !id.is_on_all_shards() && (id.shard(), id.index()) == (*shard, draws.pool)
            };
            let pool = pools.find(is_pool).unwrap();
            let mut request = Request::from(&pool).key(draws.key.unwrap());
            if draws.asked > 1 {
                request = request.count(draws.asked).partial(true);
            }
            if let Some(until_ms) = draws.held_until_ms {
                request = request.hold_for(std::time::Duration::from_millis(until_ms));
            }
            let answer = client.draw(request.retry(true), LIMIT).unwrap();
            let items: Vec<_> = answer
                .items()
                .map(|item| item.unwrap_or(NO_PRIZE))
                .collect();
            assert_eq!((answer.original(), &items), (draws.request, &draws.items));
        }
        for request in &held {
            assert_eq!(engine.confirm(*request).is_ok(), round == 0, "{request}");
        }
        for pool in engine.pools() {
            client.draw(&pool, LIMIT).unwrap();
        }
        drop(engine);
        assert_conserved(&examine(place.path()));
    }
}

#[test]
fn every_version_opens_with_what_was_in_it() {
    for version in 1..=FORMAT_VERSION {
        for format in FORMATS {
            let read = |what: &str| {
                let path = fixture(version, format, what);
                fs::read_to_string(&path).unwrap_or_else(|error| {
                    panic!(
                        "{}: {error}; tests/fixtures/README.md says how it is made",
                        path.display()
                    )
                })
            };
            let place = Place::new(compact::expand(&read("files")));
            assert_versions(&place, version);
            assert_eq!(told(place.path()), read("told"), "{version} {format:?}");
            // Whatever format goes on from there.
            for format in FORMATS {
                assert_goes_on(&place, format);
                place.restore();
            }
        }
    }
}

/// Everything there says that it is of this version.
fn assert_versions(place: &Place, version: u32) {
    for (name, bytes) in &place.files {
        let said = match name.extension().and_then(|end| end.to_str()) {
            Some("json") => serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["version"]
                .as_u64()
                .unwrap() as u32,
            Some("snap") => u32::from_le_bytes(bytes[8..12].try_into().unwrap()),
            _ => match SegmentReader::open_path(place.path().join(name), 1)
                .unwrap()
                .start()
            {
                Start::Header(header, ..) => header.version,
                Start::Unused => continue,
                Start::Unreadable => panic!("{}", name.display()),
            },
        };
        assert_eq!(said, version, "{}", name.display());
    }
}

/// What is written now is of the newest version, the test above has a fixture of that, and it has
/// every kind of record that a life comes to.
#[test]
fn what_is_written_now_is_of_a_version_that_has_fixtures() {
    for format in FORMATS {
        let files = live(format);
        let place = Place::new(files.clone());
        assert_versions(&place, FORMAT_VERSION);
        let text = compact::compact(&files);
        assert!(
            compact::expand(&text) == files,
            "{format:?}: the text tells another directory"
        );
        let now = told(place.path());
        assert_goes_on(&place, format);
        // Run by hand to make the fixtures of a new version.
        if std::env::var_os("TOMBOLA_MAKE_FIXTURES").is_some() {
            let path = fixture(FORMAT_VERSION, format, "files");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            fs::write(fixture(FORMAT_VERSION, format, "told"), &now).unwrap();
        }
        let kinds = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .filter_map(|line| line.split_once(r#"{"type":""#));
            let mut kinds: Vec<_> = lines
                .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
                .collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds
        };
        let kept = fs::read_to_string(fixture(FORMAT_VERSION, format, "told")).unwrap();
        let kept = kinds(&kept);
        for kind in kinds(&now) {
            assert!(
                kept.contains(&kind),
                "{format:?}: the fixture has no {kind}"
            );
        }
        assert_eq!(
            recovery::examine(place.path(), Depth::Everything)
                .unwrap()
                .findings()
                .count(),
            0
        );
    }
}
