//! Storages that finish a write before they return from it.

use std::{collections::VecDeque, io, path::Path};

use super::{Storage, StorageOptions, slots::Slots};

/// Where the bytes of an [`Immediate`] storage go.
pub trait Sink {
    /// What the storage is called in the configuration.
    const NAME: &'static str;

    /// Makes the file the target of the writes that follow.
    ///
    /// # Errors
    /// Where the file cannot be opened or is shorter than `length`; the old target stays then.
    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()>;

    /// Writes all the bytes at an offset of the attached file, as durably as was asked for.
    ///
    /// # Errors
    /// What the operating system said; how much is written is unknown then.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A storage whose writes are finished when [`write`](Storage::write) returns, and reaped in the
/// order in which they were made.
pub struct Immediate<S> {
    sink: S,
    slots: Slots,
    finished: VecDeque<usize>,
}

impl<S: Sink> Immediate<S> {
    pub(super) fn over(sink: S, options: &StorageOptions) -> Self {
        Self {
            sink,
            slots: Slots::new(options),
            finished: VecDeque::with_capacity(options.slots),
        }
    }
}

impl<S: Sink> Storage for Immediate<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.slots.may_attach(length)?;
        self.sink.attach(path, length)?;
        self.slots.attach(length);
        Ok(())
    }

    fn buffer(&mut self, slot: usize) -> &mut [u8] {
        self.slots.buffer(slot)
    }

    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        let bytes = self.slots.begin(slot, offset, length)?;
        if let Err(error) = self.sink.write(offset, bytes) {
            return Err(self.slots.fail(error));
        }
        self.finished.push_back(slot);
        Ok(())
    }

    fn reap(&mut self, _wait: bool) -> io::Result<Option<usize>> {
        self.slots.healthy()?;
        let slot = self.finished.pop_front();
        if let Some(slot) = slot {
            self.slots.finish(slot);
        }
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Durability, storage::WRITE_UNIT};

    /// Fails at its third write, and only there.
    struct Third(u32);

    impl Sink for Third {
        const NAME: &'static str = "third";

        fn attach(&mut self, _path: &Path, _length: u64) -> io::Result<()> {
            Ok(())
        }

        fn write(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
            self.0 += 1;
            if self.0 == 3 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    #[test]
    fn the_first_error_is_the_last_thing_it_does() {
        let options = StorageOptions {
            durability: Durability::Device,
            slots: 4,
            buffer_bytes: WRITE_UNIT,
        };
        let mut storage = Immediate::over(Third(0), &options);
        storage
            .attach(Path::new("any"), 4 * WRITE_UNIT as u64)
            .unwrap();
        storage.write(0, 0, WRITE_UNIT).unwrap();
        storage.write(1, 0, WRITE_UNIT).unwrap();
        assert_eq!(storage.reap(false).unwrap(), Some(0));
        let error = storage.write(2, 0, WRITE_UNIT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(storage.write(3, 0, WRITE_UNIT).is_err());
        assert!(storage.reap(true).is_err());
        assert!(storage.attach(Path::new("any"), 0).is_err());
        assert_eq!(
            storage.sink.0, 3,
            "nothing reached the sink after the error"
        );
    }
}
