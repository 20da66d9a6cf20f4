//! A memory map of the attached file: the least work for a write that need not be flushed.
#![allow(unsafe_code)]

use std::{io, path::Path};

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
/// [`write`](super::Storage::write) returns. The file must keep its length while it is attached:
/// where somebody truncates it, or the disk fails to read a page, the process gets `SIGBUS`.
pub type MmapStorage = Immediate<MmapSink>;

/// The map that a [`MmapStorage`] copies to.
pub struct MmapSink {
    flush: bool,
    map: Option<MmapRaw>,
}

impl MmapStorage {
    /// Makes the storage and its buffers.
    ///
    /// # Panics
    /// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`](super::WRITE_UNIT).
    pub fn new(options: StorageOptions) -> Self {
        let sink = MmapSink {
            flush: options.durability == Durability::Device,
            map: None,
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
        self.map = Some(MmapOptions::new().len(bytes).map_raw(&file)?);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let outside = || {
            invalid(format!(
                "{} bytes at {offset} are outside the map",
                bytes.len()
            ))
        };
        let map = self.map.as_ref().ok_or_else(outside)?;
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start.checked_add(bytes.len()).ok_or_else(outside)?;
        if end > map.len() {
            return Err(outside());
        }
        // SAFETY: `start` was just found to be within the map, which is one allocation.
        let to = unsafe { map.as_mut_ptr().add(start) };
        // SAFETY: the map is writable and its `bytes.len()` bytes from `to` on were just found to
        // be within it; `bytes` is a slot's buffer, which no map overlaps. Nobody holds a
        // reference into the map: it is only ever reached through this pointer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        if self.flush {
            map.flush_range(start, bytes.len())?;
        }
        Ok(())
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
            map: None,
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
}
