//! Units come back: holds end, and requests are voided.

use super::{Misfit, Partition, draws::prizes, unknown_pool};
use crate::{
    machine::Clock,
    selector::Selector,
    wal::record::{SettledRecord, Settlement, VoidedRecord},
};

/// What is known of a request that is to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It holds units.
    Held,
    /// Its hold has ended, or it was voided.
    Settled(Settlement),
    /// It had a key, and this is what it got.
    Drawn {
        record: VoidedRecord,
        /// Whether that was held before.
        is_confirmed: bool,
    },
    /// Nothing is known of it here. The log may know more.
    Nothing,
    /// It is so long ago that nothing tells whether it was voided.
    Forgotten,
}

impl<S: Selector> Partition<S> {
    /// What is known of a request.
    pub(crate) fn find(&self, request: u64) -> Found {
        if self.holds.get(request).is_some() {
            return Found::Held;
        }
        let settled = self.settled.get(request);
        if settled.is_none() && self.settled.is_forgotten(request) {
            return Found::Forgotten;
        }
        match settled {
            Some(how @ (Settlement::Voided | Settlement::Expired)) => return Found::Settled(how),
            // Confirmed units were handed out, and may come back.
            Some(Settlement::Confirmed) | None => {}
        }
        match (self.keys.find(request), settled) {
            (Some(answer), settled) => Found::Drawn {
                record: VoidedRecord {
                    request,
                    pool: answer.pool,
                    items: self.keys.items(answer).collect(),
                },
                is_confirmed: settled.is_some(),
            },
            (None, Some(how)) => Found::Settled(how),
            (None, None) => Found::Nothing,
        }
    }

    /// How a hold ends that is to end like this: its time may be over already, and the record that
    /// says so not written yet.
    pub(crate) fn settlement(&self, asked: SettledRecord, clock: &Clock) -> Option<SettledRecord> {
        let hold = self.holds.get(asked.request)?;
        let is_over = hold.until_ms <= clock.now_ms().max(self.latest_ms);
        Some(SettledRecord {
            how: if is_over {
                Settlement::Expired
            } else {
                asked.how
            },
            ..asked
        })
    }

    /// The home shard of the pool that a request holds units of, if that lives on all shards.
    pub(crate) fn home_of_hold(&self, request: u64) -> Option<u32> {
        self.home(self.holds.get(request)?.pool)
    }

    /// A hold that has ended by now, and nobody said how.
    pub(crate) fn expired_hold(&mut self, clock: &Clock) -> Option<u64> {
        if self.holds.len() == 0 {
            return None;
        }
        self.holds.expired(clock.now_ms().max(self.latest_ms))
    }

    /// Whether a record of a voided request fits.
    pub(crate) fn check_voided(&self, record: &VoidedRecord) -> Result<(), Misfit> {
        let request = record.request;
        let misfit = |what: &str| Err(Misfit(format!("request {request} {what}")));
        if self.holds.get(request).is_some() {
            return misfit("is held, and cannot be voided as if it had been handed out");
        }
        match self.settled.get(request) {
            Some(Settlement::Voided | Settlement::Expired) => return misfit("came back before"),
            None if self.settled.is_forgotten(request) => {
                return misfit("is too long ago to tell whether it came back before");
            }
            _ => {}
        }
        let Some(pool) = self.pools.get(record.pool as usize) else {
            return Err(unknown_pool(record.pool));
        };
        for item in prizes(&record.items) {
            let times = prizes(&record.items).filter(|other| *other == item).count() as u64;
            let voided = pool.extras.get(&item).map_or(0, |extra| extra.voided);
            let is_there = (item as usize) < pool.remaining.len();
            let drawn = if is_there {
                pool.drawn(item as usize)
            } else {
                0
            };
            if drawn - voided.min(drawn) < times {
                return misfit("would bring back more than was handed out");
            }
        }
        Ok(())
    }

    pub(super) fn apply_voided(&mut self, record: &VoidedRecord) -> Result<(), Misfit> {
        self.check_voided(record)?;
        let pool = &mut self.pools[record.pool as usize];
        for item in prizes(&record.items) {
            pool.extra(item).voided += 1;
            pool.put_back(item, 1);
        }
        self.settled
            .insert(record.request, Settlement::Voided, self.remember.settled);
        Ok(())
    }

    pub(super) fn apply_settled(&mut self, record: SettledRecord) -> Result<(), Misfit> {
        let SettledRecord { request, how } = record;
        let Some(hold) = self.holds.remove(request) else {
            return Err(Misfit(format!("request {request} holds nothing")));
        };
        let pool = &mut self.pools[hold.pool as usize];
        for item in prizes(&hold.items) {
            pool.extra(item).held -= 1;
            if how != Settlement::Confirmed {
                pool.put_back(item, 1);
            }
        }
        self.settled.insert(request, how, self.remember.settled);
        Ok(())
    }
}
