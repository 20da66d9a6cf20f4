//! Making a file that is written in full before it is used.

use std::io;

use super::aligned::AlignedBuffers;
use crate::machine::OpenFile;

/// The most that is written at once: large enough for the device's full speed.
pub(crate) const CHUNK_BYTES: u64 = 1 << 20;

/// A file that is being filled with a pattern.
pub(crate) struct Fill {
    file: Box<dyn OpenFile>,
    chunk: AlignedBuffers,
    bytes: u64,
    done: u64,
}

impl Fill {
    /// Will write `bytes` bytes into a new file, each megabyte of them as `pattern` fills it.
    pub(crate) fn new(
        file: Box<dyn OpenFile>,
        bytes: u64,
        pattern: impl FnOnce(&mut [u8]),
    ) -> Self {
        let mut chunk = AlignedBuffers::new(1, CHUNK_BYTES as usize);
        pattern(chunk.get_mut(0));
        Self {
            file,
            chunk,
            bytes,
            done: 0,
        }
    }

    /// The bytes that are written.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Writes some more, at most `at_most` bytes and [`CHUNK_BYTES`], and flushes behind the last.
    /// Returns whether all is there.
    pub(crate) fn go_on(&mut self, at_most: u64) -> io::Result<bool> {
        let part = at_most.min(CHUNK_BYTES).min(self.bytes - self.done);
        let pattern = &self.chunk.get(0)[..part as usize];
        self.file.write_all_at(pattern, self.done)?;
        self.done += part;
        if self.done < self.bytes {
            return Ok(false);
        }
        self.file.sync()?;
        Ok(true)
    }
}
