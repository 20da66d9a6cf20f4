//! A partition as bytes, for snapshots, and its checks when it comes back.

use std::{collections::BTreeMap, sync::Arc};

use bincode::{Decode, Encode, enc::Encoder, error::EncodeError};

use super::{
    CountsOnly, ItemState, Misfit, Partition, Pool,
    change::Changing,
    draws::prizes,
    holds::Hold,
    keys::KeysBack,
    pool::{Extra, Gate, UNLIMITED},
    spread::{Exchanged, Exchanges, Spread, Stirred},
};
use crate::{
    pool::{Items, Numbers, PoolDefinition},
    request::PoolId,
    wal::{
        format,
        record::{Remember, Settlement},
        segment::SEQ_MAX,
    },
};

/// An item's units as they stand in a snapshot.
#[derive(Encode, Decode)]
struct Count {
    /// [`UNLIMITED`] of an item that never runs out.
    remaining: u64,
    drawn: u64,
}

/// The counts of all items of a pool, as a list.
struct Counts<'a>(&'a Pool<CountsOnly>);

impl Encode for Counts<'_> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let Self(pool) = self;
        (pool.remaining.len() as u64).encode(encoder)?;
        pool.items().try_for_each(|item| {
            let count = Count {
                remaining: item.remaining.unwrap_or(UNLIMITED),
                drawn: item.drawn,
            };
            count.encode(encoder)
        })
    }
}

#[derive(Encode)]
struct PoolImage<'a> {
    definition: &'a PoolDefinition,
    items_total: u32,
    added: &'a Items,
    gate: Gate,
    weights: &'a Numbers,
    counts: Counts<'a>,
    extras: &'a BTreeMap<u32, Extra>,
    spread: &'a Option<Spread>,
    gone: &'a [bool],
    no_prizes: u64,
}

#[derive(Decode)]
struct PoolBack {
    definition: PoolDefinition,
    items_total: u32,
    added: Items,
    gate: Gate,
    weights: Numbers,
    counts: Vec<Count>,
    extras: BTreeMap<u32, Extra>,
    spread: Option<Spread>,
    gone: Vec<bool>,
    no_prizes: u64,
}

/// What a snapshot holds, read back but not yet checked.
#[derive(Decode)]
pub(crate) struct PartitionBack {
    requests_upto: u64,
    latest_ms: u64,
    remember: Remember,
    changing: Option<Changing>,
    keys: KeysBack,
    holds: BTreeMap<u64, Hold>,
    settled: (u64, Vec<(u64, Settlement)>),
    exchanges: Exchanges,
    pools: Vec<PoolBack>,
}

impl Partition<CountsOnly> {
    /// What a snapshot holds; [`PartitionBack`] is its counterpart.
    pub(crate) fn image(&self) -> impl Encode + '_ {
        let pools: Vec<_> = self
            .pools
            .iter()
            .map(|pool| PoolImage {
                definition: &pool.definition,
                items_total: pool.items_total,
                added: &pool.added,
                gate: pool.gate,
                weights: &pool.weights,
                counts: Counts(pool),
                extras: &pool.extras,
                spread: &pool.spread,
                gone: &pool.gone,
                no_prizes: pool.no_prizes,
            })
            .collect();
        (
            self.requests_upto,
            self.latest_ms,
            self.remember,
            &self.changing,
            self.keys.image(),
            self.holds.image(),
            self.settled.image(),
            &self.exchanges,
            pools,
        )
    }

    /// Whether a snapshot of this state leads to this state.
    ///
    /// # Errors
    /// Says why not.
    pub(crate) fn reads_back(&self) -> Result<(), Misfit> {
        let back = format::bounded_decode::<PartitionBack>(&format::encode_to_vec(&self.image()));
        let back = back.map_err(|error| Misfit(error.to_string()))?;
        let back = Self::try_from(back)?.on_shard(self.shard, self.shards);
        if back == *self {
            Ok(())
        } else {
            Err(Misfit("it comes back as another state".into()))
        }
    }
}

impl TryFrom<PartitionBack> for Partition<CountsOnly> {
    type Error = Misfit;

    fn try_from(back: PartitionBack) -> Result<Self, Misfit> {
        if back.pools.len() > PoolId::POOLS_MAX {
            return Err(Misfit("more pools than a shard can have".into()));
        }
        if !back.exchanges.values().all(Exchanged::is_sound) {
            let message = "transfers to another shard have numbers that cannot be";
            return Err(Misfit(message.into()));
        }
        let mut partition = Self {
            requests_upto: back.requests_upto,
            latest_ms: back.latest_ms,
            remember: back.remember,
            changing: back.changing,
            keys: back.keys.check(back.remember)?,
            holds: back.holds.into(),
            settled: back.settled.try_into()?,
            exchanges: back.exchanges,
            ..Self::default()
        };
        for pool in back.pools {
            let name = pool.definition.name.clone();
            let place = partition.pools.len() as u32;
            let is_place_only = name.is_empty();
            if !is_place_only && partition.places.insert(name.clone(), place).is_some() {
                return Err(Misfit(format!("pool \"{name}\" is there twice")));
            }
            if pool.spread.is_some() && pool.counts.len() >= pool.items_total as usize {
                partition.spread_places.push(place);
            }
            partition.pools.push(pool.check()?);
        }
        partition.check_holds()?;
        Ok(partition)
    }
}

