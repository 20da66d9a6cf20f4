//! One shard: a thread that owns its pools, its random stream and its log, and shares nothing.
//!
//! A turn of its loop: **drain** a batch of requests from every client's ring, **draw** and append
//! each to the open block, **submit** the block when the storage can take it, **reap** what has
//! become durable, and **publish** the completions of those draws.

pub(crate) mod control;
pub(crate) mod desk;
mod drain;
pub(crate) mod exchange;
#[cfg(all(test, loom))]
mod models;
pub mod partition;
mod ports;

use std::{hint, io, sync::Arc, thread, time::Duration};

use self::{
    control::{Control, ShardHandle},
    desk::Desk,
    exchange::Exchange,
    partition::Partition,
    ports::Ports,
};
use crate::{
    canary::{self, Canary},
    machine::{Clock, Progress, Task},
    ring::Reply,
    selector::Stream,
    stats::ShardStats,
    wal::{
        Wal,
        format::with_codec,
        record::{DrawsRecord, NO_PRIZE, Record, SettledRecord, Settlement},
    },
};

/// Without draws for so long, a shard writes a marker: proof that its last draws were durable.
const MARKER_AFTER: Duration = Duration::from_millis(5);
/// Turns after which a shard that is never idle looks for clients that are gone, and for holds
/// that have ended.
const LOOK_AROUND_EVERY: u32 = 1024;
/// Turns after which a shard that is never idle lets others have its core for a moment, while a block is
/// on its way: some 50 microseconds.
const GIVE_WAY_EVERY: u32 = 16;
/// Of its turns without work, a shard that waits for nothing yields in one of so many: a yield takes as
/// long as ten turns, and what comes meanwhile waits for it.
const YIELDS_EVERY: u32 = 8;
/// How long a shard that waits for the device sleeps at most before it looks for requests again.
const DEVICE_REST: Duration = Duration::from_micros(50);
/// A write that takes so long, about what a fast device needs for it, may be waiting for this core:
/// yielding does not always give it to the kernel's threads, which are of another group. A shard that
/// has nothing to do sleeps then.
const OVERDUE: Duration = Duration::from_micros(80);
/// And one that has something to do sleeps after so long.
const LONG_OVERDUE: Duration = Duration::from_millis(1);
/// Holds that are ended at once, before draws have their turn again.
const EXPIRED_MAX: usize = 64;
/// How often a shard looks for the next segment when it is not ready in time.
const SEGMENT_REST: Duration = Duration::from_micros(100);
/// How often a shard that has failed looks into its inbox.
const FAILED_REST: Duration = Duration::from_millis(5);

/// What a shard is made of.
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) handle: Arc<ShardHandle>,
    pub(crate) partition: Partition,
    pub(crate) stream: Stream,
    pub(crate) wal: Wal,
    pub(crate) exchange: Exchange,
    pub(crate) slots: usize,
    pub(crate) clients_max: usize,
    pub(crate) holds_max: usize,
    pub(crate) clock: Clock,
    /// Draws are answered when they are staged.
    pub(crate) answers_at_once: bool,
    pub(crate) storage_fallback: Option<String>,
    pub(crate) pinned: bool,
}

/// A shard at work.
pub(crate) struct Shard {
    parts: Parts,
    ports: Ports,
    desk: Desk,
    counts: Counts,
    /// The record of draws that are made together, used again and again.
    record: Option<Box<DrawsRecord>>,
    /// How many records of draws were made, at all, when the block in each slot was closed.
    drawn_upto: Vec<u64>,
    committed: u64,
    idle_since: Option<Duration>,
    is_draining: Option<Reply<()>>,
    /// Nothing is taken from the rings any more.
    has_drained: bool,
    halted: bool,
    failed: bool,
    turns: u32,
    /// Turns without work since the last one with some.
    idle_turns: u32,
}

#[derive(Debug, Default)]
struct Counts {
    draws: u64,
    no_prizes: u64,
    refusals: u64,
    replays: u64,
}

impl Counts {
    #[inline]
    fn count_draws(&mut self, items: &[u32]) {
        self.draws += items.len() as u64;
        let nothing = items.iter().filter(|item| **item == NO_PRIZE);
        self.no_prizes += nothing.count() as u64;
    }
}

