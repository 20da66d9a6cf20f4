//! What a scan has found to be gone, and the numbers that are never used again.

use super::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, Scan};
use crate::{
    error::{Error, Finding, FindingKind},
    recovery::state::{Gap, finding},
    wal::{
        reader::{SegmentReader, Start},
        segment::{self, SEQ_MAX},
    },
};

/// No record is shorter, in any format.
const RECORD_BYTES_MIN: u64 = 4;
/// So many findings of a shard are told one by one.
const FINDINGS_MAX: usize = 1_000;

impl Scan<'_> {
    /// So many bytes of log, full of records, may be gone.
    pub(super) fn lose(&mut self, bytes: u64) {
        let records = bytes / RECORD_BYTES_MIN;
        self.may_be_gone = self.may_be_gone.saturating_add(records).min(SEQ_MAX / 2);
    }

    /// What is in this segment, and in those after it, may be gone.
    pub(super) fn lose_the_rest(&mut self, reader: &SegmentReader) -> Result<(), Error> {
        self.lose(made_bytes(reader));
        let later = self.state.segments.clone().into_iter();
        for number in later.filter(|number| *number > reader.number()) {
            self.lose(made_bytes(&SegmentReader::open(self.directory, number)?));
        }
        Ok(())
    }

    /// Nothing that comes later tells how much is gone. No number of it may be used again.
    pub(super) fn name_what_may_be_gone(&mut self) {
        if self.may_be_gone > 0 {
            // Of what goes on behind it a snapshot must still be possible.
            let last_seq = (self.state.next_seq + self.may_be_gone - 1).min(SEQ_MAX - 1);
            self.gap_upto(last_seq, false);
        }
    }

    pub(super) fn gap_upto(&mut self, last_seq: u64, is_exact: bool) {
        if last_seq >= self.state.next_seq {
            self.state.gaps.push(Gap {
                first_seq: self.state.next_seq,
                last_seq,
                is_exact,
            });
            self.state.next_seq = last_seq + 1;
        }
    }

    pub(super) fn missing(&mut self, number: u64, count: u64) {
        let path = self.directory.join(segment::name(number));
        let message = if count == 1 {
            "the segment is missing".into()
        } else {
            format!("the segment and the {} after it are missing", count - 1)
        };
        let finding = Finding {
            first_seq: Some(self.state.next_seq),
            ..finding(
                self.state.shard,
                &path,
                FindingKind::MissingSegment,
                &message,
            )
        };
        // Nothing tells how large it was made.
        self.lose(count.saturating_mul(SEGMENT_BYTES_MAX));
        self.state.findings.push(finding);
        self.chain_known = false;
    }

    pub(super) fn find(
        &mut self,
        reader: &SegmentReader,
        offset: u64,
        last_seq: Option<u64>,
        kind: FindingKind,
        message: &str,
    ) {
        let first_seq = Some(self.state.next_seq);
        let finding = Finding {
            offset,
            first_seq,
            last_seq,
            ..finding(self.state.shard, reader.path(), kind, message)
        };
        if self.state.findings.len() < FINDINGS_MAX {
            self.state.findings.push(finding);
        } else {
            self.findings_more += 1;
        }
    }

    /// Of very many findings only the first are told one by one.
    pub(super) fn count_what_was_not_told(&mut self) {
        if self.findings_more > 0
            && let Some(last) = self.state.findings.last().cloned()
        {
            let more = self.findings_more;
            self.state.findings.push(Finding {
                message: format!("and {more} more behind it"),
                recoverable: false,
                ..last
            });
        }
    }
}

/// How large a segment was made, as far as its file tells.
fn made_bytes(reader: &SegmentReader) -> u64 {
    match reader.start() {
        Start::Header(header, ..) => header.segment_bytes.min(SEGMENT_BYTES_MAX),
        // It may have been cut off, and does not say of how much.
        Start::Unreadable if reader.length() < SEGMENT_BYTES_MIN => SEGMENT_BYTES_MAX,
        Start::Unused | Start::Unreadable => reader.length().min(SEGMENT_BYTES_MAX),
    }
}
