//! A real process, killed with -9 at random moments, over every storage, format and durability that
//! promises to survive it: what was acknowledged is there, once, and stock is conserved.
//!
//! `TOMBOLA_TEST_LONG=10` makes it ten times as long.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tombola::{
    recovery::{self, Examination},
    selector::{Stream, below},
    wal::record::{NO_PRIZE, Record},
};

/// 18 combinations, 6 kills each: 108 in the ordinary run.
const KILLS: usize = 6;

const CONFIG: &str = r#"
[engine]
shards = 2
idle = "park"
pin = false
ring_slots = 1024

[wal]
segment_bytes = "128KiB"
block_bytes = "16KiB"
partial_blocks_in_flight = 4

[[pool]]
name = "finite"
items = [{ id = "gold", weight = 3, stock = 1_000 }, { id = "silver", weight = 30, stock = 900_000_000 }]

[[pool]]
name = "keeps the odds"
on_exhausted = "no_prize"
items = [{ id = "rare \"one\"", weight = 5, stock = 40 }, { id = "dust", weight = 95 }]

[[pool]]
name = "endless"
items = [{ id = "a", weight = 1 }, { id = "b", weight = 2 }, { id = "c", weight = 0 }]
"#;

/// A record as the log or an acknowledgement tells it: request, pool, item.
type Drawn = (u64, String, Option<String>);

/// Everything that is known about one data directory.
struct Known {
    directory: PathBuf,
    acks: PathBuf,
    acks_read: usize,
    /// By shard and sequence number: what every later look has to confirm.
    drawn: HashMap<(usize, u64), Drawn>,
    acknowledged: HashSet<u64>,
    /// Acknowledged draws of each pool's items.
    acknowledged_items: HashMap<(String, String), u64>,
}

struct Setting<'a> {
    storage: &'a str,
    format: &'a str,
    durability: &'a str,
    /// Small: segments are retired meanwhile. Large: the log holds everything.
    snapshot_records: &'a str,
}

fn start(config: &Path, known: &Known, setting: &Setting<'_>) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tombola"))
        .args([
            "draw".as_ref(),
            config.as_os_str(),
            "--data".as_ref(),
            known.directory.as_os_str(),
        ])
        .args(["--acks".as_ref(), known.acks.as_os_str()])
        .args([
            "--count",
            "1000000000",
            "--rate",
            "150000",
            "--clients",
            "2",
        ])
        .args([
            "--storage",
            setting.storage,
            "--format",
            setting.format,
            "--durability",
            setting.durability,
        ])
        .args(["--snapshot-records", setting.snapshot_records])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts")
}

impl Known {
    fn new(directory: PathBuf, acks: PathBuf) -> Self {
        Self {
            directory,
            acks,
            acks_read: 0,
            drawn: HashMap::new(),
            acknowledged: HashSet::new(),
            acknowledged_items: HashMap::new(),
        }
    }

    /// Reads the log, and checks it against what was known; returns the state.
    fn read_log(&mut self, context: &str) -> Examination {
        let mut records = Vec::new();
        let state = recovery::read_records(&self.directory, &mut |shard, seq, record| {
            if let Record::Draw(draw) = record {
                records.push((shard, seq, *draw));
            }
        })
        .unwrap_or_else(|error| panic!("{context}: {error}"));
        let findings: Vec<_> = state.findings().collect();
        assert!(findings.is_empty(), "{context}: {findings:?}");
        for (shard, seq, draw) in records {
            let pool = state.shards[shard].partition.pools()[draw.pool as usize].definition();
            let item =
                (draw.item != NO_PRIZE).then(|| pool.items.at(draw.item as usize).id.to_owned());
            let drawn = (draw.request, pool.name.clone(), item);
            if let Some(before) = self.drawn.insert((shard, seq), drawn.clone()) {
                assert_eq!(
                    before, drawn,
                    "{context}: shard {shard}, record {seq} has changed"
                );
            }
        }
        let requests: HashSet<_> = self.drawn.values().map(|(request, _, _)| request).collect();
        assert_eq!(
            requests.len(),
            self.drawn.len(),
            "{context}: a request was drawn twice"
        );
        state
    }

    /// Reads the new acknowledgements: each is in the log as it was told, or covered by a snapshot.
    fn read_acks(&mut self, state: &Examination, context: &str) {
        let text = fs::read_to_string(&self.acks).unwrap_or_default();
        // What was written without its line feed was cut off by the kill, and the next run began
        // a line of its own.
        let new = &text[self.acks_read..];
        let whole = new.rfind('\n').map_or(0, |end| end + 1);
        for line in new[..whole].lines() {
            let Ok(ack) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let number = |key: &str| ack[key].as_u64();
            let (Some(request), Some(shard)) = (number("request"), number("shard")) else {
                continue;
            };
            assert!(
                self.acknowledged.insert(request),
                "{context}: request {request} was acknowledged twice"
            );
            let Some(seq) = number("seq") else { continue };
            let shard = shard as usize;
            let pool = ack["pool"].as_str().unwrap().to_owned();
            let item = ack["item"].as_str().map(str::to_owned);
            if let Some(item) = &item {
                *self
                    .acknowledged_items
                    .entry((pool.clone(), item.clone()))
                    .or_default() += 1;
            }
            match self.drawn.get(&(shard, seq)) {
                Some(drawn) => assert_eq!(drawn, &(request, pool, item), "{context}: {line}"),
                None => assert!(
                    seq <= state.shards[shard].snapshot_seq,
                    "{context}: {line} is lost"
                ),
            }
        }
        self.acks_read += whole;
    }

