//! A data directory that is damaged and put right again, many times.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// All files of a directory tree, by their path in it. The lock file holds nothing and may come
/// and go.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

pub(crate) fn read_files(directory: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.file_name().is_some_and(|name| name != "lock") {
                let name = path.strip_prefix(directory).unwrap().to_path_buf();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A directory in memory, where the system has such a place.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// A directory with known content.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    pub(crate) files: Files,
}

impl Place {
    pub(crate) fn new(files: Files) -> Self {
        let place = Self {
            directory: in_memory(),
            files,
        };
        place.restore();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &Path, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, name: &Path) {
        fs::remove_file(self.path().join(name)).unwrap();
    }

    /// Puts one file back.
    pub(crate) fn put_back(&self, name: &Path) {
        self.write(name, &self.files[name]);
    }

    /// Puts everything back, whatever became of it.
    pub(crate) fn restore(&self) {
        for entry in fs::read_dir(self.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for (name, bytes) in &self.files {
            self.write(name, bytes);
        }
    }
}
