//! How fast the housekeeper works: in small steps with rests between them as long as it is ahead of the
//! shards, and without a rest once it is not.
//!
//! A thread that works for milliseconds on end takes a core, and the device, from the draws for as
//! long: with as many threads as cores that is what the slowest draws wait for. A step takes some
//! hundred microseconds at most.

use std::time::Duration;

use crate::wal::sealed::AtMost;

/// The rest after a step that was not urgent.
pub(super) const BREATH: Duration = Duration::from_millis(1);
/// The bytes of a step that is not urgent.
const STEP_BYTES: u64 = 128 << 10;
/// The bytes of one that is.
const STEP_BYTES_URGENT: u64 = 1 << 20;
/// The records that are read in a step: some 50 microseconds' worth.
const STEP_RECORDS: u64 = 8192;

/// What the housekeeper does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// There is nothing to do.
    Idle,
    /// There is, and time for it.
    Gentle,
    /// Somebody waits for it, or soon will.
    Urgent,
}

impl Pace {
    /// The pace of work on a segment of which `done` bytes are done, while the shard has written `used`
    /// bytes of the one that has to last until then: twice as far as the shard is far enough.
    pub(super) fn of(done: u64, used: u64) -> Self {
        if done < used.saturating_mul(2) {
            Self::Urgent
        } else {
            Self::Gentle
        }
    }

    /// How much is read in a step.
    pub(super) fn step(self) -> AtMost {
        AtMost {
            bytes: self.step_bytes(),
            records: STEP_RECORDS,
        }
    }

    /// How many bytes a step is long.
    pub(super) fn step_bytes(self) -> u64 {
        match self {
            Self::Urgent => STEP_BYTES_URGENT,
            Self::Idle | Self::Gentle => STEP_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_hurries() {
        assert_eq!(Pace::of(0, 0), Pace::Gentle);
        assert_eq!(Pace::of(4096, 2048), Pace::Gentle);
        assert_eq!(Pace::of(4095, 2048), Pace::Urgent);
        assert_eq!(Pace::of(1 << 40, u64::MAX), Pace::Urgent);
        assert!(Pace::Urgent.step_bytes() > Pace::Gentle.step_bytes());
        assert_eq!(
            [Pace::Gentle, Pace::Idle, Pace::Urgent].iter().max(),
            Some(&Pace::Urgent)
        );
    }
}
