//! What an engine asks of a shard that ends as a record.

use std::{io, sync::Arc};

use super::{
    super::{
        control::{Known, Standpoint},
        partition::{Found, Partition, Pool},
    },
    Pending,
};
use crate::{
    error::Error,
    machine::Clock,
    pool::{ChangeError, PoolChange, PoolDefinition},
    request::PoolId,
    ring::Reply,
    selector::Selector,
    wal::{
        Wal,
        record::{
            ChangedPart, PoolPart, Record, Remember, SettledRecord, Settlement, VoidedRecord,
        },
    },
};

/// A piece of slower work. Every one of them is answered when what it did is durable.
#[derive(Debug)]
pub(crate) enum Job {
    /// Register a pool.
    Register {
        definition: Arc<PoolDefinition>,
        /// Where it goes and which item comes next, once that is known.
        next: Option<(u32, usize)>,
        reply: Reply<Result<PoolId, Error>>,
    },
    /// Make changes to a pool, all of them at once.
    Change {
        pool: u32,
        changes: Arc<[PoolChange<u32>]>,
        next: usize,
        /// Answered with how often the pool was changed here, if it lives on all shards.
        reply: Reply<Result<u64, ChangeError>>,
    },
    /// End a hold; if there is none, tell what is known of the request.
    Settle {
        settled: SettledRecord,
        reply: Reply<Result<Done, Found>>,
    },
    /// Take back what a request was handed out; if it cannot be, tell what is known of it.
    Void {
        voided: VoidedRecord,
        reply: Reply<Result<Done, Found>>,
    },
    /// Remember so much from here on.
    Remember {
        remember: Remember,
        reply: Reply<()>,
    },
    /// Record that request ids below `upto` may be handed out.
    Reserve { upto: u64, reply: Reply<()> },
}

/// A request was settled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// The home shard of its pool, if that lives on all shards.
    pub(crate) home: Option<u32>,
}

/// How far a step brought a job.
pub(super) enum Step {
    Done,
    Again(Job),
    NoRoom(Job),
}

/// What a job works on.
pub(super) struct Work<'a, S> {
    pub(super) shard: usize,
    pub(super) partition: &'a mut Partition<S>,
    pub(super) wal: &'a mut Wal,
    pub(super) clock: &'a Clock,
    pub(super) pending: &'a mut Pending,
}

impl<S: Selector> Work<'_, S> {
    /// Appends a record that is known to fit, and applies it; `false` while there is no room.
    fn write(&mut self, record: &Record) -> io::Result<bool> {
        let Some(seq) = self.wal.append(record)? else {
            return Ok(false);
        };
        self.partition
            .apply(seq, record)
            .expect("it was checked before it was written");
        Ok(true)
    }

    /// Answers when everything that was written so far is durable.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, value: T) {
        let answer = move || reply.send(value);
        self.pending
            .push_back((self.wal.next_seq() - 1, Box::new(answer)));
    }
}

impl Job {
    pub(super) fn step<S: Selector>(self, work: &mut Work<'_, S>) -> io::Result<Step> {
        match self {
            Self::Register {
                definition,
                next,
                reply,
            } => register(work, definition, next, reply),
            Self::Change {
                pool,
                changes,
                next,
                reply,
            } => change(work, pool, changes, next, reply),
            Self::Settle { settled, reply } => {
                let Some(ends) = work.partition.settlement(settled, work.clock) else {
                    let found = work.partition.find(settled.request);
                    work.answer(reply, Err(found));
                    return Ok(Step::Done);
                };
                let home = work.partition.home_of_hold(settled.request);
                if !work.write(&Record::Settled(ends))? {
                    return Ok(Step::NoRoom(Self::Settle { settled, reply }));
                }
                let is_as_asked = ends.how == settled.how;
                let done = is_as_asked.then_some(Done { home });
                let done = done.ok_or(Found::Settled(ends.how));
                work.answer(reply, done);
                Ok(Step::Done)
            }
            Self::Void { voided, reply } => {
                if work.partition.check_voided(&voided).is_err() {
                    let found = work.partition.find(voided.request);
                    work.answer(reply, Err(found));
                    return Ok(Step::Done);
                }
                let home = work.partition.home(voided.pool);
                let record = Record::Voided(voided);
                if work.write(&record)? {
                    work.answer(reply, Ok(Done { home }));
                    return Ok(Step::Done);
                }
                let Record::Voided(voided) = record else {
                    unreachable!("it was made above")
                };
                Ok(Step::NoRoom(Self::Void { voided, reply }))
            }
            Self::Remember { remember, reply } => {
                if work.partition.remember() == remember
                    || work.write(&Record::Remember(remember))?
                {
                    work.answer(reply, ());
                    Ok(Step::Done)
                } else {
                    Ok(Step::NoRoom(Self::Remember { remember, reply }))
                }
            }
            Self::Reserve { upto, reply } => {
                if work.write(&Record::RequestsReserved { upto })? {
                    work.answer(reply, ());
                    Ok(Step::Done)
                } else {
                    Ok(Step::NoRoom(Self::Reserve { upto, reply }))
                }
            }
        }
    }

    /// Ends a hold.
    pub(crate) fn settle(request: u64, how: Settlement, reply: Reply<Result<Done, Found>>) -> Self {
        let settled = SettledRecord { request, how };
        Self::Settle { settled, reply }
    }
}

