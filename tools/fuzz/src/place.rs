//! A data directory in memory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use tombola::machine::{Access, Directory, Files as _};
use tombola_sim::disk::Disk;

/// The least that is written to a log.
pub(crate) const UNIT: usize = 4096;

/// Files by their paths in a data directory.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A simulated disk on which nothing fails, with a data directory on it.
pub(crate) struct Place(Disk);

impl Place {
    pub(crate) const DATA: &str = "/data";

    pub(crate) fn new() -> Self {
        let disk = Disk::new(0);
        disk.make_directory(Path::new(Self::DATA)).unwrap();
        Self(disk)
    }

    /// One with these files.
    pub(crate) fn with(files: &Files) -> Self {
        let place = Self::new();
        for (name, bytes) in files {
            place.write(Path::new(Self::DATA).join(name), bytes);
        }
        place
    }

    /// Makes a file, and the directory that it is in.
    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let path = path.as_ref();
        let directory = path.parent().expect("a file is in a directory");
        self.0.make_directory(directory).unwrap();
        let file = self.0.open(path, Access::Create).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::among(Arc::new(self.0.clone()), Self::DATA)
    }

    /// All files there are.
    pub(crate) fn files(&self) -> Files {
        self.0.image()
    }
}
