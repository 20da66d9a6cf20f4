//! Pools that live on all shards, as the engine sees them: their parts put together.

use std::sync::Arc;

use super::{Engine, PoolHandle};
use crate::{
    error::Error,
    pool::{PoolChange, PoolDefinition},
    request::PoolId,
    shard::{
        control::{Control, Standpoint},
        desk::Job,
        partition::{CountsOnly, Partition, Pool},
    },
};

/// What a shard has to know of the others when it starts.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// By the other shard: the last transfer that it has got from this one.
    pub(super) received: Vec<u64>,
    /// Items that no shard has any more, as pool and item.
    pub(super) gone: Vec<(u32, u32)>,
}

/// How the shards stand to each other after recovery.
pub(super) fn standings<'a>(
    partitions: impl Iterator<Item = &'a Partition<CountsOnly>>,
) -> Vec<Standing> {
    let partitions: Vec<_> = partitions.collect();
    let mut gone = Vec::new();
    for (place, parts) in spread_parts(&partitions) {
        let Some(whole) = Pool::merged(&parts) else {
            continue;
        };
        let items = (0..).zip(whole.items());
        let sold_out = items.filter(|(_, item)| item.remaining == Some(0));
        gone.extend(sold_out.map(|(item, _)| (place, item)));
    }
    let received = |shard: usize| {
        let from = |peer: &&Partition<CountsOnly>| {
            let exchanged = peer.exchanged(shard as u32);
            exchanged.map_or(0, |exchanged| exchanged.received)
        };
        partitions.iter().map(from).collect()
    };
    (0..partitions.len())
        .map(|shard| Standing {
            received: received(shard),
            gone: gone.clone(),
        })
        .collect()
}

/// The parts of every pool that lives on all shards and is registered on each of them.
fn spread_parts<'a>(
    partitions: &[&'a Partition<CountsOnly>],
) -> Vec<(u32, Vec<&'a Pool<CountsOnly>>)> {
    let places = partitions.iter().map(|partition| partition.pools().len());
    (0..places.min().unwrap_or(0))
        .filter_map(|place| {
            let parts = partitions.iter().map(|partition| &partition.pools()[place]);
            let parts: Vec<_> = parts.collect();
            let whole = |pool: &&Pool<CountsOnly>| pool.spread().is_some() && pool.is_registered();
            parts.iter().all(whole).then_some((place as u32, parts))
        })
        .collect()
}

/// The pools that live on all shards, with their ids.
pub(super) fn whole_pools(
    partitions: &[&Partition<CountsOnly>],
) -> Vec<(PoolId, Arc<PoolDefinition>)> {
    let whole = |(place, parts): (u32, Vec<&Pool<CountsOnly>>)| {
        let home = parts.first()?.spread()?.home as usize;
        let definition = Pool::merged(&parts)?.described();
        Some((PoolId::on_all_shards(home, place), definition))
    };
    spread_parts(partitions)
        .into_iter()
        .filter_map(whole)
        .collect()
}

/// Pools that some shards have and others have not, because the engine ended while they were
/// registered: what is missing where.
pub(super) fn missed_registrations(
    partitions: &[&Partition<CountsOnly>],
) -> Vec<(usize, u32, Arc<PoolDefinition>)> {
    let mut missed = Vec::new();
    for (shard, partition) in partitions.iter().enumerate() {
        for (place, pool) in (0..).zip(partition.pools()) {
            if pool.spread().is_none() || !pool.is_registered() {
                continue;
            }
            let has = |other: &Partition<CountsOnly>| {
                let pool = other.pools().get(place as usize);
                pool.is_some_and(Pool::is_registered)
            };
            // The first one that has it speaks for all.
            if partitions[..shard].iter().any(|other| has(other)) {
                continue;
            }
            let without = (0..partitions.len()).filter(|other| !has(partitions[*other]));
            missed.extend(without.map(|other| (other, place, Arc::clone(pool.definition()))));
        }
    }
    missed
}

/// Changes that a home shard has made and others have missed, because the engine ended in between.
pub(super) fn missed_changes(
    partitions: &[&Partition<CountsOnly>],
) -> Vec<(usize, u32, Vec<PoolChange<u32>>)> {
    let mut missed = Vec::new();
    for (place, parts) in spread_parts(partitions) {
        let spreads: Vec<_> = parts.iter().filter_map(|part| part.spread()).collect();
        let Some(home) = spreads.iter().find(|spread| spread.home == spread.shard) else {
            continue;
        };
        for behind in spreads
            .iter()
            .filter(|spread| spread.changes < home.changes)
        {
            let changes = part_of_changes(&home.last_change);
            missed.push((behind.shard as usize, place, changes));
        }
    }
    missed
}

