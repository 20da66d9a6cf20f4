//! What a pool's home shard does for draws that wait for an item: it gives of its own units, calls
//! units back from the others, and says so when nobody has any.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{Exchange, Item, Message, Partition};
use crate::{
    selector::Selector,
    wal::{
        Wal,
        record::{AvailabilityRecord, Record},
    },
};

/// What the home shard knows of an item that it has run out of.
#[derive(Default)]
pub(super) struct Scarce {
    /// Shards whose draws wait for it.
    pub(super) wanting: BTreeSet<u32>,
    /// Whether a draw here waits for it.
    pub(super) wanted_here: bool,
    /// Whether the others were asked to say when they have none.
    asked: bool,
    /// Shards that were asked to give back and have not answered.
    pub(super) recalled: BTreeSet<u32>,
    /// What shards without any had received when they said so.
    pub(super) empty: BTreeMap<u32, u64>,
    /// The number of the last transfer to each shard.
    pub(super) sent: BTreeMap<u32, u64>,
}

impl Scarce {
    pub(super) fn is_on_its_way(&self, peer: u32, received: u64) -> bool {
        self.sent.get(&peer).is_some_and(|sent| *sent > received)
    }

    fn is_empty_at(&self, peer: u32) -> bool {
        let received = self.empty.get(&peer);
        received.is_some_and(|received| !self.is_on_its_way(peer, *received))
    }

    fn is_wanted(&self) -> bool {
        self.wanted_here || !self.wanting.is_empty()
    }
}

impl Exchange {
    /// Looks after the draws that wait for an item; `false` while there is no room for a record.
    pub(super) fn serve<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        item: Item,
    ) -> io::Result<bool> {
        loop {
            let remaining = partition.remaining(item.0, item.1);
            let shards = self.peers.len() as u64;
            let scarce = self.scarce(partition, item);
            if remaining == 0 {
                break;
            }
            scarce.wanted_here = false;
            let Some(peer) = scarce.wanting.first().copied() else {
                self.settle(item);
                return Ok(true);
            };
            let units = (remaining / (2 * shards)).max(1);
            if !self.give(partition, wal, peer, item, units)? {
                return Ok(false);
            }
            self.scarce(partition, item).wanting.remove(&peer);
        }
        let others: Vec<u32> = self.others().collect();
        let scarce = self.scarce(partition, item);
        let is_wanted = scarce.is_wanted();
        let is_new = !std::mem::replace(&mut scarce.asked, true);
        let holders = others.into_iter();
        let holders: Vec<u32> = holders.filter(|peer| !scarce.is_empty_at(*peer)).collect();
        if holders.is_empty() {
            return self.nobody_has(partition, wal, item);
        }
        if !is_wanted {
            // Nobody has to wait to know that it is gone.
            for peer in holders.into_iter().filter(|_| is_new) {
                self.post(peer, 0, Message::Tell { item });
            }
            self.settle(item);
            return Ok(true);
        }
        if holders.iter().all(|peer| self.is_over(*peer)) {
            self.nobody_answers(partition, item);
            return Ok(true);
        }
        let scarce = self.scarce(partition, item);
        let asked: Vec<u32> = holders
            .into_iter()
            .filter(|peer| scarce.recalled.insert(*peer))
            .collect();
        for peer in asked {
            self.post(peer, 0, Message::Recall { item });
        }
        Ok(true)
    }

    /// No shard has an item; only a request that collects may have taken what it will put back.
    /// `false` while there is no room for the record that says so.
    fn nobody_has<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        item: Item,
    ) -> io::Result<bool> {
        let collector = self.turns.given_to(item.0);
        let scarce = self.scarce(partition, item);
        if let Some(collector) = collector {
            let home = partition.home(item.0);
            let waits = scarce.wanting.contains(&collector)
                || (scarce.wanted_here && home == Some(collector));
            self.turns.unsettle(item.0, item.1);
            if waits && self.turns.tell_absent(item.0, item.1) {
                self.tell(collector, Message::Absent { item });
            }
            return Ok(true);
        }
        let is_wanted = scarce.is_wanted();
        let is_known = partition.is_gone(item.0, item.1);
        if !is_known && !set_available(partition, wal, item, false)? {
            return Ok(false);
        }
        if is_known && !is_wanted {
            self.settle(item);
            return Ok(true);
        }
        let scarce = self.scarce(partition, item);
        scarce.wanting.clear();
        scarce.wanted_here = false;
        self.told_gone.insert(item);
        // "Exhausted" is answered when the draws that took the last units are durable.
        let after_seq = wal.next_seq() - 1;
        for peer in self.others() {
            self.post(peer, after_seq, Message::Gone { item });
        }
        self.settle(item);
        Ok(true)
    }

    /// Who may have an item has stopped.
    fn nobody_answers<S: Selector>(&mut self, partition: &Partition<S>, item: Item) {
        let scarce = self.scarce(partition, item);
        let wanting = std::mem::take(&mut scarce.wanting);
        if std::mem::take(&mut scarce.wanted_here) {
            self.cut_off.insert(item);
        }
        for peer in wanting {
            self.post(peer, 0, Message::CutOff { item });
        }
        self.settle(item);
    }

    /// Nobody waits for an item any more.
    fn settle(&mut self, item: Item) {
        if self.turns.settle(item.0, item.1) {
            self.give_turn(item.0);
        }
    }

    pub(super) fn scarce<S: Selector>(
        &mut self,
        partition: &Partition<S>,
        item: Item,
    ) -> &mut Scarce {
        let others = self.others();
        self.scarce.entry(item).or_insert_with(|| {
            let mut scarce = Scarce::default();
            for peer in others {
                let outbox = partition.exchanged(peer).map(|exchanged| &exchanged.outbox);
                let sent = outbox.into_iter().flatten();
                let mut sent = sent.filter(|transfer| (transfer.pool, transfer.item) == item);
                if let Some(last) = sent.next_back() {
                    scarce.sent.insert(peer, last.number);
                }
            }
            scarce
        })
    }
}

/// Writes down that an item ran out everywhere, or came back; `false` while there is no room.
pub(super) fn set_available<S: Selector>(
    partition: &mut Partition<S>,
    wal: &mut Wal,
    (pool, item): Item,
    in_stock: bool,
) -> io::Result<bool> {
    let record = Record::Availability(AvailabilityRecord {
        pool,
        item,
        in_stock,
    });
    let Some(seq) = wal.append(&record)? else {
        return Ok(false);
    };
    partition
        .apply(seq, &record)
        .expect("the pool has its home here, and the item");
    Ok(true)
}
