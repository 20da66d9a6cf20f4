//! One shard's files, read into a state and a verdict. Nothing is changed.
//!
//! Blocks are read in the order of the log for as long as each continues the one before it. Where
//! that breaks off, whatever valid blocks lie beyond are looked at for their `durable_upto`: if one
//! says that what is missing was durable, it may have been acknowledged, and this is damage. If
//! none does, it is the torn tail of a crash, and was never acknowledged.

mod from_snapshot;
mod losses;

use super::{
    Depth, Visit,
    beyond::{Beyond, Upto},
    covered,
    state::{ShardState, Tail, finding},
};
use crate::{
    canary::{self, Canary},
    error::{Error, Finding, FindingKind},
    machine::Directory,
    shard::partition::Partition,
    storage::WRITE_UNIT,
    wal::{
        block::{BlockHeader, BlockKind},
        reader::{Found, Room, SegmentReader, Start},
        record::Record,
        sealed::foreign,
        segment::{self, Identity},
    },
};

/// No segment is smaller or larger, see [`crate::Config::segment_bytes`].
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
const SEGMENT_BYTES_MAX: u64 = 4 << 30;
/// More records than any log has. Where all of it is gone, numbers go on behind them.
const WHOLE_LOG: u64 = 1 << 48;

/// Reads one shard.
pub(super) fn shard(
    directory: &Directory,
    identity: Identity,
    depth: Depth,
    visit: Visit<'_>,
) -> Result<ShardState, Error> {
    let mut scan = Scan::new(directory, identity, visit)?;
    if !directory.exists() {
        // It was made before the description of the data directory.
        let what = "the shard's directory is missing";
        let found = finding(
            scan.state.shard,
            directory.path(),
            FindingKind::MissingSegment,
            what,
        );
        scan.state.findings.push(Finding {
            first_seq: Some(1),
            ..found
        });
        scan.may_be_gone = WHOLE_LOG;
        scan.name_what_may_be_gone();
        return Ok(scan.state);
    }
    scan.load_snapshot(depth)?;
    if depth == Depth::Everything {
        let Scan { state, visit, .. } = &mut scan;
        covered::check(directory, identity, state, *visit)?;
    }
    let snapshot_segment = scan.state.snapshot_segment;
    let mut expected = snapshot_segment + 1;
    let numbers = scan.state.segments.clone();
    for number in numbers
        .into_iter()
        .filter(|number| *number > snapshot_segment)
    {
        if number > expected {
            // The next segment is always made before one is used up, so a hole is a loss.
            scan.missing(expected, number - expected);
        }
        expected = number + 1;
        let mut next = scan.segment(number)?;
        while next == Next::Again {
            next = scan.segment(number)?;
        }
        if next == Next::Nothing {
            break;
        }
    }
    scan.name_what_only_snapshots_had()?;
    scan.name_what_may_be_gone();
    scan.count_what_was_not_told();
    Ok(scan.state)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The log may go on in the next segment.
    Segment,
    /// It does not go on.
    Nothing,
    /// An engine has written on meanwhile: the same place again.
    Again,
    /// Behind a gap in the same segment: at this offset, with the block of this number.
    Resume(u64, u64),
}

struct Scan<'a> {
    directory: &'a Directory,
    identity: Identity,
    visit: Visit<'a>,
    state: ShardState,
    /// After a gap the headers' chain is not known.
    chain_known: bool,
    /// How many records there may have been in what is gone at the end, where nothing tells.
    may_be_gone: u64,
    /// The greatest proof of durability that was seen so far, anywhere.
    proven_upto: u64,
    /// Whether everything up to the end was looked through for proofs.
    has_looked_beyond: bool,
    /// Where the log goes on in a later segment, as far as that is known.
    resumes_at: Option<(u64, BlockHeader)>,
    /// Findings that are too many to be told one by one.
    findings_more: u64,
    /// What the reader of the segment before had.
    room: Option<Room>,
}

impl<'a> Scan<'a> {
    fn new(directory: &'a Directory, identity: Identity, visit: Visit<'a>) -> Result<Self, Error> {
        let state = ShardState {
            shard: identity.shard as usize,
            partition: Partition::default().on_shard(identity.shard, identity.shards),
            next_seq: 1,
            snapshot_seq: 0,
            snapshot_segment: 0,
            tail: Tail::Sealed,
            end_segment: 0,
            end_offset: 0,
            gaps: Vec::new(),
            findings: Vec::new(),
            chain: 0,
            segments: if directory.exists() {
                segment::list(directory)?
            } else {
                Vec::new()
            },
        };
        Ok(Self {
            directory,
            identity,
            visit,
            state,
            chain_known: true,
            may_be_gone: 0,
            proven_upto: 0,
            has_looked_beyond: false,
            resumes_at: None,
            findings_more: 0,
            room: None,
        })
    }

