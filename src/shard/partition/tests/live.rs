//! A partition that is drawn from as a shard does it, at a time that stands still, beside one that
//! only replays: after every step both are the same, and so is what a snapshot brings back.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{super::*, register};
use crate::{
    pool::{ChangeError, PoolChange, PoolDefinition},
    request::{Asked, PoolId, Request},
    wal::{
        format,
        record::{ChangedPart, DrawsRecord, SettledRecord, Settlement, VoidedRecord},
    },
};

pub(super) struct Live {
    pub(super) partition: Partition,
    replayed: Partition<CountsOnly>,
    stream: Stream,
    now_ms: Arc<AtomicU64>,
    clock: Clock,
    pub(super) holds_max: usize,
    request: u64,
    seq: u64,
}

/// What a request came to.
#[derive(Debug, PartialEq)]
pub(super) enum Got {
    Drew(u64, Vec<u32>),
    Again(u64, Vec<u32>),
    Refused(Refusal),
}

impl Live {
    pub(super) fn new(pools: &[PoolDefinition]) -> Self {
        let now_ms = Arc::new(AtomicU64::new(1_000));
        let told = Arc::clone(&now_ms);
        let mut live = Self {
            partition: Partition::default(),
            replayed: Partition::default(),
            stream: Stream::for_shard(1, 0),
            now_ms,
            clock: Clock::new(move || told.load(Ordering::Relaxed)),
            holds_max: 10,
            request: 0,
            seq: 0,
        };
        for pool in pools {
            register(&mut live.partition, pool);
            register(&mut live.replayed, pool);
        }
        live.remember(100, 0);
        live
    }

    pub(super) fn at(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn remember(&mut self, keys: u64, keys_for_ms: u64) {
        let remember = Remember {
            keys,
            keys_for_ms,
            settled: 2,
        };
        self.apply(&Record::Remember(remember)).unwrap();
    }

    /// A request for the pool with this place.
    pub(super) fn for_pool(pool: u32) -> Request {
        PoolId::new(0, pool).into()
    }

    pub(super) fn draw(&mut self, request: Request) -> Got {
        self.request += 1;
        let asked = Asked::read(&mut request.slots(self.request)).expect("it is whole");
        let mut record = DrawsRecord::default();
        let terms = Terms {
            seq: self.seq + 1,
            holds_max: self.holds_max,
            now_ms: self.clock.now_ms(),
        };
        let staged = self.partition.stage_draws(
            &asked,
            &terms,
            &mut Begun::default(),
            None,
            &mut self.stream,
            &mut record,
        );
        let items = record.items.clone();
        let got = match staged {
            StagedDraws::Drawn => {
                self.seq += 1;
                self.partition.commit(1);
                let record = Record::Draws(Box::new(record));
                self.replayed.apply(self.seq, &record).unwrap();
                Got::Drew(self.request, items)
            }
            StagedDraws::Replay(answer) => Got::Again(answer.request, items),
            StagedDraws::Refused(refusal) => Got::Refused(refusal),
            StagedDraws::Waits => panic!("the pool is on one shard"),
        };
        self.assert_alike();
        got
    }

    /// What was drawn for a request that must not be refused: its id and its items.
    pub(super) fn drawn(&mut self, request: Request) -> (u64, Vec<u32>) {
        match self.draw(request) {
            Got::Drew(request, items) => (request, items),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn apply(&mut self, record: &Record) -> Result<(), Misfit> {
        self.seq += 1;
        let applied = self.partition.apply(self.seq, record);
        assert_eq!(self.replayed.apply(self.seq, record), applied);
        self.assert_alike();
        applied
    }

    /// Ends a hold, by itself if its time is over; tells how.
    pub(super) fn settle(&mut self, request: u64, how: Settlement) -> Option<Settlement> {
        let asked = SettledRecord { request, how };
        let ends = self.partition.settlement(asked, &self.clock)?;
        self.apply(&Record::Settled(ends)).unwrap();
        Some(ends.how)
    }

    pub(super) fn expired(&mut self) -> Option<u64> {
        self.partition.expired_hold(&self.clock)
    }

    pub(super) fn void(&mut self, request: u64, items: &[u32]) -> Result<(), Misfit> {
        let record = VoidedRecord {
            request,
            pool: 0,
            items: items.to_vec(),
        };
        self.apply(&Record::Voided(record))
    }

    /// Changes the first pool as the desk does it: looks whether it can, and then does.
    pub(super) fn change(&mut self, changes: &[PoolChange<u32>]) -> Result<(), ChangeError> {
        self.partition.check_changes(0, changes)?;
        self.apply(&Record::Changed(ChangedPart::of(changes, 0, 0)))
            .expect("it was checked");
        Ok(())
    }

    /// The units of an item of the first pool: in stock, drawn, held, voided.
    pub(super) fn units(&self, item: usize) -> [u64; 4] {
        let item = self.partition.pools()[0].items().nth(item).unwrap();
        let remaining = item.remaining.unwrap_or(u64::MAX);
        [remaining, item.drawn, item.held, item.voided]
    }

    fn assert_alike(&self) {
        for pool in self.partition.pools() {
            assert!(pool.items().all(|item| item.is_conserved()));
        }
        let counts = self.partition.clone().with_selector::<CountsOnly>();
        assert_eq!(counts, self.replayed);
        let bytes = format::encode_to_vec(&counts.image());
        let back: image::PartitionBack = format::bounded_decode(&bytes).unwrap();
        assert_eq!(Partition::try_from(back), Ok(counts));
    }
}
