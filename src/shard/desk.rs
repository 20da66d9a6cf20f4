//! A shard's slower work: registrations, reservations, seals, and who waits for which of them to
//! become durable. A bit of it a turn, so that draws go on beside it.

use std::{collections::VecDeque, io, sync::Arc};

use super::partition::Partition;
use crate::{
    error::Error,
    pool::PoolDefinition,
    request::PoolId,
    ring::Reply,
    selector::Selector,
    wal::{
        Wal,
        record::{PoolPart, Record},
    },
};

/// What lies on the desk.
#[derive(Default)]
pub(crate) struct Desk {
    jobs: VecDeque<Job>,
    /// What is in the log, by sequence number, and waits until it is durable.
    pending: VecDeque<(u64, Waiting)>,
    sealing: Option<Sealing>,
}

enum Job {
    Register {
        definition: Arc<PoolDefinition>,
        place: Option<u32>,
        next_item: usize,
        reply: Reply<Result<PoolId, Error>>,
    },
    Reserve {
        upto: u64,
        reply: Reply<()>,
    },
}

enum Waiting {
    Registered(PoolId, Reply<Result<PoolId, Error>>),
    Reserved(Reply<()>),
}

#[derive(Default)]
struct Sealing {
    replies: Vec<Reply<u64>>,
    /// The last sealed segment, once the seal is on its way.
    number: Option<u64>,
}

impl Desk {
    pub(crate) fn register(
        &mut self,
        definition: Arc<PoolDefinition>,
        reply: Reply<Result<PoolId, Error>>,
    ) {
        self.jobs.push_back(Job::Register {
            definition,
            place: None,
            next_item: 0,
            reply,
        });
    }

    pub(crate) fn reserve(&mut self, upto: u64, reply: Reply<()>) {
        self.jobs.push_back(Job::Reserve { upto, reply });
    }

    pub(crate) fn seal(&mut self, reply: Reply<u64>) {
        // A seal that is on its way covers this request as well: nothing was drawn after it.
        self.sealing.get_or_insert_default().replies.push(reply);
    }

    /// While a seal is awaited, nothing new is drawn.
    #[inline]
    pub(crate) fn is_sealing(&self) -> bool {
        self.sealing.is_some()
    }

    /// Whether anything lies here.
    pub(crate) fn is_busy(&self) -> bool {
        !self.jobs.is_empty() || !self.pending.is_empty() || self.sealing.is_some()
    }

    /// Answers whoever waited for this sequence number to be durable.
    pub(crate) fn answer(&mut self, durable_seq: u64) {
        while let Some((_, waiting)) = self.pending.pop_front_if(|(seq, _)| *seq <= durable_seq) {
            match waiting {
                Waiting::Registered(id, reply) => reply.send(Ok(id)),
                Waiting::Reserved(reply) => reply.send(()),
            }
        }
    }

    /// Does the next bit of work; `false` if there was none, or no room for it.
    #[inline]
    pub(crate) fn step<S: Selector>(
        &mut self,
        shard: usize,
        partition: &mut Partition<S>,
        wal: &mut Wal,
    ) -> io::Result<bool> {
        if self.sealing.is_some() {
            return self.step_seal(wal);
        }
        match self.jobs.pop_front() {
            None => Ok(false),
            Some(Job::Reserve { upto, reply }) => {
                let record = Record::RequestsReserved { upto };
                let Some(seq) = wal.append(&record)? else {
                    self.jobs.push_front(Job::Reserve { upto, reply });
                    return Ok(false);
                };
                partition.apply(&record).expect("a reservation always fits");
                self.pending.push_back((seq, Waiting::Reserved(reply)));
                Ok(true)
            }
            Some(Job::Register {
                definition,
                place,
                next_item,
                reply,
            }) => {
                let place = match place.map_or_else(
                    || place_for(shard, partition, &definition),
                    |place| Ok(Place::Free(place)),
                ) {
                    Ok(Place::Free(place)) => place,
                    Ok(Place::Has(place)) => {
                        // The record that made it may still be on its way.
                        self.pending.push_back((
                            wal.next_seq() - 1,
                            Waiting::Registered(PoolId::new(shard, place), reply),
                        ));
                        self.answer(wal.durable_seq());
                        return Ok(true);
                    }
                    Err(error) => {
                        reply.send(Err(error));
                        return Ok(true);
                    }
                };
                let part = PoolPart::of(&definition, place, next_item);
                let next_item = part.end();
                let done = next_item == definition.items.len();
                let record = Record::Pool(part);
                let Some(seq) = wal.append(&record)? else {
                    let Record::Pool(part) = record else {
                        unreachable!("it was made above")
                    };
                    let next_item = part.first_item as usize;
                    self.jobs.push_front(Job::Register {
                        definition,
                        place: Some(place),
                        next_item,
                        reply,
                    });
                    return Ok(false);
                };
                partition
                    .apply(&record)
                    .expect("the definition and its place were checked");
                if done {
                    self.pending
                        .push_back((seq, Waiting::Registered(PoolId::new(shard, place), reply)));
                } else {
                    self.jobs.push_front(Job::Register {
                        definition,
                        place: Some(place),
                        next_item,
                        reply,
                    });
                }
                Ok(true)
            }
        }
    }

    fn step_seal(&mut self, wal: &mut Wal) -> io::Result<bool> {
        let Some(sealing) = &mut self.sealing else {
            return Ok(false);
        };
        if !wal.is_drained() {
            return Ok(false);
        }
        match sealing.number {
            None => {
                sealing.number = wal.seal()?;
                Ok(sealing.number.is_some())
            }
            Some(number) => {
                for reply in self
                    .sealing
                    .take()
                    .into_iter()
                    .flat_map(|sealing| sealing.replies)
                {
                    reply.send(number);
                }
                Ok(true)
            }
        }
    }
}

enum Place {
    Free(u32),
    Has(u32),
}

/// Where a pool is, or would go.
fn place_for<S: Selector>(
    shard: usize,
    partition: &Partition<S>,
    definition: &PoolDefinition,
) -> Result<Place, Error> {
    let pools = partition.pools();
    if let Some(place) = partition.place(&definition.name) {
        let pool = &pools[place as usize];
        if pool.is_open() {
            return match pool.definition().difference(definition) {
                None => Ok(Place::Has(place)),
                Some(difference) => Err(Error::PoolConflict {
                    pool: definition.name.clone(),
                    difference,
                }),
            };
        }
    }
    // Only the last pool can be one whose registration broke off; it is replaced.
    let open = pools
        .iter()
        .rposition(super::partition::Pool::is_open)
        .map_or(0, |last| last + 1);
    if open < PoolId::POOLS_MAX {
        Ok(Place::Free(open as u32))
    } else {
        Err(Error::TooManyPools {
            shard,
            limit: PoolId::POOLS_MAX,
        })
    }
}
