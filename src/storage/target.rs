//! Opening the file that writes go to.

use std::{fs::File, io, path::Path};

use super::slots::invalid;
use crate::{config::Durability, machine};

/// Opens an existing file to read and write, and checks that it has the `length` bytes that were
/// promised.
///
/// For [`Durability::Device`] every write goes past the page cache and is flushed before it
/// returns. A file system that knows no direct I/O gets flushed writes through the page cache.
pub(super) fn open(path: &Path, length: u64, durability: Durability) -> io::Result<File> {
    let file = match durability {
        Durability::Device => machine::open_direct(path, libc::O_DSYNC),
        Durability::Kernel | Durability::Memory => {
            File::options().read(true).write(true).open(path)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{WRITE_UNIT, testing::zeroed_file};

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
