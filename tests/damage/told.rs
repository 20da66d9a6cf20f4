//! What a refusal has to tell: the place, and the loss.

use std::path::Path;

use crate::small::Block;
use tombola::{
    FindingKind,
    recovery::{Examination, Gap},
};

/// What is wrong with one shard.
pub(crate) struct Told<'a> {
    pub(crate) shard: usize,
    /// Where the log breaks off first.
    pub(crate) file: &'a Path,
    pub(crate) offset: u64,
    /// The blocks that cannot be read any more.
    pub(crate) gone: Vec<&'a Block>,
}

impl Told<'_> {
    /// The refusal names the place, and the loss: no more and no less than what cannot be read.
    pub(crate) fn assert_by(&self, examined: &Examination, what: &str) {
        let first = examined.findings().find(|finding| !finding.recoverable);
        let first = first.unwrap();
        let name = self.file.file_name().unwrap().to_str().unwrap();
        assert_eq!(first.shard, self.shard, "{what}");
        assert_eq!(first.segment, name, "{what}");
        assert_eq!(first.offset, self.offset, "{what}: {first}");
        let gone = || self.gone.iter().map(|block| block.header);
        let is_gone =
            |seq: u64| gone().any(|block| (block.first_seq..block.next_seq()).contains(&seq));
        // A record that does not fit without one that is gone is gone too.
        let does_not_fit = |seq: u64| {
            let mut findings = examined
                .findings()
                .filter(|it| it.kind == FindingKind::Record);
            findings.any(|it| it.first_seq <= Some(seq) && Some(seq) <= it.last_seq)
        };
        let gaps = &examined.shards[self.shard].gaps;
        for gap in gaps.iter().filter(|gap| gap.is_exact) {
            for seq in gap.first_seq..=gap.last_seq {
                assert!(
                    is_gone(seq) || does_not_fit(seq),
                    "{what}: {seq} is not gone"
                );
            }
        }
        let is_told = |seq: u64| {
            let is_in = |gap: &Gap| (gap.first_seq..=gap.last_seq).contains(&seq);
            gaps.iter().any(is_in)
        };
        for seq in gone().flat_map(|block| block.first_seq..block.next_seq()) {
            assert!(is_told(seq), "{what}: {seq} is gone, and that is not told");
        }
        let mut others = examined
            .shards
            .iter()
            .filter(|other| other.shard != self.shard);
        assert!(others.all(|other| other.gaps.is_empty()), "{what}");
    }
}
