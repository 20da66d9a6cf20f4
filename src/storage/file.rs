//! `pwrite` on the calling thread: the simple storage, for where `io_uring` is refused.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    StorageOptions,
    immediate::{Immediate, Sink},
    target,
};
use crate::config::Durability;

/// A storage that writes with `pwrite` before [`write`](super::Storage::write) returns.
///
/// For [`Durability::Device`] the file is opened with `O_DIRECT` and `O_DSYNC`, or with `O_DSYNC`
/// alone where the file system refuses direct I/O; otherwise writes go into the page cache.
pub type FileStorage = Immediate<FileSink>;

/// The file that a [`FileStorage`] writes to.
pub struct FileSink {
    durability: Durability,
    file: Option<File>,
}

impl FileStorage {
    /// Makes the storage and its buffers.
    ///
    /// # Panics
    /// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`](super::WRITE_UNIT).
    pub fn new(options: StorageOptions) -> Self {
        let sink = FileSink {
            durability: options.durability,
            file: None,
        };
        Self::over(sink, &options)
    }
}

impl Sink for FileSink {
    const NAME: &'static str = "file";

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.file = Some(target::open(path, length, self.durability)?);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.file {
            Some(file) => file.write_all_at(bytes, offset),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
