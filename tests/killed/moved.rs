//! Units that moved between shards: what came was sent, by that shard, just so and once.

use std::collections::BTreeMap;

use tombola::wal::record::{Record, TransferRecord};

use crate::whole::Records;

/// A shard that sends, one that gets, and the number that the transfer has between them.
type Place = (u32, u32, u64);
/// Pool, item and units.
type Units = (u32, u32, u64);

/// All transfers in the logs.
#[derive(Default)]
pub(crate) struct Moved {
    sent: BTreeMap<Place, Units>,
    received: BTreeMap<Place, Units>,
}

impl Moved {
    /// Takes the transfers from the records of all shards, and checks them.
    pub(crate) fn of(records: &Records) -> Self {
        let mut moved = Self::default();
        let mut written_off = Vec::new();
        for ((shard, _), record) in records {
            let shard = *shard as u32;
            match record {
                Record::Sent(to) => insert(&mut moved.sent, (shard, to.peer, to.number), to),
                Record::Received(from) => {
                    insert(&mut moved.received, (from.peer, shard, from.number), from);
                }
                Record::Delivered { peer, upto } => written_off.push((shard, *peer, *upto)),
                _ => {}
            }
        }
        for (place, units) in &moved.received {
            assert_eq!(moved.sent.get(place), Some(units), "{place:?} was not sent");
        }
        for place in &written_off {
            let has_come = moved.received.contains_key(place);
            assert!(has_come, "{place:?} was written off and has not come");
        }
        moved
    }

    /// How many have come.
    pub(crate) fn received(&self) -> usize {
        self.received.len()
    }

    /// How many are on their way.
    pub(crate) fn on_their_way(&self) -> usize {
        self.sent.len() - self.received.len()
    }
}

/// Between two shards transfers are numbered from 1 on, without a hole.
fn insert(transfers: &mut BTreeMap<Place, Units>, place: Place, transfer: &TransferRecord) {
    let (from, to, number) = place;
    let before = (from, to, number.wrapping_sub(1));
    assert!(
        number == 1 || transfers.contains_key(&before),
        "{place:?} comes too early"
    );
    let units = (transfer.pool, transfer.item, transfer.units);
    let other = transfers.insert(place, units);
    assert_eq!(other, None, "{place:?} is there twice");
}
