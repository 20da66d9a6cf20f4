use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{
    config::{Durability, StorageKind},
    storage::{
        open,
        testing::{four_slots, zeroed_file},
    },
};

const UNIT: u64 = WRITE_UNIT as u64;

/// A storage with a plan, over a file of 16 units whose every byte is 0.
struct Bench {
    sim: SimStorage,
    handle: SimHandle,
    path: PathBuf,
    _dir: TempDir,
}

impl Bench {
    fn new(kind: StorageKind, plan: FaultPlan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = zeroed_file(dir.path(), "faulty", 16);
        let inner = open(kind, four_slots(Durability::Device)).unwrap().storage;
        let mut sim = SimStorage::new(inner, plan);
        sim.attach(&path, 16 * UNIT).unwrap();
        Self {
            handle: sim.handle(),
            sim,
            path,
            _dir: dir,
        }
    }

    /// Fills a slot with its number plus one, and writes one unit of it at the unit of its number.
    fn write(&mut self, slot: usize) -> io::Result<()> {
        self.sim.buffer(slot).fill(slot as u8 + 1);
        self.sim.write(slot, slot as u64 * UNIT, WRITE_UNIT)
    }

    fn unit(&self, unit: usize) -> Vec<u8> {
        fs::read(&self.path).unwrap()[unit * WRITE_UNIT..][..WRITE_UNIT].to_vec()
    }

    fn all_calls_fail(&mut self) {
        assert!(self.sim.reap(false).is_err());
        assert!(self.sim.reap(true).is_err());
        assert!(self.sim.write(3, 0, WRITE_UNIT).is_err());
        let path = self.path.clone();
        assert!(self.sim.attach(&path, UNIT).is_err());
        assert_eq!(self.handle.counts().calls_after_error, 4);
    }
}

const KINDS: [StorageKind; 3] = [StorageKind::Uring, StorageKind::Mmap, StorageKind::File];

