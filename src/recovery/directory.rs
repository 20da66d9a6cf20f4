//! The data directory itself: whose it is, and how many shards it has.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    machine::Directory,
    request::PoolId,
    wal::{
        format::hex,
        segment::{FORMAT_VERSION, Identity},
    },
};

pub(super) const META_FILE: &str = "engine.json";
/// The file is some hundred bytes long; more is not read.
const META_BYTES_MAX: u64 = 4096;

/// What a data directory is fixed to when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) version: u32,
    #[serde(with = "hex")]
    pub(crate) engine: u128,
    pub(crate) shards: usize,
    /// The checksum (CRC-32C) of the three before it, as text with blanks between.
    #[serde(with = "hex")]
    crc: u32,
}

impl Meta {
    pub(crate) fn new(engine: u128, shards: usize) -> Self {
        let mut meta = Self {
            version: FORMAT_VERSION,
            engine,
            shards,
            crc: 0,
        };
        meta.crc = meta.checksum();
        meta
    }

    fn checksum(&self) -> u32 {
        crc32c::crc32c(format!("{} {:032x} {}", self.version, self.engine, self.shards).as_bytes())
    }

    /// Who writes the log of one shard.
    pub(crate) fn identity(&self, shard: usize) -> Identity {
        Identity {
            engine: self.engine,
            shard: shard as u32,
            shards: self.shards as u32,
        }
    }

    /// Reads the description of an existing data directory.
    pub(crate) fn read(directory: &Directory) -> Result<Self, Error> {
        let path = directory.join(META_FILE);
        let untrusted = |reason: String| Error::Description {
            path: path.clone(),
            reason,
        };
        let text = match directory.read(META_FILE, META_BYTES_MAX) {
            Ok(text) => text,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                let reason = if directory.exists() {
                    format!("it has no {META_FILE}")
                } else {
                    "there is no such directory".into()
                };
                let path = directory.path().to_path_buf();
                return Err(Error::NotTombola { path, reason });
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(untrusted(error.to_string()));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let meta: Self =
            serde_json::from_slice(&text).map_err(|error| untrusted(error.to_string()))?;
        let of_version = |version| Self {
            version,
            ..meta.clone()
        };
        let has_its_checksum = |version| meta.crc == of_version(version).checksum();
        // With the checksum of a version that is known nothing but the number was damaged.
        if meta.version > FORMAT_VERSION && !(1..=FORMAT_VERSION).any(has_its_checksum) {
            return Err(Error::FutureVersion {
                path,
                found: meta.version,
                supported: FORMAT_VERSION,
            });
        }
        if meta.crc != meta.checksum() || !(1..=PoolId::SHARDS_MAX).contains(&meta.shards) {
            return Err(untrusted("its checksum is wrong".into()));
        }
        Ok(meta)
    }

    /// Reads the description, or makes a fresh data directory where there is nothing yet.
    pub(crate) fn read_or_create(
        directory: &Directory,
        shards: usize,
        engine: impl FnOnce() -> Result<u128, Error>,
    ) -> Result<Self, Error> {
        match Self::read(directory) {
            Ok(meta) => {
                // Whoever made it may have failed to flush its name; everything else relies on it.
                directory.sync()?;
                Ok(meta)
            }
            Err(Error::NotTombola { .. }) if is_fresh(directory)? => {
                let meta = Self::new(engine()?, shards);
                // The shards' directories come first: a description without them would be damage.
                for shard in 0..shards {
                    shard_directory(directory, shard).create()?;
                }
                meta.write(directory)?;
                Ok(meta)
            }
            read => read,
        }
    }

    pub(super) fn write(&self, directory: &Directory) -> Result<(), Error> {
        let text = serde_json::to_string(self).expect("a description is plain");
        directory.replace(META_FILE, &[text.as_bytes(), b"\n"])
    }
}

/// The directory of one shard.
pub(crate) fn shard_directory(directory: &Directory, shard: usize) -> Directory {
    directory.inner(format!("shard-{shard:03}"))
}

/// Whether a directory has nothing in it but what an interrupted first start may leave behind.
fn is_fresh(directory: &Directory) -> Result<bool, Error> {
    for name in directory.names()? {
        let empty_shard = name.starts_with("shard-")
            && directory
                .inner(&name)
                .names()
                .is_ok_and(|names| names.is_empty());
        let temporary = name == format!("{META_FILE}.tmp");
        if !(name == Directory::LOCK || name == "lost+found" || temporary || empty_shard) {
            return Ok(false);
        }
    }
    Ok(true)
}
