//! Damage to what was durable: it is harmless or told, and accepting it loses nothing but what is named.

use std::{collections::BTreeSet, path::Path};

use tombola::{
    Error,
    machine::Directory,
    recovery::{self, Depth},
    storage::WRITE_UNIT,
    wal::{
        reader::{Found, SegmentReader},
        segment,
    },
};

use crate::{plan::Plan, run::Run, verdict};

/// What comes after damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// More lives.
    GoesOn,
    /// Nothing: the damage is still there, and every look finds it.
    Ends,
}

impl Run {
    /// Something durable is damaged.
    pub(crate) fn rot(&mut self) -> Result<After, String> {
        let is_meant = |path: &Path| path.starts_with(Plan::DATA) && !path.ends_with("lock");
        if self.is_empty() {
            return Ok(After::Ends);
        }
        match self.disk.rot(is_meant) {
            Some((path, offset)) => {
                let path = path.display();
                self.after_damage(&format!("after offset {offset} of {path} was damaged"))
            }
            None => Ok(After::Ends),
        }
    }

    /// Damage is harmless, or told; and if it is told, nothing is changed before the loss is
    /// accepted, and then nothing is lost but what is named.
    pub(crate) fn after_damage(&mut self, place: &str) -> Result<After, String> {
        if self.is_empty() {
            return Ok(After::Ends);
        }
        let (data, _) = self.directories();
        let image = self.disk.image();
        let proven = proven(&data, self.plan.engine.shards).map_err(|error| error.to_string())?;
        match self.open_and_kill() {
            Ok(()) => {
                self.is_harmless(&data, &proven)
                    .map_err(|reason| format!("{place}: {reason}"))?;
                self.report.harmless += 1;
            }
            Err(reason) => {
                if self.disk.image() != image {
                    return Err(format!(
                        "{place}: refused, and changed all the same: {reason}"
                    ));
                }
                self.report.refusals += 1;
                let accepted = self.accept(&data, &proven);
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

    /// Damage to what only archives and covered segments hold is not looked at when an engine opens.
    fn is_harmless(&self, data: &Directory, proven: &[u64]) -> Result<(), String> {
        let examined = recovery::examine(data, Depth::Needed).map_err(|error| error.to_string())?;
        for completion in self.book.acknowledged.values() {
            let upto = examined.shards[completion.shard].next_seq;
            let proven = proven[completion.shard];
            if completion.seq >= Some(upto) && completion.seq <= Some(proven) {
                return Err(format!("silently lost: {completion:?}"));
            }
        }
        Ok(())
    }

    /// The loss is accepted: what was acknowledged is there, or it is named.
    fn accept(&mut self, data: &Directory, proven: &[u64]) -> Result<After, String> {
        let mut readable = BTreeSet::new();
        let read = recovery::read_records(data, &mut |shard, seq, _| {
            readable.insert((shard, seq));
        });
        let covered: Vec<u64> = match read {
            Ok(read) => read.shards.iter().map(|shard| shard.snapshot_seq).collect(),
            // The description itself is damaged.
            Err(_) => vec![u64::MAX; self.plan.engine.shards],
        };
        let accepted = match recovery::accept_loss(data) {
            // Not even a first block was written: nothing tells whose directory it is.
            Err(Error::Description { .. }) if self.history.is_empty() => return Ok(After::Ends),
            accepted => accepted.map_err(|error| format!("it cannot be accepted: {error}"))?,
        };
        let is_named = |shard: usize, seq: u64| {
            let of_shard = accepted.iter().filter(|accepted| accepted.shard == shard);
            let mut lost = of_shard.flat_map(|accepted| &accepted.lost);
            lost.any(|gap| (gap.first_seq..=gap.last_seq).contains(&seq))
        };
        for completion in self.book.acknowledged.values() {
            let (shard, seq) = (completion.shard, completion.seq.unwrap_or(0));
            let is_there = seq <= covered[shard] || readable.contains(&(shard, seq));
            if is_there == is_named(shard, seq) && seq <= proven[shard] {
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

/// By shard: the last sequence number that some whole block, wherever it is, proves to have been
/// durable. What comes after it cannot be told from the torn tail of a crash.
fn proven(data: &Directory, shards: usize) -> Result<Vec<u64>, Error> {
    let of_shard = |shard: usize| {
        let directory = data.inner(format!("shard-{shard:03}"));
        let mut proven = 0;
        for number in segment::list(&directory)? {
            let mut reader = SegmentReader::open(&directory, number)?;
            for offset in (0..reader.length()).step_by(WRITE_UNIT) {
                let proof = match reader.look(offset)? {
                    Found::Block(block, _) => block.durable_upto,
                    Found::Misplaced(block) => block.next_seq() - 1,
                    _ => 0,
                };
                proven = proof.max(proven);
            }
        }
        Ok(proven)
    };
    (0..shards).map(of_shard).collect()
}