    /// Reads one segment of the log.
    fn segment(&mut self, number: u64) -> Result<Next, Error> {
        let mut reader = SegmentReader::open_with(self.room.take(), self.directory, number)?;
        let next = self.begin(&mut reader)?;
        self.room = Some(reader.into_room());
        Ok(next)
    }

    fn begin(&mut self, reader: &mut SegmentReader) -> Result<Next, Error> {
        let number = reader.number();
        let message = match reader.start() {
            Start::Header(header, crc, _) => {
                if let Some(reason) = foreign(self.identity, &header, number) {
                    self.find(reader, 0, None, FindingKind::ForeignSegment, &reason);
                    self.lose(SEGMENT_BYTES_MAX);
                    self.chain_known = false;
                    return Ok(Next::Segment);
                }
                if self.continues(header.first_seq, header.previous) {
                    self.state.chain = crc;
                    self.state.end_segment = number;
                    self.state.end_offset = WRITE_UNIT as u64;
                    self.state.tail = Tail::Clean;
                    return self.blocks(reader, WRITE_UNIT as u64, 0);
                }
                "the segment does not continue the one before it"
            }
            Start::Unused => "there is nothing where the segment's header was",
            Start::Unreadable => "the segment's header cannot be read",
        };
        match self.broken(reader, (0, 0), FindingKind::SegmentHeader, message)? {
            Next::Resume(offset, number) => self.blocks(reader, offset, number),
            next => Ok(next),
        }
    }

