//! Making a file that is written in full before it is used.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{aligned::AlignedBuffers, target};
use crate::config::Durability;

/// Written at once: large enough for the device's full speed, small enough that what a shard
/// writes meanwhile does not wait long behind it.
const CHUNK_BYTES: usize = 1 << 20;

/// Makes the file at `path` with `bytes` bytes, each megabyte of them as `pattern` fills it, and
/// flushes. With `past_cache` it does not go through the page cache, so that it neither fills it
/// nor reaches the device in one long burst.
pub(crate) fn file(
    path: &Path,
    bytes: u64,
    past_cache: bool,
    pattern: impl FnOnce(&mut [u8]),
) -> io::Result<()> {
    let mut chunk = AlignedBuffers::new(1, CHUNK_BYTES);
    pattern(chunk.get_mut(0));
    File::create(path)?;
    let file = if past_cache {
        target::open_direct(path, 0)?
    } else {
        target::open(path, 0, Durability::Kernel)?
    };
    let mut offset = 0;
    while offset < bytes {
        let part = (bytes - offset).min(CHUNK_BYTES as u64);
        file.write_all_at(&chunk.get(0)[..part as usize], offset)?;
        offset += part;
    }
    file.sync_all()
}
