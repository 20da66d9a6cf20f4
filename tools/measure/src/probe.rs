//! What the device alone can do: the time of one small write and flush.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::nanoseconds;

const UNIT: usize = 4096;
const UNITS: usize = 4096;

/// Writes single 4 KiB units past the page cache, each flushed before the next, into a file that
/// was filled with zeros: the least that a durable draw can cost here. It is measured in the same
/// directory and the same run as the draws, because a device's speed is not the same all day.
#[derive(Debug)]
pub struct DeviceProbe {
    file: File,
    buffer: Vec<u8>,
    start: usize,
    next: usize,
    /// Whether the writes go past the page cache; some file systems do not know how.
    pub is_direct: bool,
}

impl DeviceProbe {
    /// Makes the file in `directory`.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let path = directory.join("probe");
        // Zeros, not a hole: the first write into a hole also writes the file system's journal.
        std::fs::write(&path, vec![0; UNIT * UNITS])?;
        File::open(&path)?.sync_all()?;
        let open = |flags| {
            OpenOptions::new()
                .write(true)
                .custom_flags(flags)
                .open(&path)
        };
        let (file, is_direct) = match open(libc::O_DIRECT | libc::O_DSYNC) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                (open(libc::O_DSYNC)?, false)
            }
            opened => (opened?, true),
        };
        let buffer = vec![0; 2 * UNIT];
        let start = buffer.as_ptr().addr().wrapping_neg() % UNIT;
        Ok(Self {
            file,
            buffer,
            start,
            next: 0,
            is_direct,
        })
    }

    /// Writes for so long, at least ten times; returns the nanoseconds of each write.
    ///
    /// # Errors
    /// Where a write fails.
    pub fn measure(&mut self, duration: Duration) -> io::Result<Histogram<u64>> {
        let mut write_ns = nanoseconds();
        let begun = Instant::now();
        while begun.elapsed() < duration || write_ns.len() < 10 {
            let at = (self.next % UNITS * UNIT) as u64;
            self.next += 1;
            let unit = &mut self.buffer[self.start..self.start + UNIT];
            unit[..8].copy_from_slice(&self.next.to_le_bytes());
            let written = Instant::now();
            self.file.write_all_at(unit, at)?;
            write_ns.saturating_record(written.elapsed().as_nanos() as u64);
        }
        Ok(write_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_timed() {
        let directory = tempfile::tempdir().unwrap();
        let mut probe = DeviceProbe::new(directory.path()).unwrap();
        let write_ns = probe.measure(Duration::ZERO).unwrap();
        assert_eq!(write_ns.len(), 10);
        assert!(write_ns.min() > 100, "a write takes a system call");
    }
}