/// What a change means for a shard that is not the pool's home: what comes in, comes in there.
fn part_of_changes(changes: &[PoolChange<u32>]) -> Vec<PoolChange<u32>> {
    let mut changes = changes.to_vec();
    for change in &mut changes {
        match change {
            PoolChange::Restock { units, .. } => *units = 0,
            PoolChange::Add { item } => item.stock = item.stock.map(|_| 0),
            _ => {}
        }
    }
    changes
}

impl Engine {
    /// Registers a pool on every shard, at the same place.
    pub(super) fn register_everywhere(
        &self,
        definition: Arc<PoolDefinition>,
        home: usize,
    ) -> Result<PoolHandle, Error> {
        let _editing = self.begin_edit();
        let shards = 0..self.shards.len();
        let standpoints: Vec<Standpoint> = shards
            .clone()
            .map(|shard| {
                let name = definition.name.clone();
                self.ask(shard, "look for a pool", |reply| Control::Look {
                    name,
                    reply,
                })
            })
            .collect::<Result<_, _>>()?;
        let known: Vec<_> = standpoints
            .iter()
            .filter_map(|found| found.pool.as_ref())
            .collect();
        if let Some((_, current)) = known.first()
            && let Some(difference) =
                whole_of(known.iter().map(|(_, pool)| pool), current).difference(&definition)
            && known.len() == standpoints.len()
        {
            return Err(Error::PoolConflict {
                pool: definition.name.clone(),
                difference,
            });
        }
        let free = standpoints.iter().map(|found| found.free_place).max();
        let place = known.first().map_or(free.unwrap_or(0), |(place, _)| *place);
        for shard in shards {
            self.register_part(shard, place, Arc::clone(&definition))?;
        }
        let id = PoolId::on_all_shards(home, place);
        Ok(self.catalogue.add(id, definition))
    }

    /// Registers a pool at a given place on one shard, unless it is there.
    pub(super) fn register_part(
        &self,
        shard: usize,
        place: u32,
        definition: Arc<PoolDefinition>,
    ) -> Result<(), Error> {
        self.ask(shard, "register a pool", |reply| {
            Control::Do(Job::Register {
                definition,
                next: Some((place, 0)),
                reply,
            })
        })??;
        Ok(())
    }

    /// Changes a pool on every shard, its home first: what it has done, the others do when the
    /// engine is opened again, should it end in between.
    pub(super) fn change_everywhere(
        &self,
        pool: PoolId,
        changes: &[PoolChange<u32>],
    ) -> Result<(), Error> {
        let (home, place) = (pool.shard(), pool.index());
        let mut others = (0..self.shards.len()).filter(|shard| *shard != home);
        // The home shard keeps its last change for who has missed it, and no more: so nobody may
        // still have the one before to make.
        let ready = |shard| self.change_part(shard, place, &[]);
        others.clone().try_for_each(ready)?;
        self.change_part(home, place, changes)?;
        let part = part_of_changes(changes);
        others.try_for_each(|shard| self.change_part(shard, place, &part))?;
        self.make_known(home, Some(home as u32));
        Ok(())
    }

    /// Waits until every shard knows what `shard` has done to a pool on all shards with this home.
    /// Who does not answer has stopped or is very slow; what was done is done all the same.
    pub(super) fn make_known(&self, shard: usize, home: Option<u32>) {
        let Some(home) = home.map(|home| home as usize) else {
            return;
        };
        let fence = |shard| self.send(shard, |reply| Control::Fence { reply });
        let pass = |shard, answer| self.wait(shard, "hear from the others", answer);
        let away = Some(shard).filter(|shard| *shard != home);
        for shard in away.into_iter().chain([home]) {
            let _ = fence(shard).and_then(|answer| pass(shard, answer));
        }
        let others = (0..self.shards.len()).filter(|other| *other != home);
        let waiting: Vec<_> = others.map(|shard| (shard, fence(shard))).collect();
        for (shard, answer) in waiting {
            let _ = answer.and_then(|answer| pass(shard, answer));
        }
    }

    pub(super) fn change_part(
        &self,
        shard: usize,
        pool: u32,
        changes: &[PoolChange<u32>],
    ) -> Result<(), Error> {
        let changes = changes.into();
        Ok(self.ask(shard, "change a pool", |reply| {
            Control::Do(Job::Change {
                pool,
                changes,
                next: 0,
                reply,
            })
        })??)
    }
}

/// A pool as all its parts together define it.
fn whole_of<'a>(
    parts: impl Iterator<Item = &'a PoolDefinition>,
    like: &PoolDefinition,
) -> PoolDefinition {
    let mut whole = like.clone();
    for item in &mut whole.items {
        item.stock = item.stock.map(|_| 0);
    }
    for part in parts {
        for (item, more) in whole.items.iter_mut().zip(&part.items) {
            item.stock = item.stock.zip(more.stock).map(|(stock, more)| stock + more);
        }
    }
    whole
}
