//! How a record of a log is shown: as a line for people, or as one of JSON.

mod names;
mod text;

use std::convert::Infallible;

use serde::Serialize;
use tombola::{
    ItemDefinition, OnExhausted, Placement, PoolChange,
    wal::record::{Record, Remember, Settlement, TransferRecord},
};

use self::names::Name;
pub(crate) use self::names::Names;

/// A record, ready to be shown.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    #[serde(flatten)]
    kind: Kind<'a>,
    shard: usize,
    seq: u64,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind<'a> {
    Draw {
        request: u64,
        pool: Name<'a>,
        item: Option<Name<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'static str>,
    },
    Draws {
        request: u64,
        pool: Name<'a>,
        asked: u8,
        items: Vec<Option<Name<'a>>>,
        key: Option<String>,
        held_until_ms: Option<u64>,
        at_ms: u64,
    },
    Settled {
        request: u64,
        how: Settlement,
    },
    Voided {
        request: u64,
        pool: Name<'a>,
        items: Vec<Option<Name<'a>>>,
    },
    Pool {
        pool: &'a str,
        on_exhausted: OnExhausted,
        placement: Placement,
        is_open: bool,
        opens_at_ms: Option<u64>,
        closes_at_ms: Option<u64>,
        items_total: u32,
        first_item: u32,
        items: &'a [ItemDefinition],
    },
    Changed {
        pool: Name<'a>,
        is_first: bool,
        is_last: bool,
        changes: Vec<PoolChange<Name<'a>>>,
    },
    Remember {
        #[serde(flatten)]
        remember: Remember,
    },
    RequestsReserved {
        upto: u64,
    },
    Sent(Transfer<'a>),
    Received(Transfer<'a>),
    Delivered {
        peer: u32,
        upto: u64,
    },
    Availability {
        pool: Name<'a>,
        item: Name<'a>,
        in_stock: bool,
    },
    Unknown,
}

/// Units of a pool on all shards that go from one shard to another.
#[derive(Debug, Serialize)]
struct Transfer<'a> {
    peer: u32,
    number: u64,
    pool: Name<'a>,
    item: Name<'a>,
    units: u64,
}

impl<'a> Line<'a> {
    /// A record of a shard, with the names that are known.
    pub(crate) fn new(shard: usize, seq: u64, record: &'a Record, names: &'a Names) -> Self {
        let pool = |place| names.pool(shard, place);
        let drawn = |pool: u32, items: &[u32]| {
            let items = items.iter().map(|item| names.drawn(shard, pool, *item));
            items.collect()
        };
        let transfer = |units: &TransferRecord| Transfer {
            peer: units.peer,
            number: units.number,
            pool: pool(units.pool),
            item: names.item(shard, units.pool, units.item),
            units: units.units,
        };
        let kind = match record {
            Record::Draw(draw) => {
                let item = names.drawn(shard, draw.pool, draw.item);
                Kind::Draw {
                    request: draw.request,
                    pool: pool(draw.pool),
                    outcome: item.is_none().then_some("no_prize"),
                    item,
                }
            }
            Record::Draws(draws) => Kind::Draws {
                request: draws.request,
                pool: pool(draws.pool),
                asked: draws.asked,
                items: drawn(draws.pool, &draws.items),
                key: draws.key.map(|key| format!("{key:#x}")),
                held_until_ms: draws.held_until_ms,
                at_ms: draws.at_ms,
            },
            Record::Settled(settled) => Kind::Settled {
                request: settled.request,
                how: settled.how,
            },
            Record::Voided(voided) => Kind::Voided {
                request: voided.request,
                pool: pool(voided.pool),
                items: drawn(voided.pool, &voided.items),
            },
            Record::Pool(part) => Kind::Pool {
                pool: &part.name,
                on_exhausted: part.on_exhausted,
                placement: part.placement,
                is_open: part.is_open,
                opens_at_ms: part.opens_at_ms,
                closes_at_ms: part.closes_at_ms,
                items_total: part.items_total,
                first_item: part.first_item,
                items: &part.items,
            },
            Record::Changed(part) => {
                let named = |change: &PoolChange<u32>| {
                    let name = |item| Ok::<_, Infallible>(names.item(shard, part.pool, item));
                    let Ok(change) = change.clone().try_map(name);
                    change
                };
                Kind::Changed {
                    pool: pool(part.pool),
                    is_first: part.is_first,
                    is_last: part.is_last,
                    changes: part.changes.iter().map(named).collect(),
                }
            }
            Record::Remember(remember) => Kind::Remember {
                remember: *remember,
            },
            Record::RequestsReserved { upto } => Kind::RequestsReserved { upto: *upto },
            Record::Sent(units) => Kind::Sent(transfer(units)),
            Record::Received(units) => Kind::Received(transfer(units)),
            Record::Delivered { peer, upto } => Kind::Delivered {
                peer: *peer,
                upto: *upto,
            },
            Record::Availability(item) => Kind::Availability {
                pool: pool(item.pool),
                item: names.item(shard, item.pool, item.item),
                in_stock: item.in_stock,
            },
            _ => Kind::Unknown,
        };
        Self { kind, shard, seq }
    }
}
