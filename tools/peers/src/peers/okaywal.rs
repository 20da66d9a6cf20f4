//! `OkayWAL`: a log and nothing else, so the nearest relative. An entry is a commit, with 16 bytes a
//! draw as in Tombola's log: its number since the start, and the place of the item.
//!
//! When a file of the log is full, its draws are subtracted from the counts in a small file beside
//! it, which is replaced whole; only then may the log use the file again.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use okaywal::{Configuration, Entry, EntryId, LogManager, SegmentReader, WriteAheadLog};

use crate::{
    failure::Failure,
    kept::{Commit, Kept, Store},
    peer::System,
    pool::Pool,
};

/// A draw's number and an item's place.
const RECORD_BYTES: usize = 16;
/// The size of a file of the log, as Tombola's segments by default.
const SEGMENT_BYTES: u32 = 64 << 20;

struct Okaywal {
    log: WriteAheadLog,
    records: Vec<u8>,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let checkpoint = Checkpoint::open(directory.join("counts"), pool)?;
    // Entries that are replayed may be in the checkpoint too, and the checkpoint goes on from where
    // it is; so what is replayed is counted apart.
    let left = Arc::new(Mutex::new(checkpoint.left.clone()));
    let keeper = Keeper {
        checkpoint,
        replayed: Arc::clone(&left),
    };
    let log = Configuration::default_for(directory.join("log"))
        .preallocate_bytes(SEGMENT_BYTES)
        .checkpoint_after_bytes(u64::from(SEGMENT_BYTES) / 8 * 7)
        .buffer_bytes(256 << 10)
        .open(keeper)?;
    let left = left.lock()?.clone();
    let store = Okaywal {
        log,
        records: Vec::new(),
    };
    Kept::boxed(store, pool, left, 0)
}

impl Store for Okaywal {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        self.records.clear();
        for (number, place) in commit.rows() {
            let record = (u128::from(number) << 64) | u128::from(place);
            self.records.extend_from_slice(&record.to_le_bytes());
        }
        let mut entry = self.log.begin_entry()?;
        entry.write_chunk(&self.records)?;
        entry.commit()?;
        Ok(())
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.log.shutdown()?)
    }
}

/// Counts units for the log.
#[derive(Debug)]
struct Keeper {
    checkpoint: Checkpoint,
    /// What is left after everything in the log.
    replayed: Arc<Mutex<Vec<u64>>>,
}

impl LogManager for Keeper {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        if entry.id() > self.checkpoint.last {
            let mut left = self.replayed.lock().expect("nobody panics with it");
            subtract(entry, &mut left)?;
        }
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        last: EntryId,
        entries: &mut SegmentReader,
        _: &WriteAheadLog,
    ) -> io::Result<()> {
        let checkpoint = &mut self.checkpoint;
        while let Some(mut entry) = entries.read_entry()? {
            if entry.id() > checkpoint.last {
                subtract(&mut entry, &mut checkpoint.left)?;
            }
        }
        checkpoint.last = last;
        checkpoint.save()
    }
}

/// Takes the units of an entry away. One that was cut off by a crash was not acknowledged.
fn subtract(entry: &mut Entry<'_>, left: &mut [u64]) -> io::Result<()> {
    for chunk in entry.read_all_chunks()?.into_iter().flatten() {
        for record in chunk.chunks_exact(RECORD_BYTES) {
            let (place, _) = record.split_first_chunk().expect("a record is longer");
            left[u32::from_le_bytes(*place) as usize] -= 1;
        }
    }
    Ok(())
}

/// What was left after an entry of the log.
#[derive(Debug)]
struct Checkpoint {
    path: PathBuf,
    last: EntryId,
    left: Vec<u64>,
}

impl Checkpoint {
    fn open(path: PathBuf, pool: &Pool) -> io::Result<Self> {
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    last: EntryId(0),
                    left: pool.stock.clone(),
                });
            }
            read => read?,
        };
        let mut numbers = bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes));
        Ok(Self {
            path,
            last: EntryId(numbers.next().ok_or(ErrorKind::UnexpectedEof)?),
            left: numbers.collect(),
        })
    }

    /// Replaces the file, so that after a crash it is the old one or the new one.
    fn save(&self) -> io::Result<()> {
        let numbers = [self.last.0].into_iter().chain(self.left.iter().copied());
        let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        let new = self.path.with_extension("new");
        fs::write(&new, bytes)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.path)?;
        let directory = self.path.parent().expect("it lies in a directory");
        File::open(directory)?.sync_all()
    }
}
