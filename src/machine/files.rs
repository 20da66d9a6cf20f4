//! The seam between an engine and its files.

use std::{any::Any, ffi::OsString, fmt, io, path::Path};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// An existing one, to read.
    Read,
    /// Like `Read`, past the page cache where that can be done. Buffers, offsets and lengths of its
    /// reads are multiples of [`WRITE_UNIT`](crate::storage::WRITE_UNIT).
    ReadPastCache,
    /// An existing one, to write into, cut or flush.
    Write,
    /// A new, empty one to write into; what was under the name is gone.
    Create,
    /// Like `Create`, past the page cache where that can be done. Buffers, offsets and lengths of
    /// its writes are multiples of [`WRITE_UNIT`](crate::storage::WRITE_UNIT).
    Fill,
}

/// A lock that is held until it is dropped, or its process ends.
pub type Lock = Box<dyn Any + Send + Sync>;

/// Files and directories by their paths.
///
/// Names and contents are durable as on a POSIX file system: what was written into a file survives a
/// power cut once the file was flushed, that it was made, renamed or removed once its directory was.
pub trait Files: fmt::Debug + Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is none to read or write, and whatever else is wrong.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>>;

    /// Whether there is a directory at this path.
    fn is_directory(&self, path: &Path) -> bool;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// Where there is no such directory, or it cannot be read.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Makes a directory in an existing one; one that is there already is left as it is.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in whatever directory of the same file system; what had that name
    /// is gone.
    ///
    /// # Errors
    /// [`io::ErrorKind::CrossesDevices`] for another file system, and whatever else is wrong.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Where it cannot be removed.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory's names durable.
    ///
    /// # Errors
    /// Where the flush fails.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Takes the lock of the file at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while somebody else has it.
    fn lock(&self, path: &Path) -> io::Result<Lock>;

    /// Whether somebody has the lock of the file at `path`.
    fn is_locked(&self, path: &Path) -> bool;

    /// Whether several threads may work with them at once. Where not, recovery reads the shards one
    /// after the other.
    fn is_parallel(&self) -> bool {
        true
    }
}

/// An open file.
pub trait OpenFile: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Where it cannot be told.
    fn length(&self) -> io::Result<u64>;

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the file ends before, and whatever else is wrong.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// Where it cannot; a part of them may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// Where it cannot.
    fn set_length(&self, bytes: u64) -> io::Result<()>;

    /// Makes content and length durable.
    ///
    /// # Errors
    /// Where the flush fails: what was written since the last one may be lost then, even if a
    /// second flush succeeds.
    fn sync(&self) -> io::Result<()>;
}
