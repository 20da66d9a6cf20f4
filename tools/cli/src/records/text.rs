//! Records as lines for people.

use std::fmt;

use tombola::{PoolChange, config::Moment, wal::record::Settlement};

use super::{Kind, Line, Transfer, names::Name};
use crate::moment;

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, shard, seq } = self;
        write!(f, "{shard} {seq} {kind}")
    }
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draw {
                request,
                pool,
                item,
                ..
            } => {
                write!(f, "draw request {request} pool {pool} ")?;
                match item {
                    Some(item) => write!(f, "item {item}"),
                    None => write!(f, "no prize"),
                }
            }
            Self::Draws {
                request,
                pool,
                asked,
                items,
                key,
                held_until_ms,
                ..
            } => {
                write!(f, "draws request {request} pool {pool} ")?;
                write_items(f, items)?;
                write_terms(f, usize::from(*asked), items.len(), key.as_deref())?;
                held_until_ms.map_or(Ok(()), |until| write!(f, " held until {}", Moment(until)))
            }
            Self::Settled { request, how } => {
                let how = match how {
                    Settlement::Confirmed => "is confirmed",
                    Settlement::Voided => "is voided",
                    Settlement::Expired => "has expired",
                };
                write!(f, "hold of request {request} {how}")
            }
            Self::Voided {
                request,
                pool,
                items,
            } => {
                write!(f, "void request {request} pool {pool} ")?;
                write_items(f, items)
            }
            Self::Pool {
                pool,
                items_total,
                first_item,
                items,
                ..
            } => {
                let (first, last) = (first_item + 1, *first_item as usize + items.len());
                write!(
                    f,
                    "pool \"{pool}\" items {first} to {last} of {items_total}"
                )
            }
            Self::Changed {
                pool,
                is_last,
                changes,
                ..
            } => {
                write!(f, "change pool {pool}:")?;
                write_changes(f, changes)?;
                f.write_str(if *is_last { "" } else { ", and more" })
            }
            Self::Remember { remember } => write!(
                f,
                "remember {} keys, for {} ms, and {} settled requests",
                remember.keys, remember.keys_for_ms, remember.settled
            ),
            Self::RequestsReserved { upto } => {
                write!(f, "requests below {upto} are reserved")
            }
            Self::Sent(units) => write_transfer(f, "sent", units, "to"),
            Self::Received(units) => write_transfer(f, "received", units, "from"),
            Self::Delivered { peer, upto } => {
                write!(f, "shard {peer} has got all transfers up to {upto}")
            }
            Self::Availability {
                pool,
                item,
                in_stock,
            } => {
                let happened = if *in_stock { "came back" } else { "ran out" };
                write!(f, "item {item} of pool {pool} {happened} on all shards")
            }
            Self::Unknown => {
                write!(f, "a record of a kind that is not known here")
            }
        }
    }
}

fn write_transfer(
    f: &mut fmt::Formatter<'_>,
    done: &str,
    transfer: &Transfer<'_>,
    way: &str,
) -> fmt::Result {
    let Transfer {
        peer,
        number,
        pool,
        item,
        units,
    } = transfer;
    write!(
        f,
        "{done} {units} of pool {pool} item {item} {way} shard {peer}, transfer {number}"
    )
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[Option<Name<'_>>]) -> fmt::Result {
    f.write_str(if items.len() == 1 { "item" } else { "items" })?;
    items.iter().try_for_each(|item| match item {
        Some(item) => write!(f, " {item}"),
        None => f.write_str(" none"),
    })
}

fn write_terms(
    f: &mut fmt::Formatter<'_>,
    asked: usize,
    got: usize,
    key: Option<&str>,
) -> fmt::Result {
    if asked != got {
        write!(f, " of {asked} asked for")?;
    }
    key.map_or(Ok(()), |key| write!(f, " key {key}"))
}

fn write_changes(f: &mut fmt::Formatter<'_>, changes: &[PoolChange<Name<'_>>]) -> fmt::Result {
    for (at, change) in changes.iter().enumerate() {
        f.write_str(if at == 0 { " " } else { ", " })?;
        write_change(f, change)?;
    }
    Ok(())
}

fn write_change(f: &mut fmt::Formatter<'_>, change: &PoolChange<Name<'_>>) -> fmt::Result {
    match change {
        PoolChange::Restock { item, units } => write!(f, "restock {item} by {units}"),
        PoolChange::Weight { item, weight } => write!(f, "weight of {item} {weight}"),
        PoolChange::Add { item } => write!(f, "add {item}"),
        PoolChange::Retire { item } => write!(f, "retire {item}"),
        PoolChange::Open => f.write_str("open"),
        PoolChange::Close => f.write_str("close"),
        PoolChange::Window {
            opens_at_ms,
            closes_at_ms,
        } => match moment::window(*opens_at_ms, *closes_at_ms) {
            Some(window) => write!(f, "open {window}"),
            None => f.write_str("no window any more"),
        },
        _ => f.write_str("a change of a kind that is not known here"),
    }
}