#[test]
fn without_faults_it_is_the_storage_within() {
    for kind in KINDS {
        let mut bench = Bench::new(kind, FaultPlan::new());
        for slot in 0..4 {
            bench.write(slot).unwrap();
        }
        let mut reaped: Vec<_> = (0..4).map(|_| bench.sim.reap(true).unwrap()).collect();
        reaped.sort_unstable();
        assert_eq!(reaped, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(bench.sim.reap(true).unwrap(), None);
        assert_eq!(bench.unit(3), [4; WRITE_UNIT]);
        let expected = SimCounts {
            writes: 4,
            finished: 4,
            ..SimCounts::default()
        };
        assert_eq!(bench.handle.counts(), expected);
    }
}

#[test]
fn a_failed_write_writes_nothing() {
    for kind in KINDS {
        let mut bench = Bench::new(
            kind,
            FaultPlan::new().fail_write(2, io::ErrorKind::StorageFull),
        );
        bench.write(0).unwrap();
        let error = bench.write(1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(bench.unit(1), [0; WRITE_UNIT]);
        assert_eq!(bench.handle.counts().calls_after_error, 0);
        bench.write(2).unwrap();
        let counts = bench.handle.counts();
        assert_eq!((counts.writes, counts.failed), (3, 1));
        assert_eq!(counts.calls_after_error, 1, "the caller was caught");
    }
}

#[test]
fn a_torn_write_leaves_its_beginning_and_what_was_behind_it() {
    for kind in KINDS {
        for keep in [0, 512, WRITE_UNIT, WRITE_UNIT + 1024, 9 * WRITE_UNIT] {
            let mut bench = Bench::new(kind, FaultPlan::new().tear_write(2, keep));
            bench.sim.buffer(0).fill(1);
            bench.sim.write(0, 0, 2 * WRITE_UNIT).unwrap();
            assert_eq!(bench.sim.reap(true).unwrap(), Some(0));
            bench.sim.buffer(1).fill(2);
            assert!(bench.sim.write(1, 0, 2 * WRITE_UNIT).is_err());
            bench.all_calls_fail();
            let mut expected = vec![1; 2 * WRITE_UNIT];
            expected[..keep.min(2 * WRITE_UNIT)].fill(2);
            expected.resize(16 * WRITE_UNIT, 0);
            assert!(
                fs::read(&bench.path).unwrap() == expected,
                "{kind:?}, torn after {keep}"
            );
            let counts = bench.handle.counts();
            assert_eq!((counts.torn, counts.crashes), (1, 1));
        }
    }
}

#[test]
#[should_panic(expected = "after 100 bytes")]
fn a_sector_is_not_torn() {
    let _ = FaultPlan::new().tear_write(1, 100);
}

#[test]
fn a_crash_loses_its_write_and_all_after() {
    for kind in KINDS {
        let mut bench = Bench::new(kind, FaultPlan::new().crash_at_write(2));
        bench.write(0).unwrap();
        assert!(bench.write(1).is_err());
        bench.all_calls_fail();
        assert_eq!(bench.unit(1), [0; WRITE_UNIT]);
        assert_eq!(bench.handle.counts().crashes, 1);
    }
}

#[test]
fn a_lost_write_leaves_a_hole_and_never_finishes() {
    for kind in KINDS {
        let mut bench = Bench::new(kind, FaultPlan::new().lose_write(1));
        bench.write(0).unwrap();
        bench.write(1).unwrap();
        assert_eq!(bench.sim.reap(true).unwrap(), Some(1));
        assert_eq!(bench.sim.reap(false).unwrap(), None);
        let refused = bench.sim.write(0, 0, WRITE_UNIT).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(bench.sim.reap(true).is_err(), "nothing else can finish");
        assert_eq!(bench.unit(0), [0; WRITE_UNIT]);
        assert_eq!(bench.unit(1), [2; WRITE_UNIT]);
        let counts = bench.handle.counts();
        assert_eq!((counts.lost, counts.finished, counts.crashes), (1, 1, 1));
    }
}

#[test]
fn a_failed_flush_is_reported_once() {
    for kind in KINDS {
        let mut bench = Bench::new(kind, FaultPlan::new().fail_flush(1));
        bench.write(0).unwrap();
        assert!(bench.sim.reap(true).is_err());
        assert_eq!(bench.unit(0), [1; WRITE_UNIT]);
        assert_eq!(bench.sim.reap(true).unwrap(), Some(0), "the lie");
        let counts = bench.handle.counts();
        assert_eq!((counts.flushes_failed, counts.calls_after_error), (1, 1));
    }
}

/// The slots in the order in which they came back, and after how many calls each.
fn delayed(kind: StorageKind, seed: u64) -> Vec<(usize, u32)> {
    let mut bench = Bench::new(kind, FaultPlan::new().delay(6, seed));
    for slot in 0..4 {
        bench.write(slot).unwrap();
    }
    let mut order = Vec::new();
    let mut calls = 0;
    while order.len() < 4 {
        calls += 1;
        if let Some(slot) = bench.sim.reap(false).unwrap() {
            bench.sim.buffer(slot);
            order.push((slot, calls));
        }
    }
    order
}

#[test]
fn delays_change_the_order_and_are_the_same_for_a_seed() {
    let orders: Vec<_> = (0..50)
        .map(|seed| delayed(StorageKind::File, seed))
        .collect();
    let again: Vec<_> = (0..50)
        .map(|seed| delayed(StorageKind::File, seed))
        .collect();
    assert_eq!(orders, again);
    assert!(orders.iter().any(|order| !order.is_sorted()));
    assert!(orders.iter().flatten().all(|&(_, calls)| calls <= 7 + 4));
    assert!(orders.iter().any(|order| order[0].1 > 1));
    delayed(StorageKind::Uring, 1);
}

#[test]
fn waiting_passes_over_the_delay() {
    for kind in KINDS {
        let mut bench = Bench::new(kind, FaultPlan::new().delay(1_000_000, 7));
        bench.write(0).unwrap();
        assert_eq!(bench.sim.reap(true).unwrap(), Some(0));
    }
}

#[test]
#[should_panic(expected = "slot 0 is in flight")]
fn the_buffer_of_a_delayed_write_is_not_handed_out() {
    let mut bench = Bench::new(StorageKind::File, FaultPlan::new().delay(1_000_000, 7));
    bench.write(0).unwrap();
    assert_eq!(bench.sim.reap(false).unwrap(), None);
    bench.sim.buffer(0);
}
