//! Opens, steers and closes a set of shards.

mod builder;
mod catalogue;
mod edit;
mod settle;
mod spread;
mod start;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

pub use builder::{EngineBuilder, StorageFactory};
use catalogue::Catalogue;
pub use catalogue::PoolHandle;
pub use settle::RequestRef;

use crate::{
    client::{Client, Port},
    config::Config,
    error::{Error, Stopped},
    housekeeper::{HousekeeperHandle, SnapshotRequest},
    machine::{Directory, Lock, Running, Tasks, Waiting},
    pool::Definitions,
    request::{Completion, PoolId, RequestIdSource},
    ring::{self, Answer, NoAnswer, Places, Reply},
    shard::{
        control::{Control, ShardHandle},
        desk::Job,
    },
    stats::Stats,
};

/// How long the engine waits for its own threads. Long enough for a slow disk, short enough not to
/// look like a hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// An open engine. It is `Send` and `Sync`; share it by reference or in an [`Arc`].
///
/// Dropping it without [`shutdown`](Self::shutdown) is as safe as a crash: what was acknowledged is
/// there again after the next open, what was not is unknown.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    /// Where its data is, if it keeps any.
    directory: Option<Directory>,
    /// Held while a pool comes in or is changed; what of the last change is still to be made.
    editing: Mutex<Option<spread::Unfinished>>,
    shards: Vec<Arc<ShardHandle>>,
    /// Who runs the shards and the housekeeper.
    tasks: Arc<dyn Tasks>,
    running: Vec<Box<dyn Running>>,
    housekeeper: Option<(Arc<HousekeeperHandle>, Box<dyn Running>)>,
    catalogue: Catalogue,
    /// What shards, housekeeper and catalogue have of a pool is the same.
    definitions: Definitions,
    ids: Arc<RequestIdSource>,
    places: Places,
    /// Dropped last: the directory is free when nothing of the engine is left.
    _lock: Option<HeldLock>,
}

/// Nothing but that it is held.
struct HeldLock(#[expect(dead_code, reason = "held, never read")] Lock);

impl std::fmt::Debug for HeldLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeldLock")
    }
}

impl Engine {
    /// An engine whose data lives in `directory`, which is made if it is not there.
    pub fn builder(directory: impl Into<Directory>) -> EngineBuilder {
        EngineBuilder::new(Some(directory.into()))
    }

    /// An engine without a log, that forgets everything: for tests, simulations and measuring.
    pub fn in_memory() -> EngineBuilder {
        EngineBuilder::new(None)
    }

    /// The settings it was opened with; [`Config::shards`] is the real number.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The pool of this name, if it is registered.
    pub fn pool(&self, name: &str) -> Option<PoolHandle> {
        self.catalogue.by_name(name)
    }

    /// The pool with this id, if there is one.
    pub fn pool_by_id(&self, id: PoolId) -> Option<PoolHandle> {
        self.catalogue.by_id(id)
    }

    /// All pools, by name.
    pub fn pools(&self) -> Vec<PoolHandle> {
        self.catalogue.all()
    }

    /// The id of the item that a completion handed out, if it was one.
    pub fn item_id(&self, completion: &Completion) -> Option<String> {
        let crate::Outcome::Item(_) = completion.outcome else {
            return None;
        };
        self.item_ids(completion).pop()?
    }

    /// The ids of the items that a completion handed out, `None` for a draw without a prize; none
    /// where the request was refused.
    pub fn item_ids(&self, completion: &Completion) -> Vec<Option<String>> {
        let pool = self.pool_by_id(completion.pool);
        let items = pool.as_ref().map(|pool| &pool.definition().items);
        let id = |item: u32| Some(items?.get(item as usize)?.id.to_owned());
        completion.items().map(|item| item.and_then(id)).collect()
    }

    /// A new client. Its place is free again once it is dropped and every shard has noticed.
    ///
    /// # Errors
    /// [`Error::TooManyClients`], or [`Error::Stopped`] if the engine is closing.
    pub fn client(&self) -> Result<Client, Error> {
        let limit = self.config.clients_max;
        let place = self.places.take().ok_or(Error::TooManyClients { limit })?;
        let index = place.index();
        let mut ports = Vec::with_capacity(self.shards.len());
        for (at, shard) in self.shards.iter().enumerate() {
            let (client, end) = ring::pair(self.config.ring_slots, place.clone());
            shard.send(Control::Client { index, end })?;
            ports.push(Port {
                index: at,
                shard: Arc::clone(shard),
                end: client,
                open: 0,
            });
        }
        Ok(Client::new(
            ports,
            Arc::clone(&self.ids),
            self.config.idle,
            place,
        ))
    }

