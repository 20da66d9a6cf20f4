//! What a system has the kernel write to the device: whole blocks, journals and rewrites included.

use std::{fs, io, path::Path};

use crate::failure::Failure;

/// Bytes that a process, those that it started, and those of them that have ended have caused to be
/// written, as the kernel counts them (`write_bytes` in proc's `io`).
pub(crate) fn bytes(process: u32) -> Result<u64, Failure> {
    let directory = Path::new("/proc").join(process.to_string());
    let counted = fs::read_to_string(directory.join("io"))?;
    let written = counted
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: ")?.parse::<u64>().ok())
        .ok_or(io::ErrorKind::InvalidData)
        .map_err(io::Error::from)?;
    let mut sum = written;
    for thread in fs::read_dir(directory.join("task"))?.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            // One that has just ended is in its parent's count from now on.
            sum += bytes(child.parse()?).unwrap_or(0);
        }
    }
    Ok(sum)
}
