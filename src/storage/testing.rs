//! What the tests of the storages share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{StorageOptions, WRITE_UNIT};
use crate::config::Durability;

/// Makes a zero-filled file of so many write units.
pub(super) fn zeroed_file(dir: &Path, name: &str, units: usize) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, vec![0; units * WRITE_UNIT]).unwrap();
    path
}

/// Four slots of four write units each.
pub(super) fn four_slots(durability: Durability) -> StorageOptions {
    StorageOptions {
        durability,
        slots: 4,
        buffer_bytes: 4 * WRITE_UNIT,
    }
}
