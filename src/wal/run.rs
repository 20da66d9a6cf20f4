//! Records as they are read: draws by the run, for there are millions of them, and everything else
//! alone.

use super::record::{DrawRecord, Record};

/// Records that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// The sequence number of the first one.
    pub(crate) first_seq: u64,
    /// At least one.
    pub(crate) records: Records<'a>,
}

/// The records of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records<'a> {
    /// Draws, one or more.
    Draws(&'a [DrawRecord]),
    /// A record of whatever kind.
    One(&'a Record),
}

/// Takes runs, and may refuse a record of one: then it tells that one's sequence number, and why.
pub(crate) type EachRun<'a> = &'a mut dyn FnMut(Run<'_>) -> Result<(), (u64, String)>;

impl<'a> Run<'a> {
    /// How many records it has.
    pub(crate) fn len(self) -> u64 {
        match self.records {
            Records::Draws(draws) => draws.len() as u64,
            Records::One(_) => 1,
        }
    }

    /// The sequence number of the last one.
    pub(crate) fn last_seq(self) -> u64 {
        self.first_seq + self.len() - 1
    }

    /// What comes behind a sequence number; `None` if nothing does.
    pub(crate) fn behind(self, seq: u64) -> Option<Self> {
        if seq < self.first_seq {
            return Some(self);
        }
        let over = (seq - self.first_seq).saturating_add(1);
        let draws = self.draws().filter(|draws| over < draws.len() as u64)?;
        Some(Self {
            first_seq: seq + 1,
            records: Records::Draws(&draws[over as usize..]),
        })
    }

    /// What comes before a sequence number; `None` if nothing does.
    pub(crate) fn before(self, seq: u64) -> Option<Self> {
        if seq > self.last_seq() {
            return Some(self);
        }
        let left = seq.checked_sub(self.first_seq).filter(|left| *left > 0)?;
        let draws = self.draws()?;
        Some(Self {
            records: Records::Draws(&draws[..left as usize]),
            ..self
        })
    }

    fn draws(self) -> Option<&'a [DrawRecord]> {
        match self.records {
            Records::Draws(draws) => Some(draws),
            Records::One(_) => None,
        }
    }

    /// Gives each record with its sequence number to `visit`, up to the first one that it refuses;
    /// tells that one's number.
    pub(crate) fn each<E>(
        self,
        mut visit: impl FnMut(u64, &Record) -> Result<(), E>,
    ) -> Result<(), (u64, E)> {
        match self.records {
            Records::Draws(draws) => {
                for (seq, draw) in (self.first_seq..).zip(draws) {
                    visit(seq, &Record::Draw(*draw)).map_err(|error| (seq, error))?;
                }
                Ok(())
            }
            Records::One(record) => {
                visit(self.first_seq, record).map_err(|error| (self.first_seq, error))
            }
        }
    }

    /// Gives each record with its sequence number to `visit`.
    pub(crate) fn for_each(self, mut visit: impl FnMut(u64, &Record)) {
        let seen = self.each::<std::convert::Infallible>(|seq, record| {
            visit(seq, record);
            Ok(())
        });
        seen.unwrap_or_else(|(_, never)| match never {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAW: DrawRecord = DrawRecord {
        pool: 0,
        item: 1,
        request: 2,
    };

    fn numbers(run: Option<Run<'_>>) -> Vec<u64> {
        let mut numbers = Vec::new();
        if let Some(run) = run {
            assert_eq!(run.last_seq() + 1 - run.first_seq, run.len());
            run.for_each(|seq, _| numbers.push(seq));
        }
        numbers
    }

    #[test]
    fn a_run_is_cut_at_either_end() {
        let draws = Run {
            first_seq: 5,
            records: Records::Draws(&[DRAW; 3]),
        };
        let one = Run {
            first_seq: 5,
            records: Records::One(&Record::Draw(DRAW)),
        };
        assert_eq!(numbers(draws.behind(4)), [5, 6, 7]);
        assert_eq!(numbers(draws.behind(5)), [6, 7]);
        assert_eq!(numbers(draws.behind(6)), [7]);
        assert_eq!(draws.behind(7), None);
        assert_eq!(draws.behind(u64::MAX), None);
        assert_eq!(draws.before(5), None);
        assert_eq!(draws.before(0), None);
        assert_eq!(numbers(draws.before(6)), [5]);
        assert_eq!(numbers(draws.before(7)), [5, 6]);
        assert_eq!(numbers(draws.before(8)), [5, 6, 7]);
        assert_eq!((one.behind(4), one.behind(5)), (Some(one), None));
        assert_eq!((one.before(5), one.before(6)), (None, Some(one)));
    }

    #[test]
    fn the_record_that_is_refused_is_named_and_nothing_behind_it_is_seen() {
        let draws = Run {
            first_seq: 5,
            records: Records::Draws(&[DRAW; 3]),
        };
        let mut seen = Vec::new();
        let refused = draws.each(|seq, record| {
            seen.push((seq, record.clone()));
            if seq == 6 { Err("no") } else { Ok(()) }
        });
        assert_eq!(refused, Err((6, "no")));
        assert_eq!(seen, [(5, Record::Draw(DRAW)), (6, Record::Draw(DRAW))]);
    }
}
