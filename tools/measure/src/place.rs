//! Where a bench writes.

use std::{
    env, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::Machine;

/// Why there is no place to measure at.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// No file system is on a device.
    #[error("{0}: there is no device to measure; name a directory on one")]
    InMemory(String),
    /// The operating system refused a directory.
    #[error("cannot {action} {}: {error}", path.display())]
    Refused {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// A new directory on a file system that is not in memory, removed when it is dropped.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    machine: Machine,
}

impl Place {
    /// Below `parent`, or else wherever a device is found; its name begins with `prefix`.
    ///
    /// # Errors
    /// Where there is no such place, or none can be made.
    pub fn make(parent: Option<&Path>, prefix: &str) -> Result<Self, PlaceError> {
        let parents = match parent {
            Some(parent) => vec![parent.to_owned()],
            None => vec![env::temp_dir(), PathBuf::from(".")],
        };
        let mut refused = Vec::new();
        for parent in parents {
            let machine = Machine::with_storage_of(&parent);
            if machine.is_in_memory() {
                let file_system = &machine.file_system;
                refused.push(format!("{} is in memory ({file_system})", parent.display()));
                continue;
            }
            let directory = tempfile::Builder::new()
                .prefix(prefix)
                .tempdir_in(&parent)
                .map_err(|error| PlaceError::Refused {
                    action: "make a directory in",
                    path: parent,
                    error,
                })?;
            return Ok(Self { directory, machine });
        }
        Err(PlaceError::InMemory(refused.join(", ")))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What it is on.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// As dropping it, but says what went wrong.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn remove(self) -> Result<(), PlaceError> {
        let path = self.directory.path().to_owned();
        self.directory.close().map_err(|error| PlaceError::Refused {
            action: "remove",
            path,
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_device() {
        if Machine::with_storage_of(Path::new("/dev/shm")).is_in_memory() {
            let refused = Place::make(Some(Path::new("/dev/shm")), "tombola-");
            assert!(matches!(refused, Err(PlaceError::InMemory(_))));
        }
    }
}