fn change<S: Selector>(
    work: &mut Work<'_, S>,
    pool: u32,
    changes: Arc<[PoolChange<u32>]>,
    next: usize,
    reply: Reply<Result<u64, ChangeError>>,
) -> io::Result<Step> {
    if next == 0
        && let Err(error) = work.partition.check_changes(pool, &changes)
    {
        reply.send(Err(error));
        return Ok(Step::Done);
    }
    if changes.is_empty() {
        work.answer(reply, Ok(work.partition.changes(pool)));
        return Ok(Step::Done);
    }
    let part = ChangedPart::of(&changes, pool, next);
    let (parts_end, is_last) = (next + part.changes.len(), part.is_last);
    let wrote = work.write(&Record::Changed(part))?;
    if wrote && is_last {
        work.answer(reply, Ok(work.partition.changes(pool)));
        return Ok(Step::Done);
    }
    let next = if wrote { parts_end } else { next };
    let job = Job::Change {
        pool,
        changes,
        next,
        reply,
    };
    Ok(if wrote {
        Step::Again(job)
    } else {
        Step::NoRoom(job)
    })
}

fn register<S: Selector>(
    work: &mut Work<'_, S>,
    definition: Arc<PoolDefinition>,
    next: Option<(u32, usize)>,
    reply: Reply<Result<PoolId, Error>>,
) -> io::Result<Step> {
    let found = match next {
        // On all shards: this one may have it already.
        Some((place, 0)) => same_place(work.shard, work.partition, place, &definition),
        Some((place, item)) => Ok(Place::Free(place, item)),
        None => place_for(work.shard, work.partition, &definition),
    };
    let (place, item) = match found {
        Ok(Place::Free(place, item)) => (place, item),
        Ok(Place::Has(place)) => {
            // The record that made it may still be on its way.
            work.answer(reply, Ok(PoolId::new(work.shard, place)));
            return Ok(Step::Done);
        }
        Err(error) => {
            reply.send(Err(error));
            return Ok(Step::Done);
        }
    };
    let part = PoolPart::of(&definition, place, item);
    let end = part.end();
    let is_last = end == definition.items.len();
    let wrote = work.write(&Record::Pool(part))?;
    if wrote && is_last {
        work.answer(reply, Ok(PoolId::new(work.shard, place)));
        return Ok(Step::Done);
    }
    let job = Job::Register {
        definition,
        next: Some((place, if wrote { end } else { item })),
        reply,
    };
    Ok(if wrote {
        Step::Again(job)
    } else {
        Step::NoRoom(job)
    })
}

fn is_registered<S: Selector>(partition: &Partition<S>, place: u32) -> bool {
    let pool = partition.pools().get(place as usize);
    pool.is_some_and(Pool::is_registered)
}

/// Where the next pool goes. Only the last pool can be one whose registration broke off; it is
/// replaced.
fn free_place<S: Selector>(partition: &Partition<S>) -> u32 {
    let taken = partition.pools().iter().rposition(Pool::is_registered);
    taken.map_or(0, |last| last as u32 + 1)
}

/// What is known of the pool of this name.
pub(crate) fn standpoint<S: Selector>(partition: &Partition<S>, name: &str) -> Standpoint {
    let place = partition.place(name);
    let place = place.filter(|place| is_registered(partition, *place));
    let known = |place: u32| {
        let pool = &partition.pools()[place as usize];
        Known {
            place,
            registered: Arc::clone(pool.definition()),
            current: pool.current(),
        }
    };
    Standpoint {
        pool: place.map(known),
        free_place: free_place(partition),
        places_max: partition.places_max(),
    }
}

/// Where a part of a pool on all shards goes: the place was chosen when all shards had it free, or by a
/// registration that broke off.
fn same_place<S: Selector>(
    shard: usize,
    partition: &Partition<S>,
    place: u32,
    definition: &PoolDefinition,
) -> Result<Place, Error> {
    let at = place as usize;
    if at > partition.pools().len() && at >= partition.places_max() {
        return Err(Error::PlacesTooUneven {
            shard,
            place: at,
            limit: partition.places_max(),
        });
    }
    let taken = partition.pools().get(at);
    match taken.filter(|pool| pool.is_registered()) {
        None => Ok(Place::Free(place, 0)),
        Some(pool) if pool.spread().is_some() && pool.definition().name == definition.name => {
            Ok(Place::Has(place))
        }
        Some(pool) => Err(Error::PoolConflict {
            pool: definition.name.clone(),
            difference: format!(
                "its place {place} is taken by pool \"{}\"",
                pool.definition().name
            ),
        }),
    }
}

enum Place {
    Free(u32, usize),
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
        if pool.is_registered() {
            return match pool.current().difference(definition) {
                None => Ok(Place::Has(place)),
                Some(difference) => Err(Error::PoolConflict {
                    pool: definition.name.clone(),
                    difference,
                }),
            };
        }
    }
    let free = free_place(partition);
    if (free as usize) < PoolId::POOLS_MAX {
        Ok(Place::Free(free, 0))
    } else {
        Err(Error::TooManyPools {
            shard,
            limit: PoolId::POOLS_MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::partition::CountsOnly;

    #[test]
    fn a_place_that_is_too_far_away_is_refused_before_it_is_written() {
        let partition = Partition::<CountsOnly>::default().on_shard(1, 2);
        let pool = PoolDefinition::new("everywhere").unlimited("a", 1);
        let most = partition.places_max();
        let place = |place: usize| same_place(1, &partition, place as u32, &pool);
        assert!(matches!(place(most - 1), Ok(Place::Free(..))));
        assert!(matches!(
            place(most),
            Err(Error::PlacesTooUneven { shard: 1, place, limit }) if place == most && limit == most
        ));
    }
}
