//! Where a bench writes.

use std::{
    env,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::machine::Machine;
use crate::failure::Failure;

/// A new directory on a file system that is not in memory, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    directory: TempDir,
    machine: Machine,
}

impl Place {
    /// Below `parent`, or else wherever a device is found.
    pub(super) fn make(parent: Option<&Path>) -> Result<Self, Failure> {
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
                .prefix("tombola-bench-")
                .tempdir_in(&parent)
                .map_err(|error| Failure::io("make a directory in", parent.display(), &error))?;
            return Ok(Self { directory, machine });
        }
        Err(Failure::Usage(format!(
            "{}: there is no device to measure; name a directory on one with --data",
            refused.join(", ")
        )))
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// As dropping it, but says what went wrong.
    pub(super) fn remove(self) -> Result<(), Failure> {
        let path = self.directory.path().to_owned();
        self.directory
            .close()
            .map_err(|error| Failure::io("remove", path.display(), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_device() {
        if Machine::with_storage_of(Path::new("/dev/shm")).is_in_memory() {
            let refused = Place::make(Some(Path::new("/dev/shm")));
            assert!(matches!(refused, Err(Failure::Usage(_))));
        }
    }
}
