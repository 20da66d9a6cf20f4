//! Edits against the log: they are made in their order, whole, and all that were acknowledged, on
//! every shard that has the pool.

use tombola::{
    PoolChange,
    recovery::{Examination, ShardState},
    wal::record::Record,
};

use crate::{
    tell::{Edit, POOLS},
    whole::Records,
};

/// Checks the edits, in the order in which they were made, each with whether it was acknowledged.
/// Returns how many of them some shards have made and others have not: the process was killed in
/// between.
pub(crate) fn assert_edited(
    edits: &[(Edit, bool)],
    records: &Records,
    state: &Examination,
) -> usize {
    let mut unfinished = 0;
    for (at, name) in POOLS.iter().enumerate() {
        let parts = state.shards.iter();
        let parts: Vec<_> = parts
            .filter_map(|shard| changes(shard, name, records))
            .collect();
        let lengths = || parts.iter().map(Vec::len);
        let (all, some) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        let mut made = (0..some)
            .map(|nth| whole(&parts, nth))
            .enumerate()
            .peekable();
        for (edit, is_acknowledged) in edits.iter().filter(|(edit, _)| edit.pool == at) {
            let done = made.next_if(|(_, changes)| *changes == edit.changes);
            let is_done = done.is_some_and(|(nth, _)| nth < all);
            assert!(is_done || !is_acknowledged, "{edit:?} is lost");
        }
        assert_eq!(made.next(), None, "nobody made that edit");
        unfinished += some - all;
    }
    assert!(unfinished <= 1, "one edit is made at a time");
    unfinished
}

/// The changes that a shard has made to a pool, if it has that.
fn changes(shard: &ShardState, name: &str, records: &Records) -> Option<Vec<Vec<PoolChange>>> {
    let place = shard.partition.place(name)?;
    let pool = &shard.partition.pools()[place as usize];
    let ids: Vec<_> = pool.items().map(|item| item.id.to_owned()).collect();
    let named = |change: &PoolChange<u32>| {
        let id = |item: u32| ids.get(item as usize).cloned().ok_or(item);
        change.clone().try_map(id).unwrap()
    };
    let records = records.range((shard.shard, 0)..(shard.shard + 1, 0));
    let changes = records.filter_map(|(_, record)| match record {
        Record::Changed(part) if part.pool == place => {
            Some(part.changes.iter().map(named).collect())
        }
        _ => None,
    });
    Some(changes.collect())
}

/// An edit as those shards together made it that did: units come in on one of them.
fn whole(parts: &[Vec<Vec<PoolChange>>], nth: usize) -> Vec<PoolChange> {
    let mut made = parts.iter().filter_map(|part| part.get(nth));
    let mut whole = made.next().cloned().unwrap_or_default();
    for part in made {
        assert_eq!(whole.len(), part.len(), "{whole:?}");
        for (change, part) in whole.iter_mut().zip(part) {
            add(change, part);
        }
    }
    whole
}

fn add(change: &mut PoolChange, part: &PoolChange) {
    match (&mut *change, part) {
        (PoolChange::Restock { units, .. }, PoolChange::Restock { units: more, .. }) => {
            *units += more;
        }
        (PoolChange::Add { item }, PoolChange::Add { item: more }) => {
            item.stock = item.stock.zip(more.stock).map(|(stock, more)| stock + more);
        }
        _ => assert_eq!(change, part),
    }
}
