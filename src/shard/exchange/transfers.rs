//! Units on their way from one shard to another, by records in the logs of both.

use std::io;

use super::{Exchange, Item, Message, Partition};
use crate::{
    selector::Selector,
    wal::{
        Wal,
        record::{Record, TransferRecord},
    },
};

/// So many transfers that have come are written off at once.
const DELIVERED_TOGETHER: usize = 64;

impl Exchange {
    /// Sends units to another shard; `false` while there is no room for the record.
    pub(super) fn give<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        peer: u32,
        (pool, item): Item,
        units: u64,
    ) -> io::Result<bool> {
        let transfer = partition.transfer(peer, pool, item, units);
        let record = Record::Sent(transfer);
        let Some(seq) = wal.append(&record)? else {
            return Ok(false);
        };
        partition
            .apply(seq, &record)
            .expect("so many units are here");
        if partition.home(pool) == Some(self.shard) {
            let scarce = self.scarce(partition, (pool, item));
            scarce.sent.insert(peer, transfer.number);
        }
        self.post(peer, seq, Message::Units(transfer));
        Ok(true)
    }

    /// Takes units that another shard has sent.
    pub(super) fn receive<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        peer: u32,
        units: TransferRecord,
    ) -> io::Result<bool> {
        let item = (units.pool, units.item);
        let was_gone = partition.is_gone(item.0, item.1);
        let mut after = 0;
        if units.number > partition.received_from(peer) {
            let record = Record::Received(TransferRecord { peer, ..units });
            let Some(seq) = wal.append(&record)? else {
                return Ok(false);
            };
            // What another shard says is not this one's to trust.
            partition.apply(seq, &record).map_err(io::Error::other)?;
            self.transfers += 1;
            after = seq;
        }
        if !was_gone {
            // Who sent them knows that they are here.
            self.said_empty.remove(&item);
        }
        self.wanted.remove(&item);
        self.cut_off.remove(&item);
        if partition.home(item.0) == Some(self.shard) {
            self.scarce(partition, item).recalled.remove(&peer);
            self.todo.push_back(item);
        }
        let upto = units.number;
        self.post(peer, after, Message::Got { upto });
        Ok(true)
    }

    /// Forgets what has come, so that what is kept of transfers stays small.
    pub(super) fn write_off<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        peer: u32,
    ) -> io::Result<()> {
        let upto = self.posts[peer as usize].got;
        let come = partition.exchanged(peer).map_or(0, |exchanged| {
            let outbox = exchanged.outbox.iter();
            outbox
                .take_while(|transfer| transfer.number <= upto)
                .count()
        });
        if come >= DELIVERED_TOGETHER {
            let record = Record::Delivered { peer, upto };
            if let Some(seq) = wal.append(&record)? {
                partition.apply(seq, &record).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
}
