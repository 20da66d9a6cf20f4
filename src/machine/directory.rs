//! A directory, and the files it is among.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    files::{Access, Files, OpenFile},
    system::SystemFiles,
};
use crate::error::Error;

/// So much is copied at once.
const CHUNK_BYTES: usize = 1 << 20;

/// A directory that an engine's data is in, or a part of it. Made from a path, it is the operating
/// system's; [`among`](Self::among) makes one of other files.
#[derive(Debug, Clone)]
pub struct Directory {
    files: Arc<dyn Files>,
    path: PathBuf,
}

impl<P: AsRef<Path>> From<P> for Directory {
    fn from(path: P) -> Self {
        Self::among(Arc::new(SystemFiles), path.as_ref())
    }
}

impl From<&Self> for Directory {
    fn from(directory: &Self) -> Self {
        directory.clone()
    }
}

impl Directory {
    /// The directory at a path among other files than the operating system's.
    pub fn among(files: Arc<dyn Files>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { files, path }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that it is among.
    pub(crate) fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// The path of a name in it.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in it.
    #[must_use]
    pub fn inner(&self, name: impl AsRef<Path>) -> Self {
        self.at(self.join(name))
    }

    /// Another directory among the same files.
    pub(crate) fn at(&self, path: impl Into<PathBuf>) -> Self {
        Self::among(Arc::clone(&self.files), path)
    }

    pub(crate) fn exists(&self) -> bool {
        self.files.is_directory(&self.path)
    }

    /// The names in it, as far as they are text: others are none of ours.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let names = self.files.names(&self.path);
        let names = names.map_err(Error::io("list", &self.path))?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }

    pub(crate) fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn OpenFile>> {
        self.files.open(&self.join(name), access)
    }

    /// All of a file, which must not be larger than `bytes_max`.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.open(name, Access::Read)?;
        let length = file.length()?;
        if length > bytes_max {
            let reason = format!("it is {length} bytes long");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    pub(crate) fn rename(&self, from: &str, to: impl AsRef<Path>) -> io::Result<()> {
        self.files.rename(&self.join(from), &self.join(to))
    }

    /// Copies a file into a directory, this one or another, durably but for its name.
    pub(crate) fn copy(&self, name: &str, to: &Self, copy: &str) -> io::Result<()> {
        let from = self.open(name, Access::Read)?;
        let to = to.open(copy, Access::Create)?;
        let length = from.length()?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = 0;
        while at < length {
            let part = (length - at).min(CHUNK_BYTES as u64);
            from.read_exact_at(&mut chunk[..part as usize], at)?;
            to.write_all_at(&chunk[..part as usize], at)?;
            at += part;
        }
        to.sync()
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.join(name);
        self.files.remove(&path).map_err(Error::io("remove", path))
    }

    /// Makes its names durable.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.files
            .sync_directory(&self.path)
            .map_err(Error::io("flush the directory", &self.path))
    }

    /// Makes it and its parents, durably: every new one is flushed in the one above it.
    pub(crate) fn create(&self) -> Result<(), Error> {
        let is_new = |part: &&Path| !part.as_os_str().is_empty() && !self.files.is_directory(part);
        let new: Vec<&Path> = self.path.ancestors().take_while(is_new).collect();
        // Whoever made the last one that is there may have been interrupted before it was flushed.
        let there = self.path.ancestors().nth(new.len());
        if let Some(there) = there.filter(|there| !there.as_os_str().is_empty()) {
            match self.at(above(there)).sync() {
                // Those above one that was given to this process may be none of its business.
                Err(Error::Io { source, .. })
                    if source.kind() == io::ErrorKind::PermissionDenied => {}
                flushed => flushed?,
            }
        }
        for part in new.iter().rev() {
            self.files
                .make_directory(part)
                .map_err(Error::io("make the directory", part))?;
            self.at(above(part)).sync()?;
        }
        Ok(())
    }

    /// Makes content durable under a name: written beside it, then renamed.
    pub(crate) fn replace(&self, name: &str, parts: &[&[u8]]) -> Result<(), Error> {
        let temporary = format!("{name}.tmp");
        let write = || {
            let file = self.open(&temporary, Access::Create)?;
            let mut offset = 0;
            for part in parts {
                file.write_all_at(part, offset)?;
                offset += part.len() as u64;
            }
            file.sync()?;
            self.rename(&temporary, name)?;
            self.files.sync_directory(&self.path)
        };
        write().map_err(|source| {
            // What is half written would only take space; the error tells what happened.
            let _ = self.remove(&temporary);
            Error::io("write", self.join(name))(source)
        })
    }
}

fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_path_buf(),
        None => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_with_those_above_it() {
        let base = tempfile::tempdir().unwrap();
        let inner = Directory::from(base.path()).inner("a").inner("b");
        assert!(!inner.exists());
        for _ in 0..2 {
            inner.create().unwrap();
            assert!(inner.exists());
        }
        inner.replace("file", &[b"one", b"two"]).unwrap();
        inner.replace("file", &[b"three"]).unwrap();
        assert_eq!(inner.names().unwrap(), ["file"]);
        assert_eq!(inner.read("file", 5).unwrap(), b"three");
        assert!(inner.read("file", 4).is_err(), "larger than is read");
        assert!(inner.replace("no/such", &[b"one"]).is_err());
    }
}
