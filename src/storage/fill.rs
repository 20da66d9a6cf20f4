//! Making a file that is written in full before it is used.

use std::io;

use super::aligned::AlignedBuffers;
use crate::machine::OpenFile;

/// Written at once: large enough for the device's full speed, small enough that what a shard
/// writes meanwhile does not wait long behind it.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes `bytes` bytes into a new file, each megabyte of them as `pattern` fills it, and flushes.
pub(crate) fn file(
    file: &dyn OpenFile,
    bytes: u64,
    pattern: impl FnOnce(&mut [u8]),
) -> io::Result<()> {
    let mut chunk = AlignedBuffers::new(1, CHUNK_BYTES);
    pattern(chunk.get_mut(0));
    let mut offset = 0;
    while offset < bytes {
        let part = (bytes - offset).min(CHUNK_BYTES as u64);
        file.write_all_at(&chunk.get(0)[..part as usize], offset)?;
        offset += part;
    }
    file.sync()
}
