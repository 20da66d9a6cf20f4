//! What must hold for every storage.

use std::{fs, io, path::Path};

use proptest::prelude::*;

use super::{
    Storage, StorageOptions, WRITE_UNIT, open,
    testing::{four_slots, zeroed_file},
};
use crate::config::{Durability, StorageKind};

const KEEPING: [StorageKind; 3] = [StorageKind::Uring, StorageKind::Mmap, StorageKind::File];
const DURABILITIES: [Durability; 3] = [Durability::Device, Durability::Kernel, Durability::Memory];

fn made(kind: StorageKind, options: StorageOptions) -> Box<dyn Storage> {
    let opened = open(kind, options).unwrap();
    assert_eq!(opened.fallback, None);
    opened.storage
}

/// Runs a test in a directory on a disk and in one in memory.
fn in_each_directory(test: impl Fn(&Path)) {
    test(tempfile::tempdir().unwrap().path());
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        test(memory.path());
    }
}

fn reap_all(storage: &mut dyn Storage, in_flight: usize) {
    let mut reaped: Vec<_> = (0..in_flight)
        .map(|_| storage.reap(true).unwrap().unwrap())
        .collect();
    assert_eq!(storage.reap(false).unwrap(), None);
    assert_eq!(storage.reap(true).unwrap(), None, "nothing to wait for");
    reaped.sort_unstable();
    assert_eq!(reaped, (0..in_flight).collect::<Vec<_>>());
}

#[test]
fn what_is_written_is_in_the_file() {
    in_each_directory(|dir| {
        for (kind, durability) in pairs() {
            let path = zeroed_file(dir, "round", 16);
            let mut storage = made(kind, four_slots(durability));
            storage.attach(&path, 16 * WRITE_UNIT as u64).unwrap();
            let mut expected = vec![0; 16 * WRITE_UNIT];
            for round in 0..3 {
                for slot in 0..4 {
                    let units = slot + 1;
                    let value = (round * 4 + slot + 1) as u8;
                    let start = 4 * (3 - slot) * WRITE_UNIT;
                    let length = units * WRITE_UNIT;
                    storage.buffer(slot)[..length].fill(value);
                    storage.write(slot, start as u64, length).unwrap();
                    expected[start..start + length].fill(value);
                }
                reap_all(storage.as_mut(), 4);
            }
            assert!(
                fs::read(&path).unwrap() == expected,
                "{kind:?} {durability:?}"
            );
        }
    });
}

#[test]
fn writes_in_flight_stay_with_their_file() {
    in_each_directory(|dir| {
        for (kind, durability) in pairs() {
            let paths = ["a", "b", "c", "d"].map(|name| zeroed_file(dir, name, 4));
            let mut storage = made(kind, four_slots(durability));
            for (slot, path) in paths.iter().enumerate() {
                storage.attach(path, 4 * WRITE_UNIT as u64).unwrap();
                storage.buffer(slot).fill(slot as u8 + 1);
                storage.write(slot, 0, 4 * WRITE_UNIT).unwrap();
            }
            reap_all(storage.as_mut(), 4);
            for (slot, path) in paths.iter().enumerate() {
                let expected = vec![slot as u8 + 1; 4 * WRITE_UNIT];
                assert!(
                    fs::read(path).unwrap() == expected,
                    "{kind:?} {durability:?}"
                );
            }
        }
    });
}

