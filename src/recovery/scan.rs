//! One shard's files, read into a state and a verdict. Nothing is changed.
//!
//! Blocks are read in the order of the log for as long as each continues the one before it. Where
//! that breaks off, whatever valid blocks lie beyond are looked at for their `durable_upto`: if one
//! says that what is missing was durable, it may have been acknowledged, and this is damage. If
//! none does, it is the torn tail of a crash, and was never acknowledged.

use std::{collections::BTreeSet, path::Path};

use super::{
    Depth, Visit, covered,
    state::{Gap, ShardState, Tail, finding},
};
use crate::{
    error::{Error, Finding, FindingKind},
    shard::partition::{Partition, PartitionBack},
    snapshot::{self, Covered},
    storage::WRITE_UNIT,
    wal::{
        block::{BlockHeader, BlockKind},
        reader::{Found, SegmentReader, Start},
        sealed::foreign,
        segment::{self, Identity},
    },
};

/// Reads one shard.
pub(super) fn shard(
    directory: &Path,
    identity: Identity,
    depth: Depth,
    visit: Visit<'_>,
) -> Result<ShardState, Error> {
    let mut scan = Scan::new(directory, identity, visit)?;
    scan.load_snapshot(depth)?;
    if depth == Depth::Everything {
        let Scan { state, visit, .. } = &mut scan;
        covered::check(directory, identity, state, *visit)?;
    }
    let first = scan.state.snapshot_segment + 1;
    let last = scan.state.segments.last().copied().unwrap_or(0);
    let existing: BTreeSet<u64> = scan.state.segments.iter().copied().collect();
    for number in first..=last {
        if !existing.contains(&number) {
            // The next segment is always made before one is used up, so a hole is a loss.
            scan.missing(number);
            continue;
        }
        if scan.segment(number)? == Next::Nothing {
            break;
        }
    }
    Ok(scan.state)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Segment,
    Nothing,
}

struct Scan<'a> {
    directory: &'a Path,
    identity: Identity,
    visit: Visit<'a>,
    state: ShardState,
    /// After a gap the headers' chain is not known.
    chain_known: bool,
}

impl<'a> Scan<'a> {
    fn new(directory: &'a Path, identity: Identity, visit: Visit<'a>) -> Result<Self, Error> {
        let state = ShardState {
            shard: identity.shard as usize,
            partition: Partition::default(),
            next_seq: 1,
            snapshot_seq: 0,
            snapshot_segment: 0,
            tail: Tail::Sealed,
            end_segment: 0,
            end_offset: 0,
            gaps: Vec::new(),
            findings: Vec::new(),
            chain: 0,
            segments: segment::list(directory)?,
        };
        Ok(Self {
            directory,
            identity,
            visit,
            state,
            chain_known: true,
        })
    }

    /// Takes the newest snapshot that is whole.
    fn load_snapshot(&mut self, depth: Depth) -> Result<(), Error> {
        let mut loaded = false;
        for number in snapshot::list(self.directory)?.into_iter().rev() {
            if loaded && depth == Depth::Needed {
                break;
            }
            let path = snapshot::path(self.directory, number);
            let back = snapshot::read(&path, self.identity)?.and_then(|(covered, back)| {
                let back: PartitionBack = back;
                let partition = Partition::try_from(back).map_err(|error| error.to_string())?;
                Ok((covered, partition))
            });
            match back {
                Ok(_) if loaded => {}
                Ok((
                    Covered {
                        segment,
                        next_seq,
                        chain,
                    },
                    partition,
                )) => {
                    loaded = true;
                    self.state.partition = partition;
                    self.state.next_seq = next_seq;
                    self.state.snapshot_seq = next_seq - 1;
                    self.state.snapshot_segment = segment;
                    self.state.chain = chain;
                }
                Err(reason) => {
                    // The one before it and the log lead to the same state, if they are whole.
                    let message = format!("the snapshot cannot be used: {reason}");
                    let found = finding(self.state.shard, &path, FindingKind::Snapshot, &message);
                    self.state.findings.push(Finding {
                        recoverable: true,
                        ..found
                    });
                }
            }
        }
        Ok(())
    }

