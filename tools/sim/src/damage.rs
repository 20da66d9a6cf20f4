//! Damage to what was durable: it is harmless or told, and accepting it loses nothing but what is named.

use std::{collections::BTreeMap, path::Path};

use tombola::{
    Completion, Error,
    machine::Directory,
    recovery::{self, Depth, Examination},
    wal::record::Record,
};

use crate::{evidence::Evidence, plan::Plan, run::Run, verdict};

/// What comes after damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// More lives.
    GoesOn,
    /// Nothing: the damage is still there, and every look finds it.
    Ends,
}

/// What was damaged.
pub(crate) struct Damage {
    /// Where, in words.
    place: String,
    /// By shard: the last sequence number that is proven to have been durable.
    proven: Vec<u64>,
    /// Whether something that recovery needs is damaged.
    is_of_needed: bool,
    /// Whether all records were read before, so that it is known what they come to.
    is_history_known: bool,
}

/// What can be read of the logs.
struct Readable {
    records: BTreeMap<(usize, u64), Record>,
    examination: Examination,
}

impl Run {
    /// Something durable is damaged.
    pub(crate) fn rot(&mut self) -> Result<After, String> {
        let is_meant = |path: &Path| path.starts_with(Plan::DATA) && !path.ends_with("lock");
        if self.is_empty() {
            return Ok(After::Ends);
        }
        let evidence = Evidence::of(&self.disk.image());
        match self.disk.rot(is_meant) {
            Some((path, offset)) => self.after_damage(&Damage {
                place: format!("after offset {offset} of {} was damaged", path.display()),
                proven: self.proven(&evidence),
                is_of_needed: evidence.is_needed(&path, offset),
                is_history_known: true,
            }),
            None => Ok(After::Ends),
        }
    }

    /// Blocks went to places that were not theirs. What they were written over cannot prove more than
    /// they do.
    pub(crate) fn after_misdirection(&mut self) -> Result<After, String> {
        let evidence = Evidence::of(&self.disk.image());
        self.after_damage(&Damage {
            place: "after a block was misdirected".into(),
            proven: self.proven(&evidence),
            is_of_needed: true,
            is_history_known: false,
        })
    }

    fn proven(&self, evidence: &Evidence) -> Vec<u64> {
        let shards = 0..self.plan.engine.shards;
        shards.map(|shard| evidence.proven(shard)).collect()
    }

    /// Damage is harmless, or told; and if it is told, nothing is changed before the loss is
    /// accepted, and then nothing is lost but what is named.
    fn after_damage(&mut self, damage: &Damage) -> Result<After, String> {
        if self.is_empty() {
            return Ok(After::Ends);
        }
        let place = &damage.place;
        let (data, _) = self.directories();
        let image = self.disk.image();
        match self.open_and_kill() {
            Ok(()) => {
                self.is_harmless(&data, damage)
                    .map_err(|reason| format!("{place}: {reason}"))?;
                self.report.harmless += 1;
            }
            Err(reason) => {
                if self.disk.image() != image {
                    return Err(format!(
                        "{place}: refused, and changed all the same: {reason}"
                    ));
                }
                if !damage.is_of_needed {
                    return Err(format!(
                        "{place}: refused, and nothing that was proven durable is damaged: {reason}"
                    ));
                }
                self.report.refusals += 1;
                let accepted = self.accept(&data, damage);
                let after = accepted
                    .map_err(|mistake| format!("{place}, refused because {reason}: {mistake}"))?;
                if after == After::Ends {
                    return Ok(after);
                }
                self.report.accepted += 1;
            }
        }
        // Damage to what is covered by a snapshot stays where it is.
        let examined = recovery::examine(&data, Depth::Everything);
        let examined = examined.map_err(|error| format!("{place}: {error}"))?;
        if examined.findings().next().is_some() {
            return Ok(After::Ends);
        }
        self.book.begin_chapter();
        self.history.begin_chapter(examined);
        Ok(After::GoesOn)
    }

    /// What was acknowledged, and is proven to have been durable.
    fn promised<'a>(&'a self, proven: &'a [u64]) -> impl Iterator<Item = &'a Completion> {
        let acknowledged = self.book.acknowledged.values();
        acknowledged.filter(|completion| completion.seq <= Some(proven[completion.shard]))
    }

