//! A memory map of the attached file: the least work for a write that need not be flushed.
//!
//! # No `SIGBUS`
//!
//! A process that touches a page which the file cannot give it gets a signal that ends it: where
//! somebody has cut the file off, where a page has to be read and the disk fails, where the file
//! system has turned read-only or was shut down. A storage has to return an error instead, so that
//! one shard stops. A handler of that signal would belong to the whole process, and this is a
//! library: its host may have one, or install one later. So the map is not touched from here: the
//! kernel is asked to copy (`process_vm_readv`, from this process to itself), and where it meets such
//! a page it says `EFAULT`. What that costs is a system call and a look at each page: some 2 µs for
//! 4 KiB, where the plain copy takes half of one.
//!
//! A kernel or container that refuses the call gets the same bytes by `pwrite`: the map and the
//! file are the same pages.
//!
//! A page is touched whole, so a file that was cut off within one takes the copy, and the rest of
//! the page is never written. Therefore the file's length is looked at after each write.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use memmap2::{MmapOptions, MmapRaw};

use super::{
    StorageOptions,
    immediate::{Immediate, Sink},
    slots::invalid,
    target,
};
use crate::config::Durability;

/// A storage that copies into a shared, writable map of the file.
///
/// For [`Durability::Device`] exactly the range that was written is flushed (`msync`) before
/// [`write`](super::Storage::write) returns. Where somebody truncates the file, or the disk fails to
/// read a page of it, that is an error like that of any other write.
pub type MmapStorage = Immediate<MmapSink>;

/// The map that a [`MmapStorage`] copies to.
pub struct MmapSink {
    flush: bool,
    mapped: Option<Mapped>,
}

/// A file and its map.
struct Mapped {
    path: PathBuf,
    file: File,
    map: MmapRaw,
}

impl MmapStorage {
    /// Makes the storage and its buffers.
    ///
    /// # Panics
    /// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`](super::WRITE_UNIT).
    pub fn new(options: StorageOptions) -> Self {
        let sink = MmapSink {
            flush: options.durability == Durability::Device,
            mapped: None,
        };
        Self::over(sink, &options)
    }
}

impl Sink for MmapSink {
    const NAME: &'static str = "mmap";

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let bytes = usize::try_from(length)
            .map_err(|_| invalid(format!("{length} bytes are too many to map")))?;
        // The flush is the map's own, so the file is opened without any.
        let file = target::open(path, length, Durability::Kernel)?;
        let map = MmapOptions::new().len(bytes).map_raw(&file)?;
        let path = path.to_path_buf();
        self.mapped = Some(Mapped { path, file, map });
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let outside = || {
            invalid(format!(
                "{} bytes at {offset} are outside the map",
                bytes.len()
            ))
        };
        let mapped = self.mapped.as_ref().ok_or_else(outside)?;
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start.checked_add(bytes.len()).ok_or_else(outside)?;
        if end > mapped.map.len() {
            return Err(outside());
        }
        mapped.copy(start, bytes)?;
        if self.flush {
            mapped.map.flush_range(start, bytes.len())?;
        }
        mapped.has_its_length()
    }
}

impl Mapped {
    /// Copies the bytes to where they belong in the map.
    ///
    /// # Panics
    /// If that is outside the map.
    fn copy(&self, start: usize, bytes: &[u8]) -> io::Result<()> {
        let mut copied = 0;
        while copied < bytes.len() {
            match self.copy_some(start + copied, &bytes[copied..]) {
                Ok(count) => copied += count,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EFAULT) => return Err(self.is_gone()),
                    // As containers refuse it.
                    Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => {
                        let offset = (start + copied) as u64;
                        return self.file.write_all_at(&bytes[copied..], offset);
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Copies the first of the bytes; how many tells the kernel.
    fn copy_some(&self, start: usize, bytes: &[u8]) -> io::Result<usize> {
        assert!(start <= self.map.len() && bytes.len() <= self.map.len() - start);
        // SAFETY: `start` was just found to be within the map, which is one allocation.
        let to = unsafe { self.map.as_mut_ptr().add(start) };
        let to = libc::iovec {
            iov_base: to.cast(),
            iov_len: bytes.len(),
        };
        let from = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        // SAFETY: this has no preconditions.
        let this_process = unsafe { libc::getpid() };
        // SAFETY: the kernel reads `bytes`, which outlives the call, and writes as many bytes of the
        // map from `start` on, which were just found to be within it. No map overlaps a slot's buffer.
        // Nobody holds a reference into the map: it is only ever reached through this pointer.
        let copied = unsafe {
            libc::process_vm_readv(this_process, &raw const to, 1, &raw const from, 1, 0)
        };
        match usize::try_from(copied) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(copied) => Ok(copied),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    fn has_its_length(&self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.map.len() as u64 {
            return Err(self.is_gone());
        }
        Ok(())
    }

    fn is_gone(&self) -> io::Error {
        io::Error::other(format!(
            "pages of the memory map of {} are gone: the file was cut off, or its file system does not take or give them",
            self.path.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{WRITE_UNIT, testing::zeroed_file};

    #[test]
    fn a_write_outside_the_map_is_an_error() {
        let mut sink = MmapSink {
            flush: true,
            mapped: None,
        };
        let bytes = vec![1; WRITE_UNIT];
        let invalid = |result: io::Result<()>| {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        };
        invalid(sink.write(0, &bytes));
        let dir = tempfile::tempdir().unwrap();
        let path = zeroed_file(dir.path(), "mapped", 2);
        sink.attach(&path, 2 * WRITE_UNIT as u64).unwrap();
        sink.write(WRITE_UNIT as u64, &bytes).unwrap();
        invalid(sink.write(2 * WRITE_UNIT as u64, &bytes));
        invalid(sink.write(2 * WRITE_UNIT as u64 - 1, &bytes));
        invalid(sink.write(u64::MAX, &bytes));
        let read = std::fs::read(&path).unwrap();
        assert_eq!(read[..WRITE_UNIT], vec![0; WRITE_UNIT]);
        assert_eq!(read[WRITE_UNIT..], bytes);
    }

    #[test]
    fn a_file_that_was_cut_off_is_an_error_and_no_signal() {
        let unit = WRITE_UNIT as u64;
        let bytes = vec![1; 2 * WRITE_UNIT];
        // Before what is written, within it, and within the page that it begins with.
        for (length, flush) in [(0, true), (2 * unit, false), (unit + 100, true)] {
            let mut sink = MmapSink {
                flush,
                mapped: None,
            };
            let dir = tempfile::tempdir().unwrap();
            let path = zeroed_file(dir.path(), "mapped", 4);
            sink.attach(&path, 4 * unit).unwrap();
            sink.write(0, &bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_len(length).unwrap();
            let error = sink.write(unit, &bytes).unwrap_err();
            assert!(error.to_string().contains("mapped"), "{length}: {error}");
        }
    }
}
