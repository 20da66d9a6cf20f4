//! Pools come in and change, while they are drawn from.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, MutexGuard, PoisonError},
};

use super::{Engine, PoolHandle, spread::Unfinished};
use crate::{
    error::Error,
    pool::{ChangeError, Placement, PoolChange, PoolDefinition, PoolError, home_shard},
    request::PoolId,
    shard::{
        control::Control,
        desk::Job,
        partition::{Odds, OddsPart},
    },
};

impl Engine {
    /// Registers a pool, durably. A pool that is registered already, and is now as this definition
    /// says, is returned as it is, whatever is left of its stock and in whatever order its items are.
    ///
    /// # Errors
    /// [`Error::Pool`] for a definition with a mistake, [`Error::PoolConflict`] where the name is
    /// taken by another definition, [`Error::TooManyPools`] and [`Error::PlacesTooUneven`] where there
    /// is no place for it, [`Error::Stopped`] if the pool's shard has stopped.
    pub fn register(
        &self,
        definition: impl Into<Arc<PoolDefinition>>,
    ) -> Result<PoolHandle, Error> {
        let mut definition = definition.into();
        definition.validate()?;
        if let Some(definition) = Arc::get_mut(&mut definition) {
            definition.items.shrink_to_fit();
        }
        let definition = self.definitions.share(&definition);
        let shard = home_shard(&definition.name, self.shards.len());
        // Places are given one at a time: a pool on all shards has the same one everywhere.
        let _editing = self.begin_edit();
        if definition.placement == Placement::AllShards {
            return self.register_everywhere(definition, shard);
        }
        let sent = Arc::clone(&definition);
        let id = self.ask(shard, "register a pool", |reply| {
            Control::Do(Job::Register {
                definition: sent,
                next: None,
                reply,
            })
        })??;
        Ok(self.catalogue.add(id, definition))
    }

    /// Changes a pool, durably, while it is drawn from: a draw sees all of these changes or none,
    /// and so does the log after a crash. Returns the pool as it is then. The shards of a pool on all
    /// of them make the changes one after the other, without waiting for each other: until this
    /// returns, some draw from the pool as it was and others from what it has become.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tombola::{Engine, PoolChange, PoolDefinition};
    ///
    /// let engine = Engine::in_memory().open()?;
    /// let pool = engine.register(PoolDefinition::new("banner").item("gold", 1, 10))?;
    /// engine.edit(
    ///     pool.id(),
    ///     &[
    ///         PoolChange::Restock { item: "gold".into(), units: 5 },
    ///         PoolChange::Weight { item: "gold".into(), weight: 2 },
    ///     ],
    /// )?;
    /// assert_eq!(engine.odds(pool.id())?.items[0].remaining, Some(15));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Change`] for a change that cannot be made, and then none of them is;
    /// [`Error::Stopped`] if the pool's shard, or one of its shards, has stopped, with nothing
    /// changed. [`Error::Unfinished`] where the changes are made and durable on the pool's home
    /// shard and another shard does not answer: they are not to be asked for again.
    pub fn edit(&self, pool: PoolId, changes: &[PoolChange]) -> Result<PoolHandle, Error> {
        let mut unfinished = self.begin_edit();
        let handle = self.pool_by_id(pool).ok_or(ChangeError::UnknownPool)?;
        let (placed, changed) = place(handle.definition(), changes)?;
        if !pool.is_on_all_shards() {
            self.change_part(pool.shard(), pool.index(), &placed)?;
            return Ok(self.catalogue.replace(pool, Arc::new(changed)));
        }
        self.change_at_home(pool, &placed, &mut unfinished)?;
        let changed = self.catalogue.replace(pool, Arc::new(changed));
        self.change_elsewhere(&mut unfinished)?;
        self.make_known(pool.shard(), Some(pool.shard() as u32));
        Ok(changed)
    }

