//! One shard's segments and snapshots, as the housekeeper keeps them.
//!
//! A snapshot is the one before it and the segments sealed since, replayed through the same
//! `apply`: so the shard never stops for it, and every sealed segment is read back once.

use std::{path::Path, sync::Arc, time::Duration};

use super::{HousekeeperHandle, pace::Pace, retire};
use crate::{
    error::Error,
    machine::{Access, Clock, Directory},
    shard::partition::{CountsOnly, Partition},
    snapshot::{self, Covered},
    wal::{
        reader::SegmentReader,
        sealed::{AtMost, Broken, Progress, Reading, Sealed},
        segment::{self, Identity, Making, Preparation, PreparedSegment, SegmentSupply},
    },
};

/// After a failure it is tried again so much later.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// What the housekeeper has to know about one shard.
#[derive(Debug, Clone)]
pub(crate) struct KeepingOptions {
    pub(crate) directory: Directory,
    pub(crate) archive: Option<Directory>,
    pub(crate) clock: Clock,
    pub(crate) identity: Identity,
    pub(crate) making: Making,
    pub(crate) snapshot_records: u64,
}

/// One shard's segments and snapshots.
pub(crate) struct Keeping {
    options: KeepingOptions,
    supply: Arc<SegmentSupply>,
    /// The state after the last segment that was read.
    shadow: Partition<CountsOnly>,
    /// The last record that is in it: a segment that could not be read to its end is read again.
    shadow_seq: u64,
    covered: Covered,
    /// What the newest snapshot covers.
    snapshot: Covered,
    next_to_prepare: u64,
    /// The segment that is being made.
    preparing: Option<Preparation>,
    /// The sealed segment that is being read.
    reading: Option<Reading>,
    /// A sealed segment does not read back: no snapshot covers it any more.
    damage: Option<String>,
    /// Why the next sealed segment could not be read when that was last tried, which says nothing
    /// about it, and when it is tried again.
    hindrance: Option<(String, Duration)>,
    /// When something that failed is tried again, by the time that passes.
    retry_at: Option<Duration>,
}

impl Keeping {
    /// `covered` is where the log was repaired to, `shadow` the state there, and `snapshot` what the
    /// newest snapshot covers.
    pub(crate) fn new(
        options: KeepingOptions,
        supply: Arc<SegmentSupply>,
        shadow: Partition<CountsOnly>,
        covered: Covered,
        snapshot: Covered,
        next_to_prepare: u64,
    ) -> Self {
        Self {
            options,
            supply,
            shadow,
            shadow_seq: covered.next_seq - 1,
            covered,
            snapshot,
            next_to_prepare,
            preparing: None,
            reading: None,
            damage: None,
            hindrance: None,
            retry_at: None,
        }
    }

    pub(super) fn moves_in(&self) {
        self.supply.moves_in();
    }

    /// Goes on with the next segment if one is wanted.
    pub(super) fn prepare(&mut self, handle: &HousekeeperHandle) -> Pace {
        let ready = self.supply.prepared.len();
        if ready >= self.supply.wanted() || self.is_resting() {
            return Pace::Idle;
        }
        let done = self.preparing.as_ref().map_or(0, Preparation::done);
        let pace = if ready == 0 {
            Pace::of(done, self.supply.used())
        } else {
            Pace::Gentle
        };
        match self.prepare_some(pace.step_bytes()) {
            Ok(()) => pace,
            Err(error) => {
                self.preparing = None;
                self.rest(
                    handle,
                    &format!("the next segment cannot be prepared: {error}"),
                );
                Pace::Idle
            }
        }
    }

    fn prepare_some(&mut self, bytes: u64) -> Result<(), Error> {
        let KeepingOptions {
            directory, making, ..
        } = &self.options;
        let preparing = match &mut self.preparing {
            Some(preparing) => preparing,
            none => none.insert(Preparation::begin(
                directory,
                self.next_to_prepare,
                *making,
            )?),
        };
        if let Some(path) = preparing.go_on(bytes)? {
            // There is room: only this thread pushes.
            let _ = self.supply.prepared.push(PreparedSegment {
                number: preparing.number(),
                path,
                bytes: making.bytes,
            });
            self.next_to_prepare += 1;
            self.preparing = None;
        }
        Ok(())
    }

    /// Reads on in the next sealed segment, if there is one, and makes a snapshot if it is time. It is
    /// urgent if someone waits for a snapshot.
    pub(super) fn follow(&mut self, handle: &HousekeeperHandle, is_waited_for: bool) -> Pace {
        let behind = self.supply.sealed_upto() - self.covered.segment;
        if self.damage.is_some() || behind == 0 || self.is_hindered() {
            return Pace::Idle;
        }
        let done = self.reading.as_ref().map_or(0, Reading::done);
        let pace = if is_waited_for || behind > 1 {
            Pace::Urgent
        } else {
            Pace::of(done, self.supply.used())
        };
        match self.read_some(pace.step()) {
            Ok(Ok(true)) => {
                self.hindrance = None;
                handle.change_stats(|stats| stats.segments_checked += 1);
            }
            Ok(Ok(false)) => return pace,
            Ok(Err(message)) => {
                handle.alarm(self.shard(), &message);
                self.damage = Some(message);
                return Pace::Idle;
            }
            Err(error) => {
                self.reading = None;
                let message = format!("a sealed segment cannot be read: {error}");
                if is_passing(&error) {
                    if self.hindrance.is_none() {
                        handle.alarm(self.shard(), &message);
                    }
                    let again_at = self.options.clock.passed() + RETRY_AFTER;
                    self.hindrance = Some((message, again_at));
                } else {
                    handle.alarm(self.shard(), &message);
                    self.damage = Some(message);
                }
                return Pace::Idle;
            }
        }
        if self.covered.next_seq - self.snapshot.next_seq >= self.options.snapshot_records
            && !self.is_resting()
            && let Err(error) = self.snapshot(handle)
        {
            self.rest(handle, &format!("no snapshot was made: {error}"));
        }
        pace
    }

