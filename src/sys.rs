//! What only the operating system can do: pinning threads, locking and flushing directories.

mod clock;

pub use clock::Clock;

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::error::Error;

/// The name of the lock file in a data directory.
pub(crate) const LOCK_FILE: &str = "lock";

/// How often, and after which pause, a lock that is held is tried again: whoever asks whether it is
/// held holds it for a moment.
const PROBED_AT_MOST: u32 = 10;
const PROBE_PAUSE: Duration = Duration::from_millis(2);

/// Makes a directory's entries durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory and its parents, durably: every new one is flushed in the one above it.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    let new: Vec<&Path> = path.ancestors().take_while(|part| !part.exists()).collect();
    std::fs::create_dir_all(path).map_err(Error::io("make the directory", path))?;
    let above = |part: &Path| match part.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_path_buf(),
        None => part.to_path_buf(),
    };
    for part in new.iter().filter(|part| !part.as_os_str().is_empty()) {
        let parent = above(part);
        sync_directory(&parent).map_err(Error::io("flush the directory", parent))?;
    }
    if new.is_empty() {
        // Whoever made it may have been interrupted before this. It may also be that this process
        // is not allowed to read the directory above one that was given to it.
        let _ = sync_directory(&above(path));
    }
    Ok(())
}

/// Makes an existing file's content durable under its name: written beside it, then renamed.
pub(crate) fn replace_file(
    directory: &Path,
    name: &str,
    parts: &[&[u8]],
) -> Result<PathBuf, Error> {
    use std::io::Write as _;
    let path = directory.join(name);
    let temporary = directory.join(format!("{name}.tmp"));
    let write = || {
        let mut file = File::create(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        sync_directory(directory)
    };
    write().map_err(|source| {
        // What is half written would only take space; the error tells what happened.
        let _ = std::fs::remove_file(&temporary);
        Error::Io {
            action: "write",
            path: path.clone(),
            source,
        }
    })?;
    Ok(path)
}

/// Holds a data directory for one engine, until it is dropped or its process ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "held, never read")] File);

impl DirectoryLock {
    /// Takes the lock, or says who cannot have it.
    pub(crate) fn take(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(LOCK_FILE);
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = open.map_err(Error::io("open", &path))?;
        let mut attempts = 1..PROBED_AT_MOST;
        let locked = loop {
            match file.try_lock() {
                // Perhaps nobody but a reader that looks whether it is held.
                Err(TryLockError::WouldBlock) if attempts.next().is_some() => {
                    std::thread::sleep(PROBE_PAUSE);
                }
                locked => break locked,
            }
        };
        match locked {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked {
                path: directory.to_path_buf(),
            }),
            Err(TryLockError::Error(source)) => Err(Error::Io {
                action: "lock",
                path,
                source,
            }),
        }
    }

    /// Whether an engine holds the directory at this moment.
    pub(crate) fn is_held(directory: &Path) -> bool {
        let Ok(file) = File::open(directory.join(LOCK_FILE)) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The cores this process may use. Ask before the first thread is pinned: afterwards the list
/// holds only the mask of the thread that asks.
pub(crate) fn core_ids() -> Vec<core_affinity::CoreId> {
    core_affinity::get_core_ids().unwrap_or_default()
}

/// Pins the calling thread; `false` where the system refuses.
pub(crate) fn pin(core: core_affinity::CoreId) -> bool {
    core_affinity::set_for_current(core)
}

/// Random bytes from the operating system.
pub(crate) fn random_u64() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::Io {
        action: "read random bytes from",
        path: PathBuf::from("the operating system"),
        source: io::Error::other(error),
    })
}
