//! Pools that live on all shards, as the engine sees them: their parts put together.

use std::sync::Arc;

use super::{Engine, PoolHandle};
use crate::{
    error::Error,
    pool::{Placement, PoolChange, PoolDefinition},
    request::PoolId,
    shard::{
        control::{Control, Known, Standpoint},
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

/// A change that a pool's home shard has made, and not all others.
#[derive(Debug)]
pub(super) struct Unfinished {
    pool: PoolId,
    /// What it means for those.
    changes: Vec<PoolChange<u32>>,
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
            let name = &parts[0].definition().name;
            let whole = |pool: &&Pool<CountsOnly>| {
                let is_part = pool.spread().is_some() && pool.is_registered();
                is_part && pool.definition().name == *name
            };
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
            let name = &pool.definition().name;
            let has = |other: &Partition<CountsOnly>| {
                let there = other.pools().get(place as usize);
                let there = there.filter(|there| there.is_registered());
                there.is_some_and(|there| there.definition().name == *name)
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
        let known = standpoints.iter().filter_map(|found| found.pool.as_ref());
        let known: Vec<_> = known.collect();
        if let Some(difference) = difference(&known, standpoints.len(), &definition) {
            return Err(Error::PoolConflict {
                pool: definition.name.clone(),
                difference,
            });
        }
        let free = standpoints.iter().map(|found| found.free_place).max();
        let place = known.first().map_or(free.unwrap_or(0), |pool| pool.place);
        let may_have_it =
            |found: &Standpoint| found.free_place >= place || (place as usize) < found.places_max;
        if let Some(shard) = standpoints.iter().position(|found| !may_have_it(found)) {
            return Err(Error::PlacesTooUneven {
                shard,
                place: place as usize,
                limit: standpoints[shard].places_max,
            });
        }
        if place as usize >= PoolId::POOLS_MAX {
            let (shard, limit) = (home, PoolId::POOLS_MAX);
            return Err(Error::TooManyPools { shard, limit });
        }
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

    /// Changes a pool on its home shard, durably. What that has done, the others do in
    /// [`change_elsewhere`](Self::change_elsewhere), or when the engine is opened again.
    pub(super) fn change_at_home(
        &self,
        pool: PoolId,
        changes: &[PoolChange<u32>],
        unfinished: &mut Option<Unfinished>,
    ) -> Result<(), Error> {
        // The home shard keeps its last change for who has missed it, and no more: so nobody may
        // still have the one before to make, or be unable to make this one.
        self.change_elsewhere(unfinished)
            .map_err(|error| match error {
                Error::Unfinished { source, .. } => *source,
                error => error,
            })?;
        for shard in 0..self.shards.len() {
            self.change_part(shard, pool.index(), &[])?;
        }
        let home = pool.shard();
        let changed = self.change_part(home, pool.index(), changes);
        let is_refused = matches!(changed, Err(Error::Change(_) | Error::Busy));
        if !changes.is_empty() && !is_refused {
            // It may have been made also where the home shard did not answer.
            *unfinished = Some(Unfinished {
                pool,
                changes: part_of_changes(changes),
            });
        }
        changed.map(drop)
    }

    /// Makes what of the last change is still to be made on shards that are not the pool's home.
    pub(super) fn change_elsewhere(&self, last: &mut Option<Unfinished>) -> Result<(), Error> {
        let Some(unfinished) = &*last else {
            return Ok(());
        };
        let (home, place) = (unfinished.pool.shard(), unfinished.pool.index());
        let made = self.change_part(home, place, &[])?;
        for shard in (0..self.shards.len()).filter(|shard| *shard != home) {
            let change = || {
                // What was asked before may have been made since.
                if self.change_part(shard, place, &[])? < made {
                    self.change_part(shard, place, &unfinished.changes)?;
                }
                Ok(())
            };
            change().map_err(|source: Error| Error::Unfinished {
                pool: place,
                shard,
                source: Box::new(source),
            })?;
        }
        *last = None;
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

    /// Changes a pool on one shard, durably; returns how often it was changed there, if it lives on
    /// all shards.
    pub(super) fn change_part(
        &self,
        shard: usize,
        pool: u32,
        changes: &[PoolChange<u32>],
    ) -> Result<u64, Error> {
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

/// In what the parts of a pool that are registered differ from a definition. A registration that
/// broke off has left it to some of the shards only, and then nothing was changed since.
fn difference(known: &[&Known], shards: usize, wanted: &PoolDefinition) -> Option<String> {
    let first = known.first()?;
    if first.current.placement != Placement::AllShards {
        return first.current.difference(wanted);
    }
    if known.len() < shards {
        let differs = |pool: &&Known| pool.registered.difference(wanted);
        return known.iter().find_map(differs);
    }
    whole_of(known.iter().map(|pool| &pool.current), &first.current).difference(wanted)
}

/// A pool as all its parts together define it.
fn whole_of<'a>(
    parts: impl Iterator<Item = &'a PoolDefinition>,
    like: &PoolDefinition,
) -> PoolDefinition {
    let parts: Vec<_> = parts.collect();
    let mut whole = like.clone();
    for place in 0..whole.items.len() {
        let items = parts.iter().filter_map(|part| part.items.get(place));
        whole
            .items
            .set_stock(place, items.map(|item| item.stock).sum());
    }
    whole
}