impl Shard {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            ports: Ports::new(parts.slots, parts.clients_max),
            desk: Desk::default(),
            counts: Counts::default(),
            record: Some(Box::default()),
            drawn_upto: vec![0; parts.slots],
            committed: 0,
            parts,
            idle_since: None,
            is_draining: None,
            has_drained: false,
            halted: false,
            failed: false,
            turns: 0,
            idle_turns: 0,
        }
    }

    fn turn(&mut self) -> io::Result<bool> {
        let mut worked = false;
        let mut more_waits = false;
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(LOOK_AROUND_EVERY) {
            let Self { parts, ports, .. } = self;
            ports.let_go(|place, begun| parts.abandon(place, begun));
            worked |= self.expire_holds()?;
        }
        if !self.desk.is_sealing() && !self.has_drained {
            let drained = with_codec!(self.parts.wal.format(), C => self.drain::<C>())?;
            worked |= drained.any;
            more_waits = drained.more_waits;
        }
        if self.parts.partition.has_spread() && !self.desk.is_sealing() {
            let Parts {
                exchange,
                partition,
                wal,
                ..
            } = &mut self.parts;
            worked |= exchange.step(partition, wal)?;
        }
        worked |= self.desk.step(
            self.parts.index,
            &mut self.parts.partition,
            &mut self.parts.wal,
            &self.parts.clock,
        )?;
        if let Some(slot) = self.parts.wal.submit(more_waits)? {
            self.ports.mark(slot);
            self.drawn_upto[slot] = self.committed + self.parts.partition.staged();
            if canary::is_planted(Canary::AcknowledgesEarly) {
                self.ports.publish_marked(slot);
            }
            worked = true;
        }
        if let Some(slot) = self.parts.wal.reap()? {
            self.parts
                .partition
                .commit(self.drawn_upto[slot] - self.committed);
            self.committed = self.drawn_upto[slot];
            self.ports.publish_marked(slot);
            self.desk.answer(self.parts.wal.durable_seq());
            worked = true;
        }
        if self.parts.answers_at_once || self.parts.wal.is_drained() {
            // Refusals wait for the draws before them, and for nothing else.
            self.ports.publish_all();
        }
        self.finish_draining();
        Ok(worked)
    }

    /// There was nothing to do in this turn: looks for what is not looked for in every one. Returns
    /// whether it did anything.
    fn look_around(&mut self) -> io::Result<bool> {
        if self.expire_holds()? {
            return Ok(true);
        }
        let Self { parts, ports, .. } = self;
        ports.let_go(|place, begun| parts.abandon(place, begun));
        if parts.wal.wants_marker() {
            let since = *self.idle_since.get_or_insert_with(|| parts.clock.passed());
            if parts.clock.passed_since(since) >= MARKER_AFTER {
                parts.wal.write_marker()?;
            }
        }
        Ok(false)
    }

    /// Gives back what was held for too long. That is a record like any other: replaying the log at
    /// another time of day changes nothing.
    fn expire_holds(&mut self) -> io::Result<bool> {
        if self.desk.is_sealing() || self.has_drained {
            return Ok(false);
        }
        let Parts {
            partition,
            wal,
            clock,
            ..
        } = &mut self.parts;
        for ended in 0..EXPIRED_MAX {
            let Some(request) = partition.expired_hold(clock) else {
                return Ok(ended > 0);
            };
            let record = Record::Settled(SettledRecord {
                request,
                how: Settlement::Expired,
            });
            let Some(seq) = wal.append(&record)? else {
                return Ok(ended > 0);
            };
            partition.apply(seq, &record).expect("the hold is open");
        }
        Ok(true)
    }

    /// There is more to do, but the kernel may wait for this core to finish a write, and the scheduler
    /// lets a busy thread go on for milliseconds before it has its turn.
    fn give_way(&mut self) {
        let Parts { wal, handle, .. } = &mut self.parts;
        if !handle.sleeper.may_sleep() {
            return;
        }
        match wal.oldest_flight() {
            Some(age) if age >= LONG_OVERDUE => {
                wal.sleep(DEVICE_REST);
            }
            Some(_) => thread::yield_now(),
            None => {}
        }
    }

    fn take_control(&mut self) -> bool {
        let mut busy = false;
        while !self.parts.handle.inbox.is_empty() {
            let Some(control) = self.parts.handle.inbox.pop() else {
                break;
            };
            busy = true;
            match control {
                Control::Client { index, end } => self.ports.add(index, end),
                Control::Do(job) => self.desk.push(job),
                Control::Look { name, reply } => {
                    reply.send(desk::standpoint(&self.parts.partition, &name));
                }
                Control::Odds { pool, reply } => {
                    let Parts {
                        partition,
                        wal,
                        clock,
                        ..
                    } = &self.parts;
                    reply.send(partition.odds(pool, wal.next_seq() - 1, clock.now_ms()));
                }
                Control::Fence { reply } if self.parts.partition.has_spread() => {
                    self.parts.exchange.fence(reply);
                }
                Control::Fence { reply } => reply.send(()),
                Control::Seal { reply } => self.desk.seal(reply),
                Control::Stats { reply } => reply.send(self.stats()),
                Control::Drain { reply } => {
                    self.parts.handle.drain();
                    self.is_draining = Some(reply);
                }
                Control::Halt => self.halted = true,
            }
        }
        busy
    }

    /// Draining is done when no request is left that can be answered: a client that does not poll
    /// must not hold up the others.
    fn finish_draining(&mut self) {
        if self.is_draining.is_some()
            && self.parts.wal.is_drained()
            && !self.desk.is_busy()
            && !self.ports.any_can_be_answered()
            && let Some(reply) = self.is_draining.take()
        {
            // A request that comes in spite of it is not drawn: its id may be given back below.
            self.has_drained = true;
            reply.send(());
        }
    }

    fn stats(&mut self) -> ShardStats {
        let wal = &self.parts.wal;
        ShardStats {
            shard: self.parts.index,
            storage: wal.storage_name(),
            storage_fallback: self.parts.storage_fallback.clone(),
            pinned: self.parts.pinned,
            draws: self.counts.draws,
            no_prizes: self.counts.no_prizes,
            refusals: self.counts.refusals,
            replays: self.counts.replays,
            keys_remembered: self.parts.partition.keys_remembered(),
            holds_open: self.parts.partition.holds_open(),
            hand_overs: self.parts.partition.hand_overs(),
            transfers: self.parts.exchange.transfers(),
            commits: wal.stats().commits,
            bytes: wal.stats().bytes,
            ring_depth: self.ports.depth(),
            segment_waits: wal.stats().segment_waits,
            seq: wal.next_seq() - 1,
            durable_seq: wal.durable_seq(),
            commit_latency_us: wal.stats().latency_us.clone(),
        }
    }

    /// The first failed write or flush is the last: nothing is written and nothing is acknowledged
    /// any more. What was staged and not published stays so; its outcome is unknown.
    fn fail(&mut self, error: &io::Error) {
        let index = self.parts.index;
        tracing::error!(shard = index, %error, "a write or flush failed; the shard has stopped");
        self.parts.handle.fail(index, error.to_string());
        // Whoever waits for an answer learns that there is none, because the reply is dropped.
        self.desk = Desk::default();
        self.parts.exchange.drop_fences();
        self.is_draining = None;
        self.failed = true;
    }

    /// What is left to do for a shard that has failed.
    fn step_failed(&mut self) -> Progress {
        while let Some(control) = self.parts.handle.inbox.pop() {
            match control {
                Control::Stats { reply } => reply.send(self.stats()),
                Control::Halt => self.halted = true,
                _ => {}
            }
        }
        // The places of clients that are gone are needed by clients of the other shards.
        self.ports.let_go(|_, _| {});
        Progress::Idle
    }
}

