//! Opening the file that writes go to.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::slots::invalid;
use crate::config::Durability;

/// Opens an existing file to read and write, and checks that it has the `length` bytes that were
/// promised.
///
/// For [`Durability::Device`] every write goes past the page cache and is flushed before it
/// returns. A file system that knows no direct I/O gets flushed writes through the page cache.
pub(super) fn open(path: &Path, length: u64, durability: Durability) -> io::Result<File> {
    let file = match durability {
        Durability::Device => open_direct(path, libc::O_DSYNC),
        Durability::Kernel | Durability::Memory => with_flags(path, 0),
    }?;
    let found = file.metadata()?.len();
    if found < length {
        return Err(invalid(format!(
            "{} has {found} bytes, not {length}",
            path.display()
        )));
    }
    Ok(file)
}

/// Opens a file past the page cache where the file system can do that, with further flags.
pub(super) fn open_direct(path: &Path, flags: libc::c_int) -> io::Result<File> {
    match with_flags(path, libc::O_DIRECT | flags) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => with_flags(path, flags),
        opened => opened,
    }
}

fn with_flags(path: &Path, flags: libc::c_int) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{WRITE_UNIT, testing::zeroed_file};

    #[test]
    fn a_file_system_without_direct_io_is_opened_without_it() {
        let path = Path::new("/proc/self/comm");
        let error = with_flags(path, libc::O_DIRECT).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        open(path, 0, Durability::Device).unwrap();
    }

    #[test]
    fn a_file_that_is_missing_or_short_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = zeroed_file(dir.path(), "one", 2);
        let length = 2 * WRITE_UNIT as u64;
        let kind = |path: &Path, length| {
            open(path, length, Durability::Device)
                .err()
                .map(|e| e.kind())
        };
        assert_eq!(kind(&path, length), None);
        assert_eq!(
            kind(&path, 2 * length),
            Some(io::ErrorKind::InvalidInput),
            "short"
        );
        assert_eq!(
            kind(&dir.path().join("none"), length),
            Some(io::ErrorKind::NotFound)
        );
    }
}
