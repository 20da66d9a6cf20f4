//! One engine at a time has a data directory.

use std::{io, thread, time::Duration};

use super::{Directory, Lock};
use crate::error::Error;

/// How often, and after which pause, a lock that is held is tried again: whoever asks whether it is
/// held holds it for a moment.
const PROBED_AT_MOST: u32 = 10;
const PROBE_PAUSE: Duration = Duration::from_millis(2);

impl Directory {
    /// The name of its lock file.
    pub(crate) const LOCK: &'static str = "lock";

    /// Takes the lock, until it is dropped or the process ends, or says who cannot have it.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let path = self.join(Self::LOCK);
        let mut attempts = 1..PROBED_AT_MOST;
        loop {
            match self.files().lock(&path) {
                Ok(lock) => return Ok(lock),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Err(Error::io("lock", path)(error));
                }
                // Perhaps nobody but a reader that looks whether it is held.
                Err(_) if attempts.next().is_some() => thread::sleep(PROBE_PAUSE),
                Err(_) => {
                    return Err(Error::Locked {
                        path: self.path().to_path_buf(),
                    });
                }
            }
        }
    }

    /// Whether an engine holds it at this moment.
    pub(crate) fn is_locked(&self) -> bool {
        self.files().is_locked(&self.join(Self::LOCK))
    }
}