impl Task for Shard {
    fn step(&mut self) -> Progress {
        if self.halted {
            return Progress::Done;
        }
        if self.failed {
            return self.step_failed();
        }
        let busy = self.take_control();
        let looked = match self.turn() {
            Ok(worked) if worked || busy => {
                self.idle_since = None;
                self.idle_turns = 0;
                if self.turns.is_multiple_of(GIVE_WAY_EVERY) {
                    self.give_way();
                }
                return Progress::Worked;
            }
            Ok(_) => self.look_around(),
            Err(error) => Err(error),
        };
        match looked {
            Ok(true) => Progress::Worked,
            Ok(false) => Progress::Idle,
            Err(error) => {
                self.fail(&error);
                Progress::Worked
            }
        }
    }

    fn rest(&mut self) {
        if self.failed {
            thread::park_timeout(FAILED_REST);
            return;
        }
        let Self { parts, ports, .. } = self;
        if parts.wal.waits_for_segment() {
            // The disk is slow or full: there is no point in asking faster than it can change.
            thread::sleep(SEGMENT_REST);
            return;
        }
        self.idle_turns = self.idle_turns.saturating_add(1);
        // If the device is through, its completion ends the sleep.
        if parts.handle.sleeper.may_sleep()
            && parts.wal.oldest_flight().is_some_and(|age| age >= OVERDUE)
            && parts.wal.sleep(DEVICE_REST)
        {
            return;
        }
        let is_drained = parts.wal.is_drained();
        if is_drained && !self.idle_turns.is_multiple_of(YIELDS_EVERY) {
            hint::spin_loop();
            return;
        }
        let busy_elsewhere = parts.wal.wants_marker() || !is_drained || self.desk.is_busy();
        parts.handle.sleeper.rest(busy_elsewhere, || {
            !parts.handle.inbox.is_empty()
                || parts.exchange.is_busy()
                || ports.any_can_be_answered()
        });
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        // Whatever ends the thread, nobody waits for it any more.
        self.parts.handle.close();
    }
}
