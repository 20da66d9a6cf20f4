//! What the device does alone: single writes through the system call that the yardstick uses, and
//! blocks through the engine's own `io_uring` storage, opened as the engine opens its log.

use std::{
    collections::VecDeque,
    fs::{self, File},
    thread,
    time::Instant,
};

use tombola::{
    Durability, StorageKind,
    storage::{self, StorageOptions},
};
use tombola_measure::{DeviceProbe, nanoseconds};

use super::{Section, no_goals};
use crate::{
    case::{Bench, Case, Figures, percentiles},
    failure::Failure,
};

pub(super) const SECTION: Section = Section {
    name: "device",
    about: "What the device does alone: writes with O_DIRECT and O_DSYNC, each flushed, into a file of zeros",
    cases,
    goals: no_goals,
};

/// Bytes of a write.
pub(crate) const SIZES: [usize; 5] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// Writes on their way at once.
pub(crate) const DEPTHS: [usize; 4] = [1, 2, 3, 4];

const FILE_BYTES: u64 = 64 << 20;
/// These runs are many; each is as long as one part in so many of the others.
const PART: u32 = 4;

/// The case of a size and a depth.
pub(crate) fn name(bytes: usize, depth: usize) -> String {
    format!("device/uring/{}KiB/in flight {depth}", bytes >> 10)
}

fn cases() -> Vec<Case> {
    let pwrite = Case::new("device/pwrite/4KiB", |bench| {
        let directory = tempfile::tempdir_in(bench.directory)?;
        let write_ns = DeviceProbe::new(directory.path())?.measure(bench.measured / PART)?;
        Ok(percentiles(&write_ns))
    });
    let uring = SIZES
        .iter()
        .flat_map(|&bytes| DEPTHS.map(|depth| uring(bytes, depth)));
    [pwrite].into_iter().chain(uring).collect()
}

/// Blocks of one size, so many on their way at once.
pub(super) fn uring(bytes: usize, depth: usize) -> Case {
    Case::new(name(bytes, depth), move |bench| write(bench, bytes, depth))
}

fn write(bench: &Bench<'_>, bytes: usize, depth: usize) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let path = directory.path().join("device");
    fs::write(&path, vec![0; FILE_BYTES as usize])?;
    File::open(&path)?.sync_all()?;
    let options = StorageOptions {
        durability: Durability::Device,
        slots: depth,
        buffer_bytes: bytes,
    };
    let mut storage = storage::open(StorageKind::Uring, options)?.storage;
    storage.attach(&path, FILE_BYTES)?;
    let mut free: Vec<usize> = (0..depth).collect();
    let mut since: VecDeque<(usize, Instant)> = VecDeque::with_capacity(depth);
    let mut write_ns = nanoseconds();
    let (mut offset, mut written) = (0, 0);
    let begun = Instant::now();
    let elapsed = loop {
        while let Some(slot) = free.pop() {
            // Another content each time.
            storage.buffer(slot)[0] ^= 1;
            since.push_back((slot, Instant::now()));
            storage.write(slot, offset, bytes)?;
            offset = (offset + bytes as u64) % FILE_BYTES;
        }
        while let Some(slot) = storage.reap(false)? {
            let at = since.iter().position(|(other, _)| *other == slot);
            let (_, since) = at.and_then(|at| since.remove(at)).expect("it was written");
            write_ns.saturating_record(since.elapsed().as_nanos() as u64);
            written += bytes;
            free.push(slot);
        }
        let elapsed = begun.elapsed();
        if elapsed >= bench.measured / PART {
            break elapsed;
        }
        if free.is_empty() {
            thread::yield_now();
        }
    };
    let mut figures = percentiles(&write_ns);
    figures.insert("bytes_per_second", written as f64 / elapsed.as_secs_f64());
    Ok(figures)
}
