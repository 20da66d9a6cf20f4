//! A process that lives until it is killed, and what it says meanwhile.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use tombola::selector::{Stream, below};

use crate::{
    child::{LIFE, Life},
    common::LIMIT,
    tell::Told,
};

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// So many microseconds after it was started.
    After(u64),
    /// So many microseconds after it began to open the engine, and so to recover.
    Opening(u64),
    /// So many microseconds after it began to make a snapshot, which seals a segment first.
    Snapshot(u64),
}

impl Moment {
    /// Some moment; every third kill comes early, every third in a snapshot.
    pub(crate) fn random(kill: usize, stream: &mut Stream) -> Self {
        match kill % 3 {
            _ if Self::is_early(kill) => Self::Opening(below(stream, 12_000)),
            1 => Self::Snapshot(below(stream, 12_000)),
            _ => Self::After(below(stream, 300_000)),
        }
    }

    /// Whether this is one that comes while the engine is opened.
    pub(crate) fn is_early(kill: usize) -> bool {
        kill.is_multiple_of(3)
    }

    fn is_begun_by(self, told: &Told) -> bool {
        match self {
            Self::After(_) => false,
            Self::Opening(_) => matches!(told, Told::Opening),
            Self::Snapshot(_) => matches!(told, Told::Snapshotting),
        }
    }
}

/// What a process said, and the time at which it was heard, as its hearer counts time.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) told: Vec<(u64, Told)>,
    /// What is not for us: where it panicked, for instance.
    pub(crate) other: Vec<String>,
}

/// A process that has a [`Life`].
pub(crate) struct Process {
    child: Child,
    hearing: Option<JoinHandle<Said>>,
    moment: Moment,
    begun: Receiver<()>,
}

impl Process {
    /// Starts this program again, to run its test `child`. `clock` tells the time at which
    /// something is heard.
    pub(crate) fn start(
        life: &Life,
        moment: Moment,
        clock: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env(LIFE, serde_json::to_string(life).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (begins, begun) = mpsc::channel();
        let hearing = thread::spawn(move || {
            let mut said = Said::default();
            for line in lines {
                let line = line.unwrap();
                let Ok(told) = serde_json::from_str::<Told>(&line) else {
                    said.other.push(line);
                    continue;
                };
                if moment.is_begun_by(&told) {
                    // Nobody waits for the second snapshot.
                    let _ = begins.send(());
                }
                said.told.push((clock(), told));
            }
            said
        });
        Self {
            child,
            hearing: Some(hearing),
            moment,
            begun,
        }
    }

    /// Waits for the moment to come. A process that ends by itself before that has failed.
    pub(crate) fn wait(&mut self) {
        let (Moment::After(us) | Moment::Opening(us) | Moment::Snapshot(us)) = self.moment;
        if !matches!(self.moment, Moment::After(_)) {
            // Where it ends before that, it is seen below.
            let _ = self.begun.recv_timeout(LIMIT);
        }
        thread::sleep(Duration::from_micros(us));
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("it ended by itself, {status}: {:#?}", self.said().other);
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) -> Said {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said()
    }

    fn said(&mut self) -> Said {
        let hearing = self.hearing.take().expect("it ends once");
        hearing.join().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where a test has failed; otherwise it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many were killed in the midst of what.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    pub(crate) kills: usize,
    pub(crate) while_opening: usize,
    pub(crate) in_a_snapshot: usize,
}

impl Moments {
    /// Counts a process by the last things that it said.
    pub(crate) fn count(&mut self, said: &Said) {
        let mut told = said.told.iter().rev().map(|(_, told)| told);
        let last = told.find(|told| {
            matches!(
                told,
                Told::Opening | Told::Open | Told::Snapshotting | Told::Snapshot
            )
        });
        self.kills += 1;
        self.while_opening += usize::from(matches!(last, Some(Told::Opening)));
        self.in_a_snapshot += usize::from(matches!(last, Some(Told::Snapshotting)));
    }
}