impl PoolBack {
    fn check(self) -> Result<Pool<CountsOnly>, Misfit> {
        let misfit = |what: &str| Misfit(format!("pool \"{}\" {what}", self.definition.name));
        let items = self.definition.items.len();
        let registered = self.counts.len() >= self.items_total as usize;
        if registered {
            self.definition
                .validate()
                .map_err(|error| Misfit(error.to_string()))?;
        }
        let all = items + self.added.len();
        if registered != (items == self.items_total as usize)
            || self.counts.len() != if registered { all } else { 0 }
            || self.weights.len() != self.counts.len()
        {
            return Err(misfit("has more or fewer counts than items"));
        }
        if self
            .spread
            .as_ref()
            .is_some_and(|spread| !spread.is_possible())
        {
            return Err(misfit("is on a shard that there cannot be"));
        }
        let marks = if self.spread.is_some() {
            self.counts.len()
        } else {
            0
        };
        if self.gone.len() != marks {
            return Err(misfit(
                "says of more or fewer items than it has whether they are gone",
            ));
        }
        if self.no_prizes > SEQ_MAX {
            return Err(misfit("has more draws than there can be"));
        }
        if self
            .weights
            .iter()
            .try_fold(0u64, u64::checked_add)
            .is_none()
        {
            return Err(misfit("has weights that are too large together"));
        }
        if let Some((last, _)) = self.extras.last_key_value()
            && *last as usize >= self.counts.len()
        {
            return Err(misfit("has changes to an item that it has not"));
        }
        let name = self.definition.name.clone();
        let mut pool = Pool {
            definition: Arc::new(self.definition),
            items_total: self.items_total,
            added: self.added,
            gate: self.gate,
            weights: Arc::new(self.weights),
            remaining: self.counts.iter().map(|count| count.remaining).collect(),
            drawn_together: Vec::new(),
            extras: self.extras,
            weight_in_stock: 0,
            weight_total: 0,
            is_ready: false,
            no_prizes: self.no_prizes,
            gone: self.gone,
            spread: self.spread,
            stirred: Stirred::default(),
            selector: CountsOnly,
        }
        .with_selector();
        for (place, count) in self.counts.into_iter().enumerate() {
            let remaining = pool.remaining_of(place, &count).ok_or_else(|| {
                let id = pool.item_definition(place).id;
                Misfit(format!(
                    "pool \"{name}\" has counts of \"{id}\" that do not add up to its stock"
                ))
            })?;
            pool.remaining[place] = remaining;
        }
        Ok(pool)
    }
}

impl Pool<CountsOnly> {
    /// What is in stock of an item with these counts, if they add up.
    fn remaining_of(&self, place: usize, count: &Count) -> Option<u64> {
        let item = self.item(place);
        let item = ItemState {
            drawn: count.drawn,
            ..item
        };
        let unlimited = count.remaining == UNLIMITED;
        if unlimited != item.initial.is_none() || !item.is_conserved() {
            return None;
        }
        if !unlimited {
            return Some(count.remaining);
        }
        // What is gone of it for now, which are never more units than there can be draws.
        let gone = [item.drawn, item.held, item.sent];
        let gone = gone.into_iter().try_fold(0, u64::checked_add)?;
        let back = item.voided.checked_add(item.received)?;
        let gone = gone.checked_sub(back).filter(|gone| *gone <= SEQ_MAX)?;
        Some(UNLIMITED - gone)
    }
}

impl Partition<CountsOnly> {
    /// Whether the open holds are what the pools say is held.
    fn check_holds(&self) -> Result<(), Misfit> {
        let mut held: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for hold in self.holds.iter() {
            for item in prizes(&hold.items) {
                *held.entry((hold.pool, item)).or_default() += 1;
            }
        }
        let said = self.pools.iter().enumerate().flat_map(|(place, pool)| {
            let items = pool.extras.iter().filter(|(_, extra)| extra.held > 0);
            items.map(move |(item, extra)| ((place as u32, *item), extra.held))
        });
        if held.into_iter().eq(said) {
            Ok(())
        } else {
            Err(Misfit(
                "the open holds are not what the pools say is held".into(),
            ))
        }
    }
}
