//! The operating system's files.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use super::files::{Access, Files, Lock, OpenFile};

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let file = match access {
            Access::Read => File::open(path),
            Access::ReadPastCache => open_past_cache(File::options().read(true), path, 0),
            Access::Write => File::options().write(true).open(path),
            Access::Create => File::create(path),
            Access::Fill => File::create(path).and_then(|_| open_direct(path, 0)),
        }?;
        Ok(Box::new(file))
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match open.try_lock() {
            Ok(()) => Ok(Box::new(open)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_locked(&self, path: &Path) -> bool {
        let open = File::open(path);
        open.is_ok_and(|open| matches!(open.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl OpenFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Opens an existing file to read and write, past the page cache where the file system can do
/// that, with further flags.
pub(crate) fn open_direct(path: &Path, flags: libc::c_int) -> io::Result<File> {
    open_past_cache(OpenOptions::new().read(true).write(true), path, flags)
}

fn open_past_cache(options: &mut OpenOptions, path: &Path, flags: libc::c_int) -> io::Result<File> {
    match options.custom_flags(libc::O_DIRECT | flags).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            options.custom_flags(flags).open(path)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(!SystemFiles.is_locked(&path));
        let lock = SystemFiles.lock(&path).unwrap();
        assert!(SystemFiles.is_locked(&path));
        let second = SystemFiles.lock(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        assert!(!SystemFiles.is_locked(&path));
    }

    #[test]
    fn a_file_system_without_direct_io_is_opened_without_it() {
        open_direct(Path::new("/proc/self/comm"), libc::O_DSYNC).unwrap();
    }
}
