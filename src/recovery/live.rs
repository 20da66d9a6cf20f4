//! Reading a directory that an engine is writing to: files come and go, and blocks are half
//! written, while they are read. What seems wrong is looked at again before it is believed.

use std::{thread, time::Duration};

use super::Visit;
use crate::{error::Error, machine::Directory, wal::run::Run};

const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until nothing is wrong, no engine has the directory, or it was looked at often enough.
/// `look` learns whether what it finds may be believed in any case.
pub(super) fn until_settled<T>(
    directory: &Directory,
    mut look: impl FnMut(bool) -> Result<T, Error>,
    nothing_is_wrong: impl Fn(&T) -> bool,
) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        let last = attempt == ATTEMPTS || !directory.is_locked();
        let found = look(last);
        if last || found.as_ref().is_ok_and(&nothing_is_wrong) {
            return found;
        }
        attempt += 1;
        thread::sleep(PAUSE);
    }
}

/// Lets every record of a shard through once, in order, however often the shard is read.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// The last sequence number that was let through.
    seen: u64,
    /// Behind this one some are missing, also when they were looked for again: the engine has
    /// retired their segment.
    missing_behind: Option<u64>,
    /// Nothing more is let through this time: what is missing may be there the next time.
    held_back: bool,
}

impl Once {
    /// The shard is read from its beginning.
    pub(super) fn begin(&mut self) {
        self.held_back = false;
    }

    /// Gives to `visit` what has its turn. `believe` takes what is missing for gone.
    pub(super) fn see(&mut self, run: Run<'_>, believe: bool, visit: Visit<'_>) {
        let Some(run) = run.behind(self.seen).filter(|_| !self.held_back) else {
            return;
        };
        let follows = self.seen == 0 || run.first_seq == self.seen + 1;
        if !follows && !believe && self.missing_behind != Some(self.seen) {
            self.missing_behind = Some(self.seen);
            self.held_back = true;
            return;
        }
        self.seen = run.last_seq();
        visit(run);
    }

    /// Whether everything that was read was let through, now or before.
    pub(super) fn is_complete(&self) -> bool {
        !self.held_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::{record::Record, run::Records};

    #[test]
    fn what_is_missing_is_looked_for_once_more() {
        let record = Record::RequestsReserved { upto: 1 };
        let mut once = Once::default();
        let mut read = |sequences: &[u64], believe| {
            let mut seen = Vec::new();
            once.begin();
            for &seq in sequences {
                let run = Run {
                    first_seq: seq,
                    records: Records::One(&record),
                };
                once.see(run, believe, &mut |run| {
                    run.for_each(|seq, _| seen.push(seq));
                });
            }
            (seen, once.is_complete())
        };
        assert_eq!(read(&[3, 4, 6], false), (vec![3, 4], false));
        assert_eq!(read(&[3, 4, 5, 6], false), (vec![5, 6], true));
        assert_eq!(read(&[5, 6, 8, 9], false), (vec![], false));
        assert_eq!(read(&[6, 8, 9], false), (vec![8, 9], true));
        assert_eq!(read(&[9, 11], true), (vec![11], true));
    }
}