    /// Damage to what only archives and covered segments hold is not looked at when an engine opens.
    fn is_harmless(&self, data: &Directory, damage: &Damage) -> Result<(), String> {
        let readable = Readable::of(data).map_err(|error| error.to_string())?;
        for completion in self.promised(&damage.proven) {
            if !readable.has(completion)? {
                return Err(format!("silently lost: {completion:?}"));
            }
        }
        verdict::units_are_conserved(data)?;
        if damage.is_history_known {
            let Readable {
                records,
                examination,
            } = &readable;
            let history = self.history.with(records, &damage.proven, examination)?;
            verdict::state_is_what_the_records_come_to(&history, examination)?;
        }
        Ok(())
    }

    /// The loss is accepted: what was acknowledged is there, or it is named.
    fn accept(&mut self, data: &Directory, damage: &Damage) -> Result<After, String> {
        let readable = Readable::of(data);
        let accepted = match recovery::accept_loss(data) {
            // Not even a first block was written: nothing tells whose directory it is.
            Err(Error::Description { .. }) if self.history.is_empty() => return Ok(After::Ends),
            accepted => accepted.map_err(|error| format!("it cannot be accepted: {error}"))?,
        };
        // Where the description itself was damaged, the logs can be read now.
        let readable = readable.or_else(|_| Readable::of(data));
        let readable = readable.map_err(|error| error.to_string())?;
        let is_named = |shard: usize, seq: u64| {
            let of_shard = accepted.iter().filter(|accepted| accepted.shard == shard);
            let mut lost = of_shard.flat_map(|accepted| &accepted.lost);
            lost.any(|gap| (gap.first_seq..=gap.last_seq).contains(&seq))
        };
        for completion in self.promised(&damage.proven) {
            let is_named = is_named(completion.shard, completion.seq.unwrap_or(0));
            if readable.has(completion)? == is_named {
                return Err(format!("there and named, or neither: {completion:?}"));
            }
        }
        self.open_and_kill()
            .map_err(|error| format!("after accepting: {error}"))?;
        verdict::units_are_conserved(data)
            .map_err(|mistake| format!("after accepting: {mistake}"))?;
        Ok(After::GoesOn)
    }
}

impl Readable {
    fn of(data: &Directory) -> Result<Self, Error> {
        let mut records = BTreeMap::new();
        let examination = recovery::read_records(data, &mut |shard, seq, record| {
            records.insert((shard, seq), record.clone());
        })?;
        Ok(Self {
            records,
            examination,
        })
    }

    /// Whether an acknowledged draw is there, as a record or covered by a snapshot.
    fn has(&self, completion: &Completion) -> Result<bool, String> {
        let seq = completion.seq.ok_or("an acknowledged draw has no number")?;
        match self.records.get(&(completion.shard, seq)) {
            Some(record) if !verdict::is_record_of(record, completion) => Err(format!(
                "acknowledged and changed: {completion:?}; there is {record:?}"
            )),
            Some(_) => Ok(true),
            None => Ok(seq <= self.examination.shards[completion.shard].snapshot_seq),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    use crate::quiet;

    #[test]
    fn a_record_with_the_right_number_and_another_request_or_item_is_not_what_was_acknowledged() {
        for (disk, book) in quiet::lives() {
            let readable = Readable::of(&Directory::among(Arc::new(disk), Plan::DATA)).unwrap();
            let acknowledged = book.acknowledged.values();
            let mut compared = 0;
            for completion in acknowledged.filter(|draw| draw.items().count() == 1) {
                assert_eq!(readable.has(completion), Ok(true));
                let seq = completion.seq.unwrap();
                if !readable.records.contains_key(&(completion.shard, seq)) {
                    continue;
                }
                let mut other = completion.clone();
                other.request += 1;
                assert!(readable.has(&other).is_err());
                let mut other = completion.clone();
                let item = completion.items().next().flatten();
                other.outcome = tombola::Outcome::Item(item.map_or(0, |item| item + 1));
                assert!(readable.has(&other).is_err());
                compared += 1;
            }
            assert!(compared > 0);
        }
    }
}
