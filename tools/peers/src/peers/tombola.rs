//! Tombola through its library, with the settings that it has by default and one shard.

use std::path::Path;

use tombola::{Client, Engine, Outcome, PoolHandle, Request};

use crate::{
    failure::Failure,
    peer::{Answer, Manner, Peer, Stream, System},
    pool::Pool,
    waiting::Waiting,
};

/// So many requests go into the ring at once.
const BATCH: usize = 256;

struct Library {
    engine: Engine,
    pool: PoolHandle,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let engine = Engine::builder(directory.join("data")).shards(1).open()?;
    let pool = engine.register(pool.definition())?;
    Ok(Box::new(Library { engine, pool }))
}

impl Library {
    fn caller(&self) -> Result<Caller, Failure> {
        Ok(Caller {
            client: self.engine.client()?,
            requests: [Request::from(&self.pool); BATCH],
        })
    }
}

impl System for Library {
    fn connect(&self, _: Manner) -> Result<Box<dyn Peer>, Failure> {
        Ok(Box::new(Waiting(Box::new(self.caller()?))))
    }

    fn stream(&self, _: usize) -> Result<Box<dyn Stream>, Failure> {
        Ok(Box::new(self.caller()?))
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(self.engine.shutdown()?)
    }
}

struct Caller {
    client: Client,
    requests: [Request; BATCH],
}

impl Stream for Caller {
    fn submit(&mut self, count: usize) -> Result<usize, Failure> {
        let mut taken = 0;
        while taken < count {
            let some = &self.requests[..BATCH.min(count - taken)];
            let ids = self.client.submit_batch(some)?;
            taken += ids.count;
            if ids.count < some.len() {
                break;
            }
        }
        Ok(taken)
    }

    fn poll(&mut self, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let mut refusal = None;
        self.client
            .poll_with(|completion| match completion.outcome {
                Outcome::Item(place) => out.push(Some(place)),
                Outcome::Exhausted => out.push(None),
                other => refusal = Some(other),
            })?;
        refusal.map_or(Ok(()), |outcome| {
            Err(Failure::Failed(format!("a draw was refused: {outcome:?}")))
        })
    }
}
