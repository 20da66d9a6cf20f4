//! A storage that keeps nothing: for tests, simulations, and to measure all the rest.

use std::{io, path::Path};

use super::{
    StorageOptions,
    immediate::{Immediate, Sink},
};

/// A storage that forgets what is written. Any path can be attached, also one where no file is.
pub type NullStorage = Immediate<NullSink>;

/// Where nothing is kept.
pub struct NullSink(());

impl NullStorage {
    /// Makes the storage and its buffers.
    ///
    /// # Panics
    /// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`](super::WRITE_UNIT).
    pub fn new(options: StorageOptions) -> Self {
        Self::over(NullSink(()), &options)
    }
}

impl Sink for NullSink {
    const NAME: &'static str = "none";

    fn attach(&mut self, _path: &Path, _length: u64) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
