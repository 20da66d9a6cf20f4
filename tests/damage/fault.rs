//! One thing that is wrong with one file, and what is to be expected of it.

use std::{
    fmt,
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{
    place::Place,
    small::{Block, Small, UNIT, is, number, shard_of},
};

/// What happens to a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// One bit is the other one.
    Flip(u8),
    Zero,
    /// The file ends before it.
    Cut,
}

/// A byte that is harmed.
#[derive(Debug, Clone)]
pub(crate) struct Fault<'a> {
    pub(crate) file: &'a PathBuf,
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    pub(crate) harm: Harm,
}

impl Fault<'_> {
    /// Whether the file is another one then.
    pub(crate) fn changes_something(&self) -> bool {
        self.harm != Harm::Zero || self.bytes[self.at] != 0
    }

    pub(crate) fn inflict(&self, place: &Place) {
        let at = self.at as u64;
        let byte = self.bytes[self.at];
        let file = self.open(place);
        match self.harm {
            Harm::Flip(bit) => file.write_all_at(&[byte ^ (1 << bit)], at).unwrap(),
            Harm::Zero => file.write_all_at(&[0], at).unwrap(),
            Harm::Cut => file.set_len(at).unwrap(),
        }
    }

    /// Puts the file right again.
    pub(crate) fn mend(&self, place: &Place) {
        let end = match self.harm {
            Harm::Flip(_) | Harm::Zero => self.at + 1,
            Harm::Cut => self.bytes.len(),
        };
        let part = &self.bytes[self.at..end];
        self.open(place).write_all_at(part, self.at as u64).unwrap();
    }

    fn open(&self, place: &Place) -> File {
        let path = place.path().join(self.file);
        File::options().write(true).open(path).unwrap()
    }

    pub(crate) fn shard(&self) -> usize {
        shard_of(self.file)
    }

    /// Whether recovery has to read the file.
    pub(crate) fn is_needed(&self, small: &Small) -> bool {
        let covered = small.whole.shards[self.shard()].snapshot_segment;
        is(self.file, "log") && number(self.file) > covered
    }

    fn harms(&self, part: Range<u64>) -> bool {
        match self.harm {
            Harm::Cut => (self.at as u64) < part.end,
            Harm::Flip(_) | Harm::Zero => part.contains(&(self.at as u64)),
        }
    }

    /// The blocks that cannot be whole any more, of those that no snapshot covers.
    pub(crate) fn harmed<'b>(&self, small: &'b Small) -> Vec<&'b Block> {
        let of_file = small.blocks.iter().filter(|block| block.file == *self.file);
        of_file
            .filter(|block| self.harms(block.header.offset..block.end))
            .collect()
    }

    /// Where the damage begins, as a finding tells it.
    pub(crate) fn offset(&self, small: &Small) -> Option<u64> {
        let mut of_file = small.blocks.iter().filter(|block| block.file == *self.file);
        let first = self.harmed(small).first().map(|block| block.header.offset);
        let last = of_file.next_back()?;
        if self.harms(0..UNIT) {
            return Some(0);
        }
        // Behind its last block a file can only be too short.
        first.or((self.harm == Harm::Cut).then_some(last.end))
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at, harm, .. } = self;
        write!(f, "{harm:?} at {at} of {}", Path::new(file).display())
    }
}