    /// Makes sure that a snapshot covers everything up to segment `upto`; `None` while that segment
    /// has not been read, and nothing is known that keeps it from being read.
    pub(super) fn snapshot_upto(
        &mut self,
        upto: u64,
        handle: &HousekeeperHandle,
    ) -> Option<Result<(), Error>> {
        if self.covered.segment < upto {
            let hindrance = self.hindrance.as_ref().map(|(message, _)| message);
            let reason = self.damage.as_ref().or(hindrance);
            return reason.map(|reason| {
                let reason = reason.clone();
                Err(Error::Snapshot { reason })
            });
        }
        if self.snapshot.next_seq == self.covered.next_seq
            && self.snapshot.segment == self.covered.segment
        {
            return Some(Ok(()));
        }
        Some(self.snapshot(handle))
    }

    /// Reads so much more of the next sealed segment; tells whether that was its end, or what is
    /// wrong with it.
    fn read_some(&mut self, at_most: AtMost) -> Result<Result<bool, String>, Error> {
        let KeepingOptions {
            directory,
            identity,
            ..
        } = &self.options;
        let number = self.covered.segment + 1;
        let (shadow, shadow_seq) = (&mut self.shadow, &mut self.shadow_seq);
        let mut reading = if let Some(reading) = self.reading.take() {
            reading
        } else {
            let reader = SegmentReader::open_past_cache(directory, number)?;
            let path = reader.path().to_path_buf();
            match Reading::begin(reader, *identity) {
                Ok(reading) => reading,
                Err(broken) => return Ok(Err(does_not_read_back(&path, &broken))),
            }
        };
        let progress = reading.go_on(at_most, &mut |run| {
            let Some(run) = run.behind(*shadow_seq) else {
                return Ok(());
            };
            let applied = shadow.apply_run(run);
            *shadow_seq = match &applied {
                Ok(()) => run.last_seq(),
                Err((seq, _)) => seq - 1,
            };
            applied.map_err(|(seq, misfit)| (seq, misfit.to_string()))
        })?;
        let path = reading.reader().path();
        match progress {
            Progress::More => {
                self.reading = Some(reading);
                Ok(Ok(false))
            }
            Progress::Whole(Sealed {
                header,
                next_seq,
                chain,
                end,
            }) if (header.first_seq, header.previous)
                == (self.covered.next_seq, self.covered.chain) =>
            {
                if reading.reader().length() > end {
                    let file = directory.open(&segment::name(number), Access::Write);
                    let cut = file.and_then(|file| file.set_length(end));
                    cut.map_err(Error::io("cut off what was not used of", path))?;
                }
                self.covered = Covered {
                    segment: number,
                    next_seq,
                    chain,
                };
                Ok(Ok(true))
            }
            Progress::Whole(_) => Ok(Err(format!(
                "{} does not continue the segment before it",
                path.display()
            ))),
            Progress::Broken(broken) => Ok(Err(does_not_read_back(path, &broken))),
        }
    }

    fn snapshot(&mut self, handle: &HousekeeperHandle) -> Result<(), Error> {
        let KeepingOptions {
            directory,
            identity,
            archive,
            ..
        } = &self.options;
        snapshot::write(directory, *identity, self.covered, &self.shadow.image())?;
        self.snapshot = self.covered;
        handle.change_stats(|stats| stats.snapshots += 1);
        let retired = retire::retire(directory, archive.as_ref(), self.shard())?;
        handle.change_stats(|stats| stats.segments_retired += retired);
        Ok(())
    }

    fn shard(&self) -> usize {
        self.options.identity.shard as usize
    }

    fn is_resting(&self) -> bool {
        self.retry_at
            .is_some_and(|at| self.options.clock.passed() < at)
    }

    fn is_hindered(&self) -> bool {
        let again_at = self.hindrance.as_ref().map(|(_, again_at)| *again_at);
        again_at.is_some_and(|at| self.options.clock.passed() < at)
    }

    /// Something failed that may work later: tells it once a row of failures, and waits a little.
    fn rest(&mut self, handle: &HousekeeperHandle, message: &str) {
        let now = self.options.clock.passed();
        if self.retry_at.is_none_or(|at| now > at + 5 * RETRY_AFTER) {
            handle.alarm(self.shard(), message);
        }
        self.retry_at = Some(now + RETRY_AFTER);
    }
}

fn does_not_read_back(path: &Path, broken: &Broken) -> String {
    let Broken {
        offset,
        first_seq,
        message,
        ..
    } = broken;
    let first_seq = first_seq.map_or_else(|| "unknown".into(), |seq| seq.to_string());
    format!(
        "{} does not read back: offset {offset}, sequence number {first_seq}: {message}",
        path.display()
    )
}

/// Whether the process or the system is short of something that it may have again, which says
/// nothing about the file.
fn is_passing(error: &Error) -> bool {
    let Error::Io { source, .. } = error else {
        return false;
    };
    matches!(
        source.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)
    )
}