    /// Reads a segment's blocks from `offset` on, the next being the `number`th.
    fn blocks(
        &mut self,
        reader: &mut SegmentReader,
        offset: u64,
        number: u64,
    ) -> Result<Next, Error> {
        let (mut offset, mut number) = (offset, number);
        loop {
            let (kind, message) = match reader.look(offset)? {
                Found::Block(header, crc) if self.is_next(reader, &header, number)? => {
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
                    continue;
                }
                Found::Block(..) => (
                    FindingKind::Block,
                    "the block does not continue the one before it",
                ),
                Found::Broken(reason) => (FindingKind::Block, reason),
                Found::Misplaced(_) => (FindingKind::Block, "there is another block"),
                Found::Fill | Found::End => {
                    (FindingKind::Block, "there is nothing where a block was")
                }
            };
            match self.broken(reader, (offset, number), kind, message)? {
                Next::Again => {}
                Next::Resume(at, resumed) => (offset, number) = (at, resumed),
                next => return Ok(next),
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

    /// The log does not go on at an offset, where its segment's block of some number was to be. Is it
    /// the torn tail of a crash, or damage?
    fn broken(
        &mut self,
        reader: &mut SegmentReader,
        (offset, number): (u64, u64),
        kind: FindingKind,
        message: &str,
    ) -> Result<Next, Error> {
        let first_seq = self.state.next_seq;
        let cut_off = is_cut_off(reader);
        let beyond = self.look_beyond(reader, offset, cut_off)?;
        if self.proven_upto < first_seq && !cut_off {
            if beyond.garbage {
                self.state.tail = Tail::Torn;
                if offset == 0 {
                    self.state.end_segment = reader.number();
                    self.state.end_offset = 0;
                }
            }
            return Ok(Next::Nothing);
        }
        if self.goes_on_meanwhile(reader, offset, number)? {
            return Ok(Next::Again);
        }
        let mut message = message.to_string();
        let mut kind = kind;
        if self.proven_upto < first_seq {
            kind = FindingKind::Truncated;
            message =
                "the segment is cut off: it has no seal, and is shorter than it was made".into();
        } else if let Some(block) = beyond.misplaced {
            let (meant, found) = block;
            message =
                format!("{message}; the block for offset {meant} was written to offset {found}");
        }
        // What came up to here is lost; what comes after the gap is applied, so that the loss is
        // told exactly and nothing that is readable is handed out again.
        let resumes = beyond.resume.as_ref().map(|(_, header)| header.first_seq);
        let last_seq = resumes.map_or(self.proven_upto, |resume| resume - 1);
        let known = (last_seq >= first_seq).then_some(last_seq);
        self.find(reader, offset, known, kind, &message);
        self.gap_upto(last_seq, true);
        self.chain_known = false;
        let Some((segment, header)) = beyond.resume else {
            self.lose_the_rest(reader)?;
            return Ok(Next::Nothing);
        };
        if segment != reader.number() {
            self.resumes_at = Some((segment, header));
            return Ok(Next::Segment);
        }
        self.state.end_segment = segment;
        Ok(Next::Resume(header.offset, header.number))
    }

    /// Looks at what lies behind a break. All of it is read once, and once more at the end; otherwise
    /// only as far as the next block in which the log can be taken up, so that a log with very many
    /// gaps is read in a time that grows with its length.
    fn look_beyond(
        &mut self,
        reader: &mut SegmentReader,
        offset: u64,
        cut_off: bool,
    ) -> Result<Beyond, Error> {
        let next_seq = self.state.next_seq;
        let here = reader.number();
        let is_damage = self.proven_upto >= next_seq || cut_off;
        if let Some((segment, header)) = self.resumes_at.take()
            && is_damage
            && segment > here
            && header.first_seq >= next_seq
        {
            let resume = Some((segment, header));
            return Ok(Beyond {
                resume,
                ..Beyond::default()
            });
        }
        let upto = if self.has_looked_beyond && is_damage {
            Upto::Resume
        } else {
            Upto::End
        };
        let later = self.state.segments.iter().copied();
        let beyond = Beyond::look(
            self.directory,
            self.identity,
            (next_seq, upto),
            (reader, offset),
            later.filter(|number| *number > here),
        )?;
        self.has_looked_beyond = true;
        // A block that was written over another one was seen where that was missing.
        self.proven_upto = self.proven_upto.max(beyond.durable_upto);
        Ok(beyond)
    }

    /// Beside a running engine, what was not there when it was looked at may be there now. The
    /// proof that something is missing was read after it was written, so a second look decides.
    fn goes_on_meanwhile(
        &self,
        reader: &mut SegmentReader,
        offset: u64,
        number: u64,
    ) -> Result<bool, Error> {
        let mut fresh = SegmentReader::open(self.directory, reader.number())?;
        let goes_on = if offset == 0 {
            matches!(fresh.start(), Start::Header(header, ..)
                if foreign(self.identity, &header, fresh.number()).is_none()
                    && self.continues(header.first_seq, header.previous))
        } else {
            // Exactly what was asked for the first time: what is refused there again and again and
            // taken here would be read for ever.
            matches!(fresh.look(offset)?, Found::Block(header, _)
                if self.is_next(&mut fresh, &header, number)?)
        };
        if goes_on {
            *reader = fresh;
        }
        Ok(goes_on)
    }

    fn apply(&mut self, reader: &mut SegmentReader, header: &BlockHeader) -> Result<(), Error> {
        let Self {
            visit,
            state: ShardState {
                partition, gaps, ..
            },
            ..
        } = self;
        let applied = reader.runs(header, &mut |run| {
            let applied = if gaps.is_empty() {
                partition.apply_run(run)
            } else {
                run.each(|seq, record| partition.apply_behind_gap(seq, record))
            };
            let fits = match &applied {
                Ok(()) => Some(run),
                Err((seq, _)) => run.before(*seq),
            };
            if let Some(run) = fits {
                if canary::is_planted(Canary::AppliesTwice) {
                    run.for_each(|seq, record| {
                        if matches!(record, Record::Draw(_)) {
                            let _ = partition.apply(seq, record);
                        }
                    });
                }
                visit(run);
            }
            applied.map_err(|(seq, misfit)| (seq, misfit.to_string()))
        })?;
        self.state.next_seq = header.next_seq();
        self.may_be_gone = 0;
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
            self.gap_upto(last_seq, true);
        }
        Ok(())
    }

    /// Whether something continues the log where it stands. After a gap the checksum of the header
    /// before is not known.
    fn continues(&self, first_seq: u64, previous: u32) -> bool {
        first_seq == self.state.next_seq && (!self.chain_known || previous == self.state.chain)
    }

    /// Whether a block is the one of this number in its segment, and continues the log.
    fn is_next(
        &self,
        reader: &mut SegmentReader,
        header: &BlockHeader,
        number: u64,
    ) -> Result<bool, Error> {
        let is_next = header.number == number && self.continues(header.first_seq, header.previous);
        Ok(is_next && !(canary::is_planted(Canary::CutsTooMuch) && is_last(reader, header)?))
    }
}

/// Whether a file lost its end. Segments are made in full before they get their name, and only a
/// sealed one is cut.
fn is_cut_off(reader: &SegmentReader) -> bool {
    match reader.start() {
        Start::Header(header, ..) => reader.length() < header.segment_bytes,
        // Its first unit was never written, so nothing behind it was.
        Start::Unused => false,
        Start::Unreadable => reader.length() < SEGMENT_BYTES_MIN,
    }
}

/// Whether a block of records is the last thing in its segment.
fn is_last(reader: &mut SegmentReader, header: &BlockHeader) -> Result<bool, Error> {
    let behind = header.offset + reader.block_bytes(header);
    let is_followed = matches!(reader.look(behind)?, Found::Block(..));
    Ok(header.kind == BlockKind::Records && !is_followed)
}
