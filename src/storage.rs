//! Where a shard's log goes: bytes at offsets of files, and nothing else.
//!
//! A storage owns a few block buffers. The log fills one while others are on their way to the
//! device, and learns from [`Storage::reap`] which have arrived. A storage never sees a record.

pub(crate) mod aligned;
pub mod file;
pub(crate) mod fill;
pub mod immediate;
pub mod mmap;
pub mod null;
pub mod sim;
mod slots;
mod target;
pub mod uring;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{io, path::Path, time::Duration};

use crate::config::{Durability, StorageKind};

/// Blocks, their offsets and every segment's length are multiples of this many bytes.
pub const WRITE_UNIT: usize = 4096;

/// What a storage is made for.
#[derive(Debug, Clone, Copy)]
pub struct StorageOptions {
    /// How far a write must have got before [`Storage::reap`] returns it.
    pub durability: Durability,
    /// How many block buffers there are.
    pub slots: usize,
    /// Each buffer's size in bytes, a multiple of [`WRITE_UNIT`].
    pub buffer_bytes: usize,
}

/// The seam between a log and the device.
///
/// A slot is *filling* (its buffer may be used) or *in flight* (from [`write`](Self::write) until
/// [`reap`](Self::reap) has returned it). After any error the caller stops using the storage for
/// good, except to drop it; dropping waits for what is in flight.
pub trait Storage {
    /// What it is, as in the configuration: "uring", "mmap", "file", "none".
    fn name(&self) -> &'static str;

    /// Makes the existing file at `path`, `length` bytes long, the target of the writes that
    /// follow. Writes in flight stay with the file they were begun on.
    ///
    /// # Errors
    /// Where the file cannot be opened, is shorter than `length`, or `length` is not a multiple of
    /// [`WRITE_UNIT`]; the file attached before stays attached then. And after an earlier failure.
    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()>;

    /// The buffer of a slot that is not in flight, aligned to [`WRITE_UNIT`]. What was last put
    /// there is still there.
    ///
    /// # Panics
    /// If the slot is in flight or does not exist.
    fn buffer(&mut self, slot: usize) -> &mut [u8];

    /// Begins to write the first `length` bytes of the slot's buffer at `offset` of the attached
    /// file; both are multiples of [`WRITE_UNIT`]. A storage may finish the write before it
    /// returns.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the arguments make no sense: no such slot, a slot in
    /// flight, a length of 0, over the buffer's or past the end of the file, no multiple of
    /// [`WRITE_UNIT`]. Nothing has changed then. Any other error is of the device and final: every
    /// later call fails.
    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()>;

    /// The slot of a write that is finished, as durable as the options asked for; `None` when there
    /// is none. The order is the device's. With `wait`, blocks until one is finished if any is in
    /// flight.
    ///
    /// # Errors
    /// Where a write or its flush has failed. This is final: nothing is tried again, and every
    /// later call fails.
    fn reap(&mut self, wait: bool) -> io::Result<Option<usize>>;

    /// Sleeps until a write that is in flight may be finished, at most for `limit`; `false` where there
    /// is none, or the storage cannot do that.
    ///
    /// To yield the core is not enough for writes that the kernel finishes on it: its own threads and
    /// this one often belong to different control groups, and yielding is a matter within one.
    fn sleep(&mut self, limit: Duration) -> bool {
        let _ = limit;
        false
    }
}

/// A storage, and why it is not the one that was asked for, if it is not.
pub struct Opened {
    /// The storage.
    pub storage: Box<dyn Storage>,
    /// Why a simpler storage stands in for the one asked for.
    pub fallback: Option<String>,
}

/// Makes a storage of the given kind. Call it on the thread that will use it.
///
/// Where the kernel refuses `io_uring`, `uring` falls back to `file` and says why in
/// [`Opened::fallback`].
///
/// # Errors
/// Where no storage of the kind can be made and none stands in for it.
///
/// # Panics
/// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`].
pub fn open(kind: StorageKind, options: StorageOptions) -> io::Result<Opened> {
    let storage: Box<dyn Storage> = match kind {
        StorageKind::Uring => match uring::UringStorage::new(options) {
            Ok(storage) => Box::new(storage),
            Err(error) => {
                let fallback = Some(format!(
                    "io_uring is not available here ({error}); using file"
                ));
                return Ok(Opened {
                    storage: Box::new(file::FileStorage::new(options)),
                    fallback,
                });
            }
        },
        StorageKind::Mmap => Box::new(mmap::MmapStorage::new(options)),
        StorageKind::File => Box::new(file::FileStorage::new(options)),
        StorageKind::None => Box::new(null::NullStorage::new(options)),
    };
    Ok(Opened {
        storage,
        fallback: None,
    })
}