    /// The changes that make a pool that runs into the one that is wanted, for
    /// [`edit`](Self::edit); none if it is so already. Items that are not wanted any more are
    /// retired; a stock means all units that the item ever got. See
    /// [`PoolDefinition::changes_to`].
    ///
    /// # Errors
    /// [`Error::Change`] if there is no pool of this name, [`Error::Unchangeable`] for what no
    /// change can do, [`Error::Pool`] for a definition with a mistake; [`Error::Stopped`] if a shard
    /// of the pool has stopped.
    pub fn changes_to(&self, wanted: &PoolDefinition) -> Result<Vec<PoolChange>, Error> {
        wanted.validate()?;
        let handle = self.pool(&wanted.name).ok_or(ChangeError::UnknownPool)?;
        let odds = self.odds(handle.id())?;
        let in_play: Vec<u32> = odds.items.iter().map(|item| item.place).collect();
        let mut current = PoolDefinition::clone(handle.definition());
        let items = &handle.definition().items;
        let is_in_play = |place: u32| in_play.binary_search(&place).is_ok();
        let retired = (0..).zip(items).filter(|(place, _)| !is_in_play(*place));
        let retired: HashSet<&str> = retired.map(|(_, item)| item.id).collect();
        if !retired.is_empty() {
            let kept = in_play.iter().map(|place| items.at(*place as usize));
            current.items = kept.collect();
        }
        Ok(current.changes_to(wanted, &retired)?)
    }

    /// How likely every item of a pool is at this moment. It is worked out on the shard's thread, in
    /// time proportional to the number of items.
    ///
    /// # Errors
    /// [`Error::Change`] if there is no such pool; [`Error::Stopped`] if its shard has stopped.
    pub fn odds(&self, pool: PoolId) -> Result<Odds, Error> {
        if pool.shard() >= self.shards.len() {
            return Err(ChangeError::UnknownPool.into());
        }
        let home = self.odds_on(pool.shard(), pool.index())?;
        let others = (0..self.shards.len())
            .filter(|shard| pool.is_on_all_shards() && *shard != pool.shard())
            .map(|shard| self.odds_on(shard, pool.index()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(home.whole(others.into_iter()))
    }

    fn odds_on(&self, shard: usize, pool: u32) -> Result<OddsPart, Error> {
        let odds = self.ask(shard, "tell the odds", |reply| Control::Odds {
            pool,
            reply,
        })?;
        odds.ok_or_else(|| ChangeError::UnknownPool.into())
    }

    /// One edit at a time, so that the places of pools and items are known. Draws never come here.
    pub(super) fn begin_edit(&self) -> MutexGuard<'_, Option<Unfinished>> {
        self.editing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The changes with items named by their places, and the definition that has them made.
fn place(
    definition: &PoolDefinition,
    changes: &[PoolChange],
) -> Result<(Vec<PoolChange<u32>>, PoolDefinition), ChangeError> {
    let mut changed = definition.clone();
    let items = &mut changed.items;
    let mut places = places_of(definition, changes);
    let mut placed = Vec::with_capacity(changes.len());
    for change in changes {
        let pool = || definition.name.clone();
        if let PoolChange::Add { item } = change {
            if places.insert(&item.id, items.len() as u32).is_some() {
                return Err(PoolError::DuplicateItem {
                    pool: pool(),
                    item: item.id.clone(),
                }
                .into());
            }
            items.push(item);
        }
        let change = change.clone().try_map(|id| {
            let place = places.get(&*id).copied();
            place.ok_or_else(|| ChangeError::UnknownItem {
                pool: pool(),
                item: id,
            })
        })?;
        match &change {
            PoolChange::Restock { item, units } => {
                let stock = items.at(*item as usize).stock;
                let stock = stock.map(|stock| stock.saturating_add(*units));
                items.set_stock(*item as usize, stock);
            }
            PoolChange::Weight { item, weight } => items.set_weight(*item as usize, *weight),
            PoolChange::Retire { item } => items.set_weight(*item as usize, 0),
            PoolChange::Add { .. } => {}
            PoolChange::Open => changed.is_open = true,
            PoolChange::Close => changed.is_open = false,
            PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            } => {
                changed.opens_at_ms = *opens_at_ms;
                changed.closes_at_ms = *closes_at_ms;
            }
        }
        placed.push(change);
    }
    Ok((placed, changed))
}

/// Where the items stand that changes name, as far as the pool has them.
fn places_of<'a>(definition: &PoolDefinition, changes: &'a [PoolChange]) -> HashMap<&'a str, u32> {
    let named: HashSet<&str> = changes.iter().filter_map(named).collect();
    if named.is_empty() {
        return HashMap::new();
    }
    (0..)
        .zip(&definition.items)
        .filter_map(|(place, item)| Some((*named.get(item.id)?, place)))
        .collect()
}

fn named(change: &PoolChange) -> Option<&str> {
    match change {
        PoolChange::Restock { item, .. }
        | PoolChange::Weight { item, .. }
        | PoolChange::Retire { item } => Some(item),
        PoolChange::Add { item } => Some(&item.id),
        PoolChange::Open | PoolChange::Close | PoolChange::Window { .. } => None,
    }
}