    /// Reads one segment of the log.
    fn segment(&mut self, number: u64) -> Result<Next, Error> {
        let mut reader = SegmentReader::open(self.directory, number)?;
        let header = match reader.start() {
            Start::Header(header, crc, _) => {
                if let Some(reason) = foreign(self.identity, &header, number) {
                    self.find(&reader, 0, None, FindingKind::ForeignSegment, &reason);
                    self.chain_known = false;
                    return Ok(Next::Segment);
                }
                if self.continues(header.first_seq, header.previous) {
                    self.state.chain = crc;
                    header
                } else {
                    return self.broken(
                        &mut reader,
                        0,
                        FindingKind::SegmentHeader,
                        "the segment does not continue the one before it",
                    );
                }
            }
            Start::Unused => {
                return self.broken(
                    &mut reader,
                    0,
                    FindingKind::SegmentHeader,
                    "there is nothing where the segment's header was",
                );
            }
            Start::Unreadable => {
                return self.broken(
                    &mut reader,
                    0,
                    FindingKind::SegmentHeader,
                    "the segment's header cannot be read",
                );
            }
        };
        self.state.end_segment = number;
        self.state.end_offset = WRITE_UNIT as u64;
        self.state.tail = Tail::Clean;
        self.blocks(&mut reader, WRITE_UNIT as u64, 0, header.segment_bytes)
    }

    /// Reads a segment's blocks from `offset` on, the next being the `number`th.
    fn blocks(
        &mut self,
        reader: &mut SegmentReader,
        offset: u64,
        number: u64,
        segment_bytes: u64,
    ) -> Result<Next, Error> {
        let (mut offset, mut number) = (offset, number);
        loop {
            match reader.look(offset)? {
                Found::Block(header, crc)
                    if self.continues(header.first_seq, header.previous)
                        && header.number == number =>
                {
                    self.state.chain = crc;
                    self.chain_known = true;
                    self.apply(reader, &header)?;
                    offset += reader.block_bytes(&header);
                    number += 1;
                    self.state.end_offset = offset;
                    if header.kind == BlockKind::Seal {
                        self.state.tail = Tail::Sealed;
                        return self.after_seal(reader, offset);
                    }
                }
                Found::Block(..) => {
                    return self.broken(
                        reader,
                        offset,
                        FindingKind::Block,
                        "the block does not continue the one before it",
                    );
                }
                Found::Broken(reason) => {
                    return self.broken(reader, offset, FindingKind::Block, reason);
                }
                Found::End if reader.length() < segment_bytes => {
                    let message =
                        "the segment is cut off: it has no seal, and is shorter than it was made";
                    return self.broken(reader, offset, FindingKind::Truncated, message);
                }
                Found::Fill | Found::End => {
                    return self.broken(
                        reader,
                        offset,
                        FindingKind::Block,
                        "there is nothing where a block was",
                    );
                }
            }
        }
    }

    /// Behind a seal there is only what recovery or the housekeeper had no time to cut off.
    fn after_seal(&mut self, reader: &mut SegmentReader, offset: u64) -> Result<Next, Error> {
        let mut at = offset;
        while at < reader.length() {
            if reader.look(at)? != Found::Fill {
                // No record is affected.
                let message = "there is something behind the seal";
                self.find(reader, at, None, FindingKind::Garbage, message);
                self.state
                    .findings
                    .last_mut()
                    .expect("it was just found")
                    .recoverable = true;
                break;
            }
            at += WRITE_UNIT as u64;
        }
        Ok(Next::Segment)
    }

    /// The log does not go on at `offset`. Is it the torn tail of a crash, or damage?
    fn broken(
        &mut self,
        reader: &mut SegmentReader,
        offset: u64,
        kind: FindingKind,
        message: &str,
    ) -> Result<Next, Error> {
        let first_seq = self.state.next_seq;
        let beyond = self.beyond(reader, offset)?;
        if beyond.durable_upto < first_seq && kind != FindingKind::Truncated {
            if beyond.garbage {
                self.state.tail = Tail::Torn;
                if offset == 0 {
                    self.state.end_segment = reader.number();
                    self.state.end_offset = 0;
                }
            }
            return Ok(Next::Nothing);
        }
        // What came up to here is lost; what comes after the gap is applied, so that the loss is
        // told exactly and nothing that is readable is handed out again.
        let resumes = beyond.resume.as_ref().map(|(_, header)| header.first_seq);
        let last_seq = resumes.map_or(beyond.durable_upto, |resume| resume - 1);
        self.find(
            reader,
            offset,
            (last_seq >= first_seq).then_some(last_seq),
            kind,
            message,
        );
        self.gap_upto(last_seq);
        self.chain_known = false;
        let Some((segment, header)) = beyond.resume else {
            return Ok(Next::Nothing);
        };
        if segment != reader.number() {
            return Ok(Next::Segment);
        }
        let Start::Header(segment_header, ..) = reader.start() else {
            return Ok(Next::Segment);
        };
        self.state.end_segment = segment;
        self.blocks(
            reader,
            header.offset,
            header.number,
            segment_header.segment_bytes,
        )
    }

