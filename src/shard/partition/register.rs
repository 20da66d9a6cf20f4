//! A pool comes in, in parts.

use std::sync::Arc;

use super::{Misfit, Partition, Pool, spread::Spread};
use crate::{
    pool::{Items, Placement, PoolDefinition, home_shard},
    request::PoolId,
    selector::Selector,
    wal::record::PoolPart,
};

/// So many places may be empty however few pools there are. Names scatter pools so evenly over shards
/// that no shard ever has so many more than another.
const EMPTY_PLACES_MAX: usize = 1 << 16;
/// And so many for each pool.
const PLACES_A_POOL_MAX: usize = 4;

impl<S: Selector> Partition<S> {
    /// A pool on all shards may have any place before this one. Without a limit a few bytes of a log
    /// could ask for gigabytes of empty places.
    pub(crate) fn places_max(&self) -> usize {
        let places = EMPTY_PLACES_MAX + PLACES_A_POOL_MAX * self.places.len();
        places.min(PoolId::POOLS_MAX)
    }

    /// Fills up with empty places, as many as are missing before `place`.
    pub(super) fn fill_places(&mut self, place: usize) {
        if self.pools.len() < place {
            self.pools.resize(place, Pool::empty_place());
        }
    }

    pub(super) fn apply_pool(&mut self, part: &PoolPart) -> Result<(), Misfit> {
        let place = part.pool as usize;
        let misfit = |what: &str| Err(Misfit(format!("a part of pool \"{}\" {what}", part.name)));
        if part.items.is_empty() || part.end() > part.items_total as usize {
            return misfit("with no items, or more than the pool has");
        }
        let is_spread = part.placement == Placement::AllShards;
        let is_near = place <= self.pools.len() || is_spread && place < self.places_max();
        if !is_near || place >= PoolId::POOLS_MAX {
            return misfit("for a place beyond the next free one");
        }
        if place < self.pools.len() && self.pools[place].is_registered() {
            return misfit("for a place that is taken");
        }
        let other_place = self.places.get(&part.name).copied();
        if let Some(other) = other_place.filter(|other| *other != part.pool) {
            if part.first_item > 0 || self.pools[other as usize].is_registered() {
                return misfit("that has another place already");
            }
            // Its registration broke off, and another pool has come behind it since.
            self.pools[other as usize] = Pool::empty_place();
            self.places.remove(&part.name);
        }
        if part.first_item == 0 {
            // The first part of a run: what an unfinished run left behind is gone.
            let definition = PoolDefinition {
                name: part.name.clone(),
                on_exhausted: part.on_exhausted,
                placement: part.placement,
                is_open: part.is_open,
                opens_at_ms: part.opens_at_ms,
                closes_at_ms: part.closes_at_ms,
                items: Items::new(),
            };
            let mut pool = Pool::beginning(definition, part.items_total);
            if is_spread {
                pool.spread = Some(Spread {
                    home: home_shard(&part.name, self.shards as usize) as u32,
                    shard: self.shard,
                    shards: self.shards,
                    changes: 0,
                    last_change: Vec::new(),
                });
            }
            // A pool on all shards has the same place on each; where there are fewer pools, some
            // places stay empty.
            self.fill_places(place);
            if let Some(unfinished) = self.pools.get_mut(place) {
                self.places.remove(&unfinished.definition.name);
                *unfinished = pool;
            } else {
                self.pools.push(pool);
            }
            self.places.insert(part.name.clone(), part.pool);
        }
        let Some(pool) = self.pools.get_mut(place) else {
            return misfit("without the parts before it");
        };
        if pool.definition.name != part.name
            || pool.items_total != part.items_total
            || pool.definition.items.len() != part.first_item as usize
        {
            return misfit("that does not continue the part before it");
        }
        let definition = Arc::make_mut(&mut pool.definition);
        for item in &part.items {
            definition.items.push(item);
        }
        if part.end() == part.items_total as usize {
            // What is known already has no mistakes.
            if let Some(known) = self.definitions.find(definition) {
                pool.definition = known;
            } else if let Err(error) = definition.validate() {
                // With all items and no counts it would be neither registered nor unfinished.
                definition.items.truncate(part.first_item as usize);
                return Err(Misfit(error.to_string()));
            } else {
                definition.items.shrink_to_fit();
                pool.share(&self.definitions);
            }
            pool.complete();
            if is_spread {
                self.add_spread_place(part.pool);
            }
        }
        Ok(())
    }
}
