//! What every storage keeps about its slots, and the checks every storage makes.

use std::io;

use super::{StorageOptions, WRITE_UNIT, aligned::AlignedBuffers};

/// The buffers, which of them are in flight, how long the attached file is, and whether the
/// storage has failed.
pub(super) struct Slots {
    buffers: AlignedBuffers,
    in_flight: Box<[bool]>,
    in_flight_count: usize,
    attached: Option<u64>,
    failed: Option<io::ErrorKind>,
}

impl Slots {
    /// # Panics
    /// If the buffers' size is not a positive multiple of [`WRITE_UNIT`].
    pub(super) fn new(options: &StorageOptions) -> Self {
        Self {
            buffers: AlignedBuffers::new(options.slots, options.buffer_bytes),
            in_flight: vec![false; options.slots].into(),
            in_flight_count: 0,
            attached: None,
            failed: None,
        }
    }

    /// An error if the storage has failed before: what a failed sync left on the device is unknown,
    /// so a storage never goes on after one.
    pub(super) fn healthy(&self) -> io::Result<()> {
        match self.failed {
            None => Ok(()),
            Some(kind) => Err(io::Error::new(
                kind,
                format!("the storage has failed before ({kind}) and takes nothing any more"),
            )),
        }
    }

    /// Remembers that the storage has failed, and hands the error on.
    pub(super) fn fail(&mut self, error: io::Error) -> io::Error {
        self.failed.get_or_insert(error.kind());
        error
    }

    /// Checks that a file of this length may be attached.
    pub(super) fn may_attach(&self, length: u64) -> io::Result<()> {
        self.healthy()?;
        if !length.is_multiple_of(WRITE_UNIT as u64) {
            return Err(invalid(format!(
                "a file's length, {length}, is no multiple of {WRITE_UNIT}"
            )));
        }
        Ok(())
    }

    /// Takes the length of a newly attached file.
    pub(super) fn attach(&mut self, length: u64) {
        self.attached = Some(length);
    }

    /// The buffer of a slot that is not in flight.
    ///
    /// # Panics
    /// If the slot is in flight or does not exist.
    pub(super) fn buffer(&mut self, slot: usize) -> &mut [u8] {
        let buffer = self.buffers.get_mut(slot);
        assert!(!self.in_flight[slot], "slot {slot} is in flight");
        buffer
    }

    /// Checks the arguments of a write, marks the slot as in flight and returns the bytes to write.
    pub(super) fn begin(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<&[u8]> {
        self.healthy()?;
        if slot >= self.buffers.count() {
            return Err(invalid(format!("there is no slot {slot}")));
        }
        if self.in_flight[slot] {
            return Err(invalid(format!("slot {slot} is in flight")));
        }
        if length == 0 || !length.is_multiple_of(WRITE_UNIT) || length > self.buffers.each() {
            return Err(invalid(format!("a write of {length} bytes")));
        }
        let Some(attached) = self.attached else {
            return Err(invalid("a write before a file is attached"));
        };
        let end = offset.checked_add(length as u64);
        if !offset.is_multiple_of(WRITE_UNIT as u64) || end.is_none_or(|end| end > attached) {
            return Err(invalid(format!(
                "a write of {length} bytes at {offset} of a file of {attached}"
            )));
        }
        self.in_flight[slot] = true;
        self.in_flight_count += 1;
        Ok(&self.buffers.get(slot)[..length])
    }

    /// The slot is no longer in flight.
    pub(super) fn finish(&mut self, slot: usize) {
        debug_assert!(self.in_flight[slot], "slot {slot} finishes twice");
        self.in_flight[slot] = false;
        self.in_flight_count -= 1;
    }

    /// How many slots are in flight.
    pub(super) fn in_flight_count(&self) -> usize {
        self.in_flight_count
    }

    /// All buffers, in flight or not, to read.
    pub(super) fn buffers(&self) -> &AlignedBuffers {
        &self.buffers
    }

    /// Gives the buffers up without freeing them, for a kernel that may still read them.
    pub(super) fn leak(&mut self) {
        let buffers = std::mem::replace(&mut self.buffers, AlignedBuffers::new(0, WRITE_UNIT));
        std::mem::forget(buffers);
    }
}

/// The answer to arguments that make no sense.
pub(super) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;

    fn slots() -> Slots {
        let mut slots = Slots::new(&StorageOptions {
            durability: Durability::Device,
            slots: 2,
            buffer_bytes: 2 * WRITE_UNIT,
        });
        slots.attach(8 * WRITE_UNIT as u64);
        slots
    }

    #[test]
    fn a_slot_is_in_flight_from_begin_to_finish() {
        let mut slots = slots();
        slots.buffer(1)[0] = 7;
        assert_eq!(slots.begin(1, 0, WRITE_UNIT).unwrap()[0], 7);
        assert_eq!(slots.in_flight_count(), 1);
        let error = slots.begin(1, 0, WRITE_UNIT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        slots.finish(1);
        assert_eq!(slots.in_flight_count(), 0);
        assert_eq!(slots.buffer(1)[0], 7);
    }

    #[test]
    #[should_panic(expected = "slot 0 is in flight")]
    fn the_buffer_of_a_slot_in_flight_panics() {
        let mut slots = slots();
        slots.begin(0, 0, WRITE_UNIT).unwrap();
        slots.buffer(0);
    }

    #[test]
    fn after_a_failure_nothing_is_taken() {
        let mut slots = slots();
        let error = slots.fail(io::ErrorKind::StorageFull.into());
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        slots.fail(io::ErrorKind::TimedOut.into());
        let error = slots.begin(0, 0, WRITE_UNIT).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::StorageFull,
            "the first one stays"
        );
    }

    #[test]
    fn a_leak_leaves_no_buffers() {
        let mut slots = slots();
        slots.leak();
        assert_eq!(slots.buffers().count(), 0);
    }
}