    fn gap_upto(&mut self, last_seq: u64) {
        if last_seq >= self.state.next_seq {
            self.state.gaps.push(Gap {
                first_seq: self.state.next_seq,
                last_seq,
            });
            self.state.next_seq = last_seq + 1;
        }
    }

    /// Looks through everything behind a break.
    fn beyond(&self, reader: &mut SegmentReader, offset: u64) -> Result<Beyond, Error> {
        let mut beyond = Beyond {
            durable_upto: 0,
            garbage: false,
            resume: None,
        };
        self.look_through(reader, offset, &mut beyond)?;
        let here = reader.number();
        for &number in self.state.segments.iter().filter(|number| **number > here) {
            let mut reader = SegmentReader::open(self.directory, number)?;
            self.look_through(&mut reader, 0, &mut beyond)?;
        }
        Ok(beyond)
    }

    fn look_through(
        &self,
        reader: &mut SegmentReader,
        offset: u64,
        beyond: &mut Beyond,
    ) -> Result<(), Error> {
        let number = reader.number();
        if let Start::Header(header, ..) = reader.start()
            && foreign(self.identity, &header, number).is_some()
        {
            beyond.garbage = true;
            return Ok(());
        }
        let mut at = offset;
        while at < reader.length() {
            match reader.look(at)? {
                Found::Block(header, _) => {
                    beyond.garbage = true;
                    beyond.durable_upto = beyond.durable_upto.max(header.durable_upto);
                    if beyond.resume.is_none()
                        && header.first_seq >= self.state.next_seq
                        && at != offset
                    {
                        beyond.resume = Some((number, header));
                    }
                }
                Found::Fill | Found::End => {}
                Found::Broken(_) => beyond.garbage = true,
            }
            at += WRITE_UNIT as u64;
        }
        Ok(())
    }

    fn apply(&mut self, reader: &mut SegmentReader, header: &BlockHeader) -> Result<(), Error> {
        let Self {
            visit,
            state: ShardState { partition, .. },
            ..
        } = self;
        let applied = reader.records(header, &mut |seq, record| {
            partition.apply(record).map_err(|error| error.to_string())?;
            visit(seq, record);
            Ok(())
        })?;
        self.state.next_seq = header.next_seq();
        if let Err((seq, reason)) = applied {
            let last_seq = header.next_seq() - 1;
            self.state.next_seq = seq;
            let message = format!("a record cannot be applied: {reason}");
            self.find(
                reader,
                header.offset,
                Some(last_seq),
                FindingKind::Record,
                &message,
            );
            self.gap_upto(last_seq);
        }
        Ok(())
    }

    /// Whether something continues the log where it stands. After a gap the checksum of the header
    /// before is not known.
    fn continues(&self, first_seq: u64, previous: u32) -> bool {
        first_seq == self.state.next_seq && (!self.chain_known || previous == self.state.chain)
    }

    fn missing(&mut self, number: u64) {
        let path = segment::path(self.directory, number);
        let finding = Finding {
            first_seq: Some(self.state.next_seq),
            ..finding(
                self.state.shard,
                &path,
                FindingKind::MissingSegment,
                "the segment is missing",
            )
        };
        self.state.findings.push(finding);
        self.chain_known = false;
    }

    fn find(
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

/// What lies behind a break.
struct Beyond {
    /// The greatest proof of durability.
    durable_upto: u64,
    /// Whether there is anything but fill.
    garbage: bool,
    /// The segment and the first block in which the log can be taken up again.
    resume: Option<(u64, BlockHeader)>,
}
