//! How a record of a log is shown: as a line for people, or as one of JSON.

use std::{collections::HashMap, fmt};

use serde::Serialize;
use tombola::{
    ItemDefinition, OnExhausted,
    recovery::Examination,
    wal::record::{NO_PRIZE, PoolPart, Record},
};

/// A record, ready to be shown.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    Draw {
        request: u64,
        shard: usize,
        seq: u64,
        pool: Name<'a>,
        item: Option<Name<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'static str>,
    },
    Pool {
        shard: usize,
        seq: u64,
        pool: &'a str,
        on_exhausted: OnExhausted,
        items_total: u32,
        first_item: u32,
        items: &'a [ItemDefinition],
    },
    RequestsReserved {
        shard: usize,
        seq: u64,
        upto: u64,
    },
    Unknown {
        shard: usize,
        seq: u64,
    },
}

/// What a pool or an item is called; its place, where the name is not known.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Name<'a> {
    Known(&'a str),
    Place(u32),
}

impl<'a> Line<'a> {
    /// A record of a shard, with the names that are known.
    pub(crate) fn new(shard: usize, seq: u64, record: &'a Record, names: &'a Names) -> Self {
        match record {
            Record::Draw(draw) => {
                let known = names.0.get(&(shard, draw.pool));
                let item = |item: u32| {
                    let id = known.and_then(|pool| pool.items.get(item as usize));
                    id.map_or(Name::Place(item), |id| Name::Known(id))
                };
                let won = draw.item != NO_PRIZE;
                Self::Draw {
                    request: draw.request,
                    shard,
                    seq,
                    pool: known.map_or(Name::Place(draw.pool), |pool| Name::Known(&pool.name)),
                    item: won.then(|| item(draw.item)),
                    outcome: (!won).then_some("no_prize"),
                }
            }
            Record::Pool(part) => Self::Pool {
                shard,
                seq,
                pool: &part.name,
                on_exhausted: part.on_exhausted,
                items_total: part.items_total,
                first_item: part.first_item,
                items: &part.items,
            },
            Record::RequestsReserved { upto } => Self::RequestsReserved {
                shard,
                seq,
                upto: *upto,
            },
            _ => Self::Unknown { shard, seq },
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draw {
                request,
                shard,
                seq,
                pool,
                item,
                ..
            } => {
                write!(f, "{shard} {seq} draw request {request} pool {pool} ")?;
                match item {
                    Some(item) => write!(f, "item {item}"),
                    None => write!(f, "no prize"),
                }
            }
            Self::Pool {
                shard,
                seq,
                pool,
                items_total,
                first_item,
                items,
                ..
            } => {
                let (first, last) = (first_item + 1, *first_item as usize + items.len());
                write!(
                    f,
                    "{shard} {seq} pool \"{pool}\" items {first} to {last} of {items_total}"
                )
            }
            Self::RequestsReserved { shard, seq, upto } => {
                write!(f, "{shard} {seq} requests below {upto} are reserved")
            }
            Self::Unknown { shard, seq } => {
                write!(f, "{shard} {seq} a record of a kind that is not known here")
            }
        }
    }
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
pub(crate) struct Names(HashMap<(usize, u32), PoolNames>);

#[derive(Debug)]
struct PoolNames {
    name: String,
    items: Vec<String>,
}

impl Names {
    /// The names of all pools that are registered.
    pub(crate) fn of(examination: &Examination) -> Self {
        let mut names = HashMap::new();
        for shard in &examination.shards {
            for (place, pool) in (0..).zip(shard.partition.pools()) {
                let definition = pool.definition();
                let items = definition.items.iter().map(|item| item.id.clone());
                let pool = PoolNames {
                    name: definition.name.clone(),
                    items: items.collect(),
                };
                names.insert((shard.shard, place), pool);
            }
        }
        Self(names)
    }

    /// Learns from a registration: the pool may be newer than what was examined. Parts come in
    /// order, and one that begins anew takes the place of what was there.
    pub(crate) fn learn(&mut self, shard: usize, part: &PoolPart) {
        let pool = self
            .0
            .entry((shard, part.pool))
            .or_insert_with(|| PoolNames {
                name: part.name.clone(),
                items: Vec::new(),
            });
        pool.name.clone_from(&part.name);
        pool.items.truncate(part.first_item as usize);
        pool.items
            .extend(part.items.iter().map(|item| item.id.clone()));
    }
}
