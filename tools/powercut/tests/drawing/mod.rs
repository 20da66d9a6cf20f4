//! A process of its own that draws from a pool on each of its shards, and says how it goes. It runs
//! in the file system whose device is ours, so that this process never waits for that.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tombola::{Client, Engine, Error, PoolDefinition, PoolHandle, Request, SubmitError};

use crate::common::{FORMATS, LIMIT, STORAGES, builder};

/// What a process draws; one that has it is such a process.
const DRAWING: &str = "TOMBOLA_TEST_DRAWING";
const SHARDS: usize = 2;
/// So long after an end nothing more may be said to be drawn.
const AFTERMATH: Duration = Duration::from_millis(30);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Drawing {
    pub(crate) data: PathBuf,
    pub(crate) storage: usize,
    pub(crate) format: usize,
    /// Draws for so long, unless both shards stop, or wait for what cannot be made, before that.
    pub(crate) time: Duration,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Said {
    Open,
    Refused(String),
    /// These draws were acknowledged: shard and sequence number.
    Drawn(Vec<(usize, u64)>),
    Stopped(String),
    Alarm(String),
    End(Tally),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How often the ring to each shard was full.
    pub(crate) full: [u64; SHARDS],
    pub(crate) drawn: [u64; SHARDS],
    /// How much memory the process has taken since it began to draw, in KiB.
    pub(crate) grown_kib: u64,
    pub(crate) taken: u64,
}

impl Said {
    fn say(&self) {
        let mut line = serde_json::to_string(self).unwrap();
        line.push('\n');
        io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// Draws, if this process was started for that.
pub(crate) fn draw() {
    let Ok(drawing) = env::var(DRAWING) else {
        return;
    };
    let drawing: Drawing = serde_json::from_str(&drawing).unwrap();
    match open(&drawing) {
        Ok((engine, pools)) => {
            Said::Open.say();
            thread::scope(|scope| {
                scope.spawn(|| watch(&engine));
                draw_on(&engine, &pools, drawing.time);
            });
        }
        Err(error) => Said::Refused(error.to_string()).say(),
    }
}

/// Some pools until there is one on each shard.
fn open(drawing: &Drawing) -> Result<(Engine, [PoolHandle; SHARDS]), Error> {
    let engine = builder(&drawing.data)
        .shards(SHARDS)
        .storage(STORAGES[drawing.storage])
        .format(FORMATS[drawing.format])
        .snapshot_records(2_000)
        .open()?;
    let pools = (0..8).map(|pool| {
        let pool = PoolDefinition::new(format!("pool {pool}")).unlimited("dust", 1);
        engine.register(pool)
    });
    let pools = pools.collect::<Result<Vec<_>, _>>()?;
    let on = |shard| pools.iter().find(|pool| pool.id().shard() == shard);
    let each = [0, 1].map(|shard| on(shard).expect("eight pools are on both shards").clone());
    Ok((engine, each))
}

fn draw_on(engine: &Engine, pools: &[PoolHandle; SHARDS], time: Duration) {
    let mut client = engine.client().unwrap();
    let mut tally = Tally::default();
    let memory_kib = memory_kib();
    let (begun, mut stopped) = (Instant::now(), [false; SHARDS]);
    while begun.elapsed() < time && stopped != [true; SHARDS] {
        for (shard, pool) in pools.iter().enumerate() {
            if stopped[shard] {
                continue;
            }
            match client.submit_batch(&[Request::from(pool); 16]) {
                Ok(taken) => {
                    tally.taken += taken.count as u64;
                    tally.full[shard] += u64::from(taken.count < 16);
                }
                Err(SubmitError::Stopped(_, why)) => {
                    stopped[shard] = true;
                    Said::Stopped(why.to_string()).say();
                }
                Err(error) => panic!("{error}"),
            }
        }
        tally.answers(&mut client);
    }
    if stopped.contains(&true) {
        let before = tally.drawn;
        thread::sleep(AFTERMATH);
        tally.answers(&mut client);
        for shard in 0..SHARDS {
            let is_silent = !stopped[shard] || tally.drawn[shard] == before[shard];
            assert!(is_silent, "shard {shard} has stopped and answers");
        }
    }
    tally.grown_kib = self::memory_kib().saturating_sub(memory_kib);
    Said::End(tally).say();
    // The end of this process is as good as a crash; whoever started it wants it to be one.
    loop {
        thread::park();
    }
}

/// Tells of alarms. On a thread of its own, for a shard that waits for its device answers late.
fn watch(engine: &Engine) {
    let mut told = 0;
    loop {
        let stats = engine.stats();
        let alarms = stats.map_or(Vec::new(), |stats| stats.housekeeper.alarms);
        for alarm in alarms.iter().skip(told) {
            Said::Alarm(alarm.clone()).say();
        }
        told = alarms.len().max(told);
        thread::sleep(AFTERMATH);
    }
}

impl Tally {
    fn answers(&mut self, client: &mut Client) {
        let mut drawn = Vec::new();
        let polled = client.poll_with(|answer| {
            self.drawn[answer.shard] += 1;
            drawn.extend(answer.seq.map(|seq| (answer.shard, seq)));
        });
        match polled {
            Ok(0) => thread::sleep(Duration::from_micros(100)),
            Ok(_) => Said::Drawn(drawn).say(),
            // The shard says so as soon as it is asked for more.
            Err(_) => {}
        }
    }
}

/// What this process has in memory.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("the kernel tells it").parse().unwrap()
}

/// A process that draws.
pub(crate) struct Process {
    child: Child,
    hearing: Option<JoinHandle<Vec<(u64, Said)>>>,
    heard: Receiver<Said>,
}

impl Process {
    /// Starts this program again, to run its test `child`. `clock` tells the time at which something
    /// is heard.
    pub(crate) fn start(drawing: &Drawing, clock: impl Fn() -> u64 + Send + 'static) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env(DRAWING, serde_json::to_string(drawing).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (hears, heard) = mpsc::channel();
        let hearing = thread::spawn(move || {
            let mut all = Vec::new();
            for line in lines.map(Result::unwrap) {
                let said: Said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                all.push((clock(), said.clone()));
                // Nobody may listen any more.
                let _ = hears.send(said);
            }
            all
        });
        Self {
            child,
            hearing: Some(hearing),
            heard,
        }
    }

    /// Waits until it says something of this kind.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Said) -> bool) -> Said {
        let begun = Instant::now();
        loop {
            let said = self.heard.recv_timeout(LIMIT).expect("it says more");
            if is_it(&said) {
                return said;
            }
            assert!(begun.elapsed() < LIMIT);
        }
    }

    /// The same, or until it has said nothing for so long: whether it said something of this kind.
    #[allow(
        dead_code,
        reason = "not every test has something to wait for that may not come"
    )]
    pub(crate) fn says_before_silence(
        &self,
        is_it: impl Fn(&Said) -> bool,
        silence: Duration,
    ) -> bool {
        let begun = Instant::now();
        while let Ok(said) = self.heard.recv_timeout(silence) {
            if is_it(&said) {
                return true;
            }
            assert!(begun.elapsed() < LIMIT);
        }
        false
    }

    /// Kills it; gives all that it has said.
    pub(crate) fn kill(mut self) -> Vec<(u64, Said)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.hearing.take().expect("it ends once").join().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where a test has failed; otherwise it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
