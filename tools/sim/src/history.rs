//! All records that a data directory and its archive hold, in every life again.

use std::collections::{BTreeMap, BTreeSet};

use tombola::{
    machine::Directory,
    recovery::{self, Examination},
    shard::partition::{CountsOnly, Partition},
    storage::WRITE_UNIT,
    wal::{
        reader::{Found, SegmentReader, Start},
        record::Record,
        segment,
    },
};

use crate::{evidence::Evidence, plan::Plan};

/// What was ever found in the logs.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// By shard and sequence number.
    pub records: BTreeMap<(usize, u64), Record>,
    /// The salt of every segment, by shard and number.
    salts: BTreeMap<(usize, u64), u64>,
    /// By shard: records below this number are there for good.
    fixed: BTreeMap<usize, u64>,
    /// How many records there were in the chapters before this one.
    before: u64,
    /// By shard: the state after a loss was accepted, and the number of the record after it.
    base: Vec<(u64, Partition<CountsOnly>)>,
}

impl History {
    /// A loss was accepted: nothing is known any more of what led to the state that there is now.
    pub fn begin_chapter(&mut self, examination: Examination) {
        self.before = self.records_ever();
        self.records.clear();
        self.fixed.clear();
        let shards = examination.shards.into_iter();
        self.base = shards
            .map(|shard| (shard.next_seq, shard.partition))
            .collect();
    }

    /// Whether no record was ever found.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.base.is_empty()
    }

    /// How many records there were in all chapters.
    pub fn records_ever(&self) -> u64 {
        self.before + self.records.len() as u64
    }

    /// The first record of a shard that is known, and the state before it.
    pub fn base(&self, shard: usize, shards: usize) -> (u64, Partition<CountsOnly>) {
        let empty = || Partition::default().on_shard(shard as u32, shards as u32);
        let base = self.base.get(shard).cloned();
        base.unwrap_or_else(|| (1, empty()))
    }

    /// An engine has opened the directory: what it found there stays.
    pub fn fix(&mut self) {
        for (shard, seq) in self.records.keys() {
            self.fixed.insert(*shard, seq + 1);
        }
    }

    /// Reads everything that is there now.
    ///
    /// # Errors
    /// Says what cannot be read, has changed since it was read before, or does not follow.
    pub fn read(
        &mut self,
        data: &Directory,
        archive: &Directory,
        evidence: &Evidence,
    ) -> Result<Examination, String> {
        // What was there when a process ended may go with the power, until an engine has opened.
        let fixed = &self.fixed;
        self.records
            .retain(|(shard, seq), _| fixed.get(shard).is_some_and(|upto| seq < upto));
        let whole: BTreeSet<(usize, u64)> = evidence.whole().collect();
        let mut wrong = None;
        let mut last: BTreeMap<usize, u64> = BTreeMap::new();
        let examination = recovery::read_records(data, &mut |shard, seq, record| {
            if wrong.is_some() {
                return;
            }
            let before = last.insert(shard, seq);
            if !whole.contains(&(shard, seq)) {
                wrong = Some(format!(
                    "record {seq} of shard {shard} was believed, and is in no whole block"
                ));
            } else if let Some(before) = before.filter(|before| before + 1 != seq) {
                wrong = Some(format!(
                    "shard {shard} has no record between {before} and {seq}"
                ));
            } else {
                wrong = self.add(shard, seq, record).err();
            }
        });
        let examination =
            examination.map_err(|error| format!("the logs cannot be read: {error}"))?;
        if let Some(reason) = wrong {
            return Err(reason);
        }
        for (shard, state) in examination.shards.iter().enumerate() {
            let seen = last.get(&shard).copied().unwrap_or(state.snapshot_seq);
            if state.next_seq != seen.max(state.snapshot_seq) + 1 {
                return Err(format!(
                    "shard {shard} goes on at {}, but its last record is {seen}",
                    state.next_seq
                ));
            }
            let name = format!("shard-{shard:03}");
            for directory in [data, archive] {
                self.read_segments(shard, &directory.inner(&name))?;
            }
        }
        Ok(examination)
    }

    /// This, with what can be read after damage.
    ///
    /// # Errors
    /// Says which record has changed though it was proven durable.
    pub(crate) fn with(
        &self,
        records: &BTreeMap<(usize, u64), Record>,
        proven: &[u64],
        examination: &Examination,
    ) -> Result<Self, String> {
        let mut history = self.clone();
        // What was not proven may have been cut off, and its numbers given again.
        history.records.retain(|(shard, seq), _| {
            let upto = examination.shards[*shard].next_seq;
            *seq < upto && (*seq <= proven[*shard] || !records.contains_key(&(*shard, *seq)))
        });
        for ((shard, seq), record) in records {
            history.add(*shard, *seq, record)?;
        }
        Ok(history)
    }

    fn add(&mut self, shard: usize, seq: u64, record: &Record) -> Result<(), String> {
        if self.base.get(shard).is_some_and(|(first, _)| seq < *first) {
            return Ok(());
        }
        match self.records.insert((shard, seq), record.clone()) {
            Some(before) if before != *record => Err(format!(
                "record {seq} of shard {shard} was {before:?} and has become {record:?}"
            )),
            _ => Ok(()),
        }
    }

    /// The salts of all segments, and the records of archived ones.
    fn read_segments(&mut self, shard: usize, directory: &Directory) -> Result<(), String> {
        let Ok(numbers) = segment::list(directory) else {
            return Ok(());
        };
        let is_archive = directory.path().starts_with(Plan::ARCHIVE);
        for number in numbers {
            let mut reader =
                SegmentReader::open(directory, number).map_err(|error| error.to_string())?;
            let Start::Header(header, ..) = reader.start() else {
                continue;
            };
            let other = self
                .salts
                .iter()
                .find(|(at, salt)| **salt == header.salt && **at != (shard, number));
            if let Some(((shard, other), _)) = other {
                return Err(format!(
                    "segment {number} has the salt of segment {other} of shard {shard}"
                ));
            }
            self.salts.insert((shard, number), header.salt);
            if !is_archive {
                continue;
            }
            let mut offset = WRITE_UNIT as u64;
            while let Ok(Found::Block(block, _)) = reader.look(offset) {
                offset += reader.block_bytes(&block);
                let mut wrong = None;
                let read = reader.records(&block, &mut |seq, record| {
                    wrong = wrong.take().or(self.add(shard, seq, record).err());
                    Ok(())
                });
                if let Some(reason) = wrong {
                    return Err(reason);
                }
                read.map_err(|error| error.to_string())?
                    .map_err(|(seq, reason)| format!("archived record {seq}: {reason}"))?;
            }
        }
        Ok(())
    }
}
