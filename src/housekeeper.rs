//! Off the path of a draw: prepares segments, turns sealed ones into snapshots, archives and
//! deletes old ones. One thread for all shards.

mod keeping;
mod pace;
mod retire;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

pub(crate) use keeping::{Keeping, KeepingOptions};
pub(crate) use retire::make_archive;

use self::pace::{BREATH, Pace};
use crate::{
    error::Error,
    machine::{Progress, Task},
    request::RequestIdSource,
    ring::{Answer, Reply, reply},
    shard::{
        control::{Control, ShardHandle},
        desk::Job,
    },
    stats::HousekeeperStats,
    sync::ArrayQueue,
};

/// The housekeeper looks around at least so often.
const REST: Duration = Duration::from_millis(50);
/// Alarms that are kept.
const ALARMS_MAX: usize = 16;

/// A snapshot that someone waits for.
#[derive(Debug)]
pub(crate) struct SnapshotRequest {
    pub(crate) shard: usize,
    /// The last segment that it has to cover.
    pub(crate) upto: u64,
    pub(crate) reply: Reply<Result<(), Error>>,
}

/// What the housekeeper shares with the engine.
#[derive(Debug)]
pub(crate) struct HousekeeperHandle {
    pub(crate) requests: ArrayQueue<SnapshotRequest>,
    stopping: AtomicBool,
    stats: Mutex<HousekeeperStats>,
}

impl HousekeeperHandle {
    pub(crate) fn new() -> Self {
        Self {
            requests: ArrayQueue::new(1024),
            stopping: AtomicBool::new(false),
            stats: Mutex::default(),
        }
    }

    /// Ends the housekeeper after what it is doing.
    pub(crate) fn stop(&self) {
        // Relaxed: the flag carries nothing with it.
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> HousekeeperStats {
        self.change_stats(|stats| stats.clone())
    }

    fn change_stats<T>(&self, change: impl FnOnce(&mut HousekeeperStats) -> T) -> T {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something is wrong that no caller is waiting to hear.
    fn alarm(&self, shard: usize, message: &str) {
        tracing::error!(shard, "{message}");
        self.change_stats(|stats| {
            stats.alarms.push(format!("shard {shard}: {message}"));
            let surplus = stats.alarms.len().saturating_sub(ALARMS_MAX);
            stats.alarms.drain(..surplus);
        });
    }
}

/// The housekeeper at work.
pub(crate) struct Housekeeper {
    handle: Arc<HousekeeperHandle>,
    shards: Vec<Keeping>,
    waiting: Vec<SnapshotRequest>,
    ids: Arc<RequestIdSource>,
    /// Shard 0, whose log holds the reservations of request ids.
    reserver: Arc<ShardHandle>,
    reserving: Option<(u64, Answer<()>)>,
    /// How long it rests next.
    rest: Duration,
}

impl Housekeeper {
    pub(crate) fn new(
        handle: Arc<HousekeeperHandle>,
        shards: Vec<Keeping>,
        ids: Arc<RequestIdSource>,
        reserver: Arc<ShardHandle>,
    ) -> Self {
        Self {
            handle,
            shards,
            waiting: Vec::new(),
            ids,
            reserver,
            reserving: None,
            rest: REST,
        }
    }

    /// The calling thread is the one that it works on, and that is woken.
    pub(crate) fn moves_in(self) -> Self {
        self.shards.iter().for_each(Keeping::moves_in);
        self
    }

    /// Makes the snapshots that were asked for, as far as their segments have been read.
    fn answer(&mut self) {
        while let Some(request) = self.handle.requests.pop() {
            self.waiting.push(request);
        }
        let mut index = 0;
        while index < self.waiting.len() {
            let SnapshotRequest { shard, upto, .. } = self.waiting[index];
            match self.shards[shard].snapshot_upto(upto, &self.handle) {
                Some(result) => self.waiting.swap_remove(index).reply.send(result),
                None => index += 1,
            }
        }
    }

    /// Reserves more request ids long before they run out.
    fn reserve(&mut self) {
        match self.reserving.take() {
            None => {
                if let Some(upto) = self.ids.wants_more() {
                    let (reply, answer) = reply();
                    if self
                        .reserver
                        .send(Control::Do(Job::Reserve { upto, reply }))
                        .is_ok()
                    {
                        self.reserving = Some((upto, answer));
                    }
                }
            }
            Some((upto, answer)) => match answer.try_wait() {
                Ok(Some(())) => self.ids.allow(upto),
                Ok(None) => self.reserving = Some((upto, answer)),
                // Shard 0 has stopped; what is reserved is what there is.
                Err(_) => {}
            },
        }
    }
}

impl Task for Housekeeper {
    fn step(&mut self) -> Progress {
        if self.handle.stopping.load(Ordering::Relaxed) {
            return Progress::Done;
        }
        let mut pace = Pace::Idle;
        for keeping in &mut self.shards {
            // The next segment first: a shard may be waiting for it.
            pace = pace.max(keeping.prepare(&self.handle));
        }
        for (shard, keeping) in self.shards.iter_mut().enumerate() {
            let is_waited_for = self.waiting.iter().any(|request| request.shard == shard);
            pace = pace.max(keeping.follow(&self.handle, is_waited_for));
        }
        self.answer();
        self.reserve();
        self.rest = match pace {
            Pace::Urgent => {
                // Draws come first all the same.
                thread::yield_now();
                return Progress::Worked;
            }
            Pace::Gentle => BREATH,
            Pace::Idle => REST,
        };
        Progress::Idle
    }

    fn rest(&mut self) {
        thread::park_timeout(self.rest);
    }
}