    /// Stock is conserved, nothing acknowledged is uncounted, and sequence numbers have no holes.
    fn check_state(&self, state: &Examination, complete: bool, context: &str) {
        for pool in state.pools() {
            let name = &pool.definition().name;
            for item in pool.items() {
                if let Some(initial) = item.initial {
                    assert_eq!(
                        initial,
                        item.drawn + item.remaining.unwrap(),
                        "{context}: {name} {}",
                        item.id
                    );
                }
                let key = (name.clone(), item.id.to_owned());
                let acknowledged = self.acknowledged_items.get(&key).copied().unwrap_or(0);
                assert!(
                    item.drawn >= acknowledged,
                    "{context}: {key:?} {} < {acknowledged}",
                    item.drawn
                );
                if complete {
                    let logged = self
                        .drawn
                        .values()
                        .filter(|(_, pool, id)| pool == name && id.as_deref() == Some(item.id));
                    assert_eq!(item.drawn, logged.count() as u64, "{context}: {key:?}");
                }
            }
        }
        for shard in &state.shards {
            let ours = self.drawn.keys().filter(|(index, _)| *index == shard.shard);
            assert!(
                ours.map(|(_, seq)| *seq).max().unwrap_or(0) < shard.next_seq,
                "{context}"
            );
        }
    }
}

fn crash_loop(storage: &str, durability: &str) {
    let long: usize = std::env::var("TOMBOLA_TEST_LONG")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    for (number, format) in ["bincode", "jsonl", "line"].into_iter().enumerate() {
        let complete = (number + storage.len() + durability.len()).is_multiple_of(2);
        let snapshot_records = if complete { "1000000000" } else { "3000" };
        let setting = Setting {
            storage,
            format,
            durability,
            snapshot_records,
        };
        let seed = (storage.len() * 100 + durability.len() * 10 + number) as u64;
        // A data directory is killed at most twelve times, so that checking it stays quick.
        for round in 0..(KILLS * long).div_ceil(12) {
            let kills = (KILLS * long - round * 12).min(12);
            life(&setting, complete, kills, seed + 1000 * round as u64);
        }
    }
}

fn life(setting: &Setting<'_>, complete: bool, kills: usize, seed: u64) {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("config.toml");
    fs::write(&config, CONFIG).unwrap();
    let mut known = Known::new(place.path().join("data"), place.path().join("acks.jsonl"));
    let mut stream = Stream::for_shard(seed, 0);
    let Setting {
        storage,
        format,
        durability,
        ..
    } = setting;
    for kill in 0..kills {
        // Every third time very early: during the opening and the recovery.
        let pause_us = if kill % 3 == 2 {
            below(&mut stream, 15_000)
        } else {
            20_000 + below(&mut stream, 160_000)
        };
        let context = format!(
            "{storage} {format} {durability}, seed {seed}, kill {kill} after {pause_us} us"
        );
        let mut child = start(&config, &known, setting);
        thread::sleep(Duration::from_micros(pause_us));
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "{context}: it ended by itself"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        if !known.directory.join("engine.json").exists() {
            continue;
        }
        let state = known.read_log(&context);
        known.read_acks(&state, &context);
        known.check_state(&state, complete, &context);
    }
    // The last one goes on and ends well.
    let ended = Command::new(env!("CARGO_BIN_EXE_tombola"))
        .args([
            "draw".as_ref(),
            config.as_os_str(),
            "--data".as_ref(),
            known.directory.as_os_str(),
        ])
        .args([
            "--acks".as_ref(),
            known.acks.as_os_str(),
            "--count".as_ref(),
            "2000".as_ref(),
        ])
        .args([
            "--storage",
            storage,
            "--format",
            format,
            "--durability",
            durability,
        ])
        .args(["--snapshot-records", setting.snapshot_records])
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let state = known.read_log("at the end");
    known.read_acks(&state, "at the end");
    known.check_state(&state, false, "at the end");
    assert!(known.acknowledged.len() >= 2_000);
}

macro_rules! crash_loops {
    ($($name:ident: $storage:literal, $durability:literal;)*) => {$(
        #[test]
        fn $name() {
            crash_loop($storage, $durability);
        }
    )*};
}

crash_loops! {
    uring_device: "uring", "device";
    uring_kernel: "uring", "kernel";
    mmap_device: "mmap", "device";
    mmap_kernel: "mmap", "kernel";
    file_device: "file", "device";
    file_kernel: "file", "kernel";
}
