//! A pool comes in, in parts.

use std::sync::Arc;

use super::{Misfit, Partition, Pool};
use crate::{pool::PoolDefinition, request::PoolId, selector::Selector, wal::record::PoolPart};

impl<S: Selector> Partition<S> {
    pub(super) fn apply_pool(&mut self, part: &PoolPart) -> Result<(), Misfit> {
        let place = part.pool as usize;
        let misfit = |what: &str| Err(Misfit(format!("a part of pool \"{}\" {what}", part.name)));
        if part.items.is_empty() || part.end() > part.items_total as usize {
            return misfit("with no items, or more than the pool has");
        }
        if place > self.pools.len() || place >= PoolId::POOLS_MAX {
            return misfit("for a place beyond the next free one");
        }
        if place < self.pools.len() && self.pools[place].is_registered() {
            return misfit("for a place that is taken");
        }
        if self
            .places
            .get(&part.name)
            .is_some_and(|taken| *taken != part.pool)
        {
            return misfit("that has another place already");
        }
        if part.first_item == 0 {
            // The first part of a run: what an unfinished run left behind is gone.
            let definition = PoolDefinition {
                name: part.name.clone(),
                on_exhausted: part.on_exhausted,
                is_open: part.is_open,
                opens_at_ms: part.opens_at_ms,
                closes_at_ms: part.closes_at_ms,
                items: Vec::new(),
            };
            let pool = Pool::beginning(definition, part.items_total);
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
        Arc::make_mut(&mut pool.definition)
            .items
            .extend_from_slice(&part.items);
        if part.end() == part.items_total as usize {
            if let Err(error) = pool.definition.validate() {
                return Err(Misfit(error.to_string()));
            }
            pool.complete();
        }
        Ok(())
    }
}