#[test]
fn dropping_waits_for_what_is_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, durability) in pairs() {
        let path = zeroed_file(dir.path(), "dropped", 16);
        let mut storage = made(kind, four_slots(durability));
        storage.attach(&path, 16 * WRITE_UNIT as u64).unwrap();
        for slot in 0..4 {
            storage.buffer(slot).fill(1);
            storage
                .write(slot, (4 * slot * WRITE_UNIT) as u64, 4 * WRITE_UNIT)
                .unwrap();
        }
        drop(storage);
        assert!(
            fs::read(&path).unwrap() == vec![1; 16 * WRITE_UNIT],
            "{kind:?} {durability:?}"
        );
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = zeroed_file(dir.path(), "refused", 4);
    let unit = WRITE_UNIT as u64;
    for kind in [StorageKind::None].into_iter().chain(KEEPING) {
        let mut storage = made(kind, four_slots(Durability::Device));
        let refused = |result: io::Result<()>| {
            assert_eq!(
                result.unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{kind:?}"
            );
        };
        refused(storage.write(0, 0, WRITE_UNIT));
        refused(storage.attach(&path, 4 * unit + 1));
        storage.attach(&path, 4 * unit).unwrap();
        refused(storage.write(4, 0, WRITE_UNIT));
        refused(storage.write(0, 0, 0));
        refused(storage.write(0, 0, WRITE_UNIT + 512));
        refused(storage.write(0, 0, 5 * WRITE_UNIT));
        refused(storage.write(0, 512, WRITE_UNIT));
        refused(storage.write(0, unit, 4 * WRITE_UNIT));
        refused(storage.write(0, u64::MAX - unit + 1, WRITE_UNIT));
        if kind != StorageKind::None {
            refused(storage.attach(&path, 5 * unit));
            assert!(storage.attach(&dir.path().join("missing"), unit).is_err());
        }
        storage.write(0, 3 * unit, WRITE_UNIT).unwrap();
        refused(storage.write(0, 0, WRITE_UNIT));
        reap_all(storage.as_mut(), 1);
    }
}

#[test]
fn each_answers_to_its_name_in_the_configuration() {
    let names = [StorageKind::None].into_iter().chain(KEEPING);
    let names: Vec<_> = names
        .map(|kind| made(kind, four_slots(Durability::Kernel)).name())
        .collect();
    assert_eq!(names, ["none", "uring", "mmap", "file"]);
}

#[test]
fn nothing_is_kept_where_nothing_is_kept() {
    let mut storage = made(StorageKind::None, four_slots(Durability::Device));
    storage.attach(Path::new("/no/such/file"), 1 << 40).unwrap();
    for slot in 0..4 {
        storage.write(slot, 1 << 39, WRITE_UNIT).unwrap();
    }
    reap_all(storage.as_mut(), 4);
}

#[test]
fn where_io_uring_is_refused_a_file_stands_in() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    // A filter is for its thread and for good, so it gets a thread that ends.
    std::thread::spawn(|| {
        let filter = SeccompFilter::new(
            [(libc::SYS_io_uring_setup, vec![])].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: BpfProgram = filter.unwrap().try_into().unwrap();
        apply_filter(&program).unwrap();
        let opened = open(StorageKind::Uring, four_slots(Durability::Device)).unwrap();
        assert_eq!(opened.storage.name(), "file");
        assert!(opened.fallback.unwrap().contains("io_uring"));
    })
    .join()
    .unwrap();
}

fn pairs() -> impl Iterator<Item = (StorageKind, Durability)> {
    KEEPING
        .into_iter()
        .flat_map(|kind| DURABILITIES.map(|durability| (kind, durability)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any sequence of writes that do not overlap while in flight leaves what a plain array would
    /// hold.
    #[test]
    fn a_file_is_what_an_array_would_be(
        kind in prop::sample::select(&KEEPING[..]),
        durability in prop::sample::select(&DURABILITIES[..]),
        writes in prop::collection::vec((0..4_usize, 0..4_usize, 1..=4_usize, any::<u8>(), any::<bool>()), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = zeroed_file(dir.path(), "array", 16);
        let mut expected = vec![0; 16 * WRITE_UNIT];
        let mut storage = made(kind, four_slots(durability));
        storage.attach(&path, 16 * WRITE_UNIT as u64).unwrap();
        let mut in_flight: [Option<usize>; 4] = [None; 4];
        for (slot, quarter, units, value, reap) in writes {
            while in_flight[slot].is_some() || in_flight.contains(&Some(quarter)) {
                let finished = storage.reap(true).unwrap().unwrap();
                prop_assert!(in_flight[finished].take().is_some());
            }
            let (start, length) = (4 * quarter * WRITE_UNIT, units * WRITE_UNIT);
            storage.buffer(slot)[..length].fill(value);
            storage.write(slot, start as u64, length).unwrap();
            expected[start..start + length].fill(value);
            in_flight[slot] = Some(quarter);
            if reap && let Some(finished) = storage.reap(false).unwrap() {
                prop_assert!(in_flight[finished].take().is_some());
            }
        }
        drop(storage);
        prop_assert!(fs::read(&path).unwrap() == expected);
    }
}
