//! What pools and items are called, which the records name by their places.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use serde::Serialize;
use tombola::{
    PoolChange,
    recovery::Examination,
    wal::record::{ChangedPart, NO_PRIZE, PoolPart, Record},
};

/// What a pool or an item is called; its place, where the name is not known.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Name<'a> {
    Known(&'a str),
    Place(u32),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => write!(f, "\"{name}\""),
            Self::Place(place) => write!(f, "#{place}"),
        }
    }
}

/// What the pools of each shard, and their items, are called.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pools: HashMap<(usize, u32), PoolNames>,
    /// For each shard the first record that is newer than what was examined.
    newer_from: Vec<u64>,
}

#[derive(Debug, Default)]
struct PoolNames {
    name: String,
    items: Vec<String>,
    /// Those that a change adds whose last part has not come yet.
    adding: Vec<String>,
}

impl Names {
    /// The names of all pools.
    pub(crate) fn of(examination: &Examination) -> Self {
        let mut names = Self::default();
        for shard in &examination.shards {
            names.newer_from.push(shard.next_seq);
            for (place, pool) in (0..).zip(shard.partition.pools()) {
                let pool = PoolNames {
                    name: pool.definition().name.clone(),
                    items: pool.items().map(|item| item.id.to_owned()).collect(),
                    adding: Vec::new(),
                };
                names.pools.insert((shard.shard, place), pool);
            }
        }
        names
    }

    /// Learns from a record that is newer than what was examined.
    pub(crate) fn learn(&mut self, shard: usize, seq: u64, record: &Record) {
        let is_newer = self.newer_from.get(shard).is_none_or(|from| seq >= *from);
        match record {
            Record::Pool(part) if is_newer => self.registered(shard, part),
            Record::Changed(part) => self.changed(shard, part, is_newer),
            _ => {}
        }
    }

    /// Parts come in order, and one that begins anew takes the place of what was there.
    fn registered(&mut self, shard: usize, part: &PoolPart) {
        let pool = match self.pools.entry((shard, part.pool)) {
            Entry::Occupied(pool) => pool.into_mut(),
            Entry::Vacant(place) => place.insert(PoolNames::default()),
        };
        pool.name.clone_from(&part.name);
        pool.items.truncate(part.first_item as usize);
        let ids = part.items.iter().map(|item| item.id.clone());
        pool.items.extend(ids);
    }

    fn changed(&mut self, shard: usize, part: &ChangedPart, is_newer: bool) {
        let Some(pool) = self.pools.get_mut(&(shard, part.pool)) else {
            return;
        };
        if part.is_first {
            pool.adding.clear();
        }
        let added = part.changes.iter().filter_map(|change| match change {
            PoolChange::Add { item } => Some(item.id.clone()),
            _ => None,
        });
        pool.adding.extend(added);
        if part.is_last {
            let added = std::mem::take(&mut pool.adding);
            if is_newer {
                pool.items.extend(added);
            }
        }
    }

    pub(super) fn pool(&self, shard: usize, place: u32) -> Name<'_> {
        let known = self.pools.get(&(shard, place));
        known.map_or(Name::Place(place), |pool| Name::Known(&pool.name))
    }

    pub(super) fn item(&self, shard: usize, pool: u32, place: u32) -> Name<'_> {
        let known = self.pools.get(&(shard, pool));
        let id = known.and_then(|pool| pool.items.get(place as usize));
        id.map_or(Name::Place(place), |id| Name::Known(id))
    }

    /// What was drawn, `None` for no prize.
    pub(super) fn drawn(&self, shard: usize, pool: u32, item: u32) -> Option<Name<'_>> {
        (item != NO_PRIZE).then(|| self.item(shard, pool, item))
    }
}
