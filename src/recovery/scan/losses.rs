//! What a scan has found to be gone, and the numbers that are never used again.

use super::Scan;
use crate::{
    error::{Finding, FindingKind},
    recovery::state::{Gap, finding},
    wal::{
        reader::SegmentReader,
        segment::{self, SEQ_MAX},
    },
};

/// No record is shorter, in any format.
const RECORD_BYTES_MIN: u64 = 8;

impl Scan<'_> {
    /// So many segments' worth of records may be gone.
    pub(super) fn lose(&mut self, segments: u64) {
        let records = self.segment_bytes / RECORD_BYTES_MIN;
        let lost = segments.saturating_mul(records);
        self.may_be_gone = self.may_be_gone.saturating_add(lost).min(SEQ_MAX / 2);
    }

    /// Nothing that comes later tells how much is gone. No number of it may be used again.
    pub(super) fn name_what_may_be_gone(&mut self) {
        if self.may_be_gone > 0 {
            // Of what goes on behind it a snapshot must still be possible.
            let last_seq = (self.state.next_seq + self.may_be_gone - 1).min(SEQ_MAX - 1);
            self.gap_upto(last_seq);
            if let Some(gap) = self.state.gaps.last_mut() {
                gap.is_exact = false;
            }
        }
    }

    pub(super) fn gap_upto(&mut self, last_seq: u64) {
        if last_seq >= self.state.next_seq {
            self.state.gaps.push(Gap {
                first_seq: self.state.next_seq,
                last_seq,
                is_exact: true,
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
        self.lose(count);
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
        self.state.findings.push(finding);
    }
}
