use std::{
    os::fd::{FromRawFd, OwnedFd},
    path::PathBuf,
    time::{Duration, Instant},
};

use super::*;
use crate::storage::{
    WRITE_UNIT,
    testing::{four_slots, zeroed_file},
};

/// A file in memory that refuses, with `EPERM`, what its seals forbid.
struct Sealable(File);

impl Sealable {
    fn new(units: usize) -> Self {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::memfd_create(c"sealable".as_ptr(), libc::MFD_ALLOW_SEALING) };
        assert!(fd >= 0);
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.set_len((units * WRITE_UNIT) as u64).unwrap();
        Self(file)
    }

    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    fn seal(&self, seals: libc::c_int) {
        // SAFETY: the call takes no pointer.
        let result = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_ADD_SEALS, seals) };
        assert_eq!(result, 0);
    }
}

#[test]
fn the_kernels_answers() {
    let file = tempfile::tempfile().unwrap();
    let mut write = Write {
        file: Rc::new(file),
        offset: 0,
        length: 2 * WRITE_UNIT,
        done: 0,
    };
    let unit = i32::try_from(WRITE_UNIT).unwrap();
    assert!(!write.settle(-libc::EINTR).unwrap());
    assert!(!write.settle(-libc::EAGAIN).unwrap());
    assert!(!write.settle(unit).unwrap());
    assert_eq!(write.done, WRITE_UNIT);
    let kind = |result: io::Result<bool>| result.unwrap_err().kind();
    assert_eq!(kind(write.settle(0)), io::ErrorKind::WriteZero);
    assert_eq!(
        write.settle(-libc::ECANCELED).unwrap_err().raw_os_error(),
        Some(libc::ECANCELED)
    );
    assert_eq!(
        kind(write.settle(-libc::ENOSPC)),
        io::ErrorKind::StorageFull
    );
    assert!(write.settle(unit).unwrap());
}

#[test]
fn an_error_of_the_device_ends_it() {
    let sealable = Sealable::new(8);
    let mut storage = UringStorage::new(four_slots(Durability::Kernel)).unwrap();
    storage
        .attach(&sealable.path(), 8 * WRITE_UNIT as u64)
        .unwrap();
    storage.write(0, 0, WRITE_UNIT).unwrap();
    assert_eq!(storage.reap(true).unwrap(), Some(0));
    sealable.seal(libc::F_SEAL_WRITE);
    storage.write(1, 0, WRITE_UNIT).unwrap();
    storage.write(2, 0, WRITE_UNIT).unwrap();
    let error = storage.reap(true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(storage.write(3, 0, WRITE_UNIT).is_err());
    assert!(storage.reap(false).is_err());
    assert!(storage.attach(&sealable.path(), 0).is_err());
}

#[test]
fn a_short_write_is_continued_where_it_stopped() {
    let sealable = Sealable::new(4);
    let mut storage = UringStorage::new(four_slots(Durability::Kernel)).unwrap();
    storage
        .attach(&sealable.path(), 4 * WRITE_UNIT as u64)
        .unwrap();
    // The second half is taken away, so the kernel writes the first and then refuses.
    sealable.0.set_len(2 * WRITE_UNIT as u64).unwrap();
    sealable.seal(libc::F_SEAL_GROW);
    storage.buffer(0).fill(9);
    storage.write(0, 0, 4 * WRITE_UNIT).unwrap();
    while storage.writes[0].as_ref().unwrap().done == 0 {
        let (slot, result) = loop {
            match storage.completion() {
                Some(completion) => break completion,
                None => storage.enter(1).unwrap(),
            }
        };
        assert!(
            !storage.writes[slot]
                .as_mut()
                .unwrap()
                .settle(result)
                .unwrap()
        );
    }
    assert_eq!(storage.writes[0].as_ref().unwrap().done, 2 * WRITE_UNIT);
    storage.submit(0).unwrap();
    let error = storage.reap(true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(
        std::fs::read(sealable.path()).unwrap(),
        vec![9; 2 * WRITE_UNIT]
    );
}

#[test]
fn a_loop_that_yields_sees_completions_without_waiting_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = zeroed_file(dir.path(), "polled", 8);
    let mut storage = UringStorage::new(four_slots(Durability::Device)).unwrap();
    storage.attach(&path, 8 * WRITE_UNIT as u64).unwrap();
    for round in 0..50 {
        storage
            .write(0, (round % 8) * WRITE_UNIT as u64, WRITE_UNIT)
            .unwrap();
        let start = Instant::now();
        while storage.reap(false).unwrap().is_none() {
            thread::yield_now();
            assert!(start.elapsed() < Duration::from_secs(5));
        }
    }
}

#[test]
fn it_works_where_nothing_can_be_registered_and_the_kernel_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let path = zeroed_file(dir.path(), "plain", 8);
    let options = four_slots(Durability::Device);
    let mut storage = UringStorage::unregistered(options, &IoUring::builder()).unwrap();
    storage.attach(&path, 8 * WRITE_UNIT as u64).unwrap();
    storage.buffer(2).fill(5);
    storage
        .write(2, 4 * WRITE_UNIT as u64, 4 * WRITE_UNIT)
        .unwrap();
    assert_eq!(storage.reap(true).unwrap(), Some(2));
    assert_eq!(
        std::fs::read(&path).unwrap()[4 * WRITE_UNIT..],
        vec![5; 4 * WRITE_UNIT]
    );
}

#[test]
fn too_many_slots_are_refused() {
    for slots in [0, 1 << 15] {
        let options = StorageOptions {
            slots,
            ..four_slots(Durability::Device)
        };
        let error = UringStorage::new(options).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