    /// Makes a snapshot of every shard and retires what is not needed any more. The open segments
    /// are sealed first, which takes each shard one write; draws go on.
    ///
    /// # Errors
    /// [`Error::Snapshot`] where a sealed segment does not read back or the snapshot cannot be
    /// written; [`Error::Stopped`] if a shard has stopped.
    pub fn snapshot(&self) -> Result<(), Error> {
        let Some((housekeeper, running)) = &self.housekeeper else {
            return Ok(());
        };
        let sealing: Vec<Answer<u64>> = (0..self.shards.len())
            .map(|shard| self.send(shard, |reply| Control::Seal { reply }))
            .collect::<Result<_, _>>()?;
        let mut waiting = Vec::new();
        for (shard, answer) in sealing.into_iter().enumerate() {
            let upto = self.wait(shard, "seal a segment", answer)?;
            let (reply, answer) = ring::reply();
            housekeeper
                .requests
                .push(SnapshotRequest { shard, upto, reply })
                .map_err(|_| Error::Busy)?;
            waiting.push((shard, answer));
        }
        running.wake();
        waiting
            .into_iter()
            .try_for_each(|(shard, answer)| self.wait(shard, "make a snapshot", answer)?)
    }

    /// How it goes.
    ///
    /// # Errors
    /// [`Error::TimedOut`] or [`Error::Stopped`] if a shard does not answer.
    pub fn stats(&self) -> Result<Stats, Error> {
        let answers: Vec<_> = (0..self.shards.len())
            .map(|shard| self.send(shard, |reply| Control::Stats { reply }))
            .collect::<Result<_, _>>()?;
        let shards = answers
            .into_iter()
            .enumerate()
            .map(|(shard, answer)| self.wait(shard, "tell the stats", answer))
            .collect::<Result<_, _>>()?;
        let housekeeper = self
            .housekeeper
            .as_ref()
            .map(|(handle, _)| handle.stats())
            .unwrap_or_default();
        Ok(Stats {
            shards,
            housekeeper,
        })
    }

    /// Takes no more draws, answers those that were submitted, seals every log, makes a last
    /// snapshot and closes. Clients stay and can still poll their answers; a request whose client
    /// has no room for the answer is not drawn.
    ///
    /// # Errors
    /// The first thing that went wrong. The engine is closed all the same, as safely as by a crash.
    pub fn shutdown(self) -> Result<(), Error> {
        let draining: Vec<_> = (0..self.shards.len())
            .map(|shard| self.send(shard, |reply| Control::Drain { reply }))
            .collect::<Result<_, _>>()?;
        // Where one shard has failed, the others still answer.
        let mut drained = Ok(());
        for (shard, answer) in draining.into_iter().enumerate() {
            drained = drained.and(self.wait(shard, "answer what was submitted", answer));
        }
        drained?;
        // No id is given any more, so what was reserved beyond the last one is free again.
        let upto = self.ids.next();
        self.ask(0, "give request ids back", |reply| {
            Control::Do(Job::Reserve { upto, reply })
        })?;
        self.snapshot()
    }

    fn ask<T>(
        &self,
        shard: usize,
        what: &'static str,
        control: impl FnOnce(Reply<T>) -> Control,
    ) -> Result<T, Error> {
        let answer = self.send(shard, control)?;
        self.wait(shard, what, answer)
    }

    fn send<T>(
        &self,
        shard: usize,
        control: impl FnOnce(Reply<T>) -> Control,
    ) -> Result<Answer<T>, Error> {
        let (reply, answer) = ring::reply();
        self.shards[shard].send(control(reply))?;
        Ok(answer)
    }

    fn wait<T>(&self, shard: usize, what: &'static str, answer: Answer<T>) -> Result<T, Error> {
        let answered = loop {
            match self.tasks.wait() {
                Waiting::Sleep => break answer.wait(PATIENCE),
                Waiting::GiveUp => break Err(NoAnswer::TimedOut),
                Waiting::LookAgain => match answer.try_wait() {
                    Ok(None) => {}
                    Ok(Some(value)) => break Ok(value),
                    Err(error) => break Err(error),
                },
            }
        };
        answered.map_err(|error| match error {
            NoAnswer::TimedOut => Error::TimedOut {
                what,
                seconds: PATIENCE.as_secs(),
            },
            NoAnswer::Gone => self.shards[shard]
                .stopped()
                .unwrap_or(Stopped::Closed)
                .into(),
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some((housekeeper, running)) = self.housekeeper.take() {
            housekeeper.stop();
            running.wake();
            running.join();
        }
        for shard in &self.shards {
            shard.drain();
            // A full inbox empties itself; a shard whose thread is gone needs no telling.
            while shard.over().is_none() && shard.send(Control::Halt).is_err() {
                std::thread::yield_now();
            }
        }
        for shard in &self.shards {
            // A failed shard waits for its end as well.
            let _ = shard.send(Control::Halt);
        }
        for running in self.running.drain(..) {
            running.wake();
            running.join();
        }
    }
}
