//! What lies behind a break in the log: it tells a torn tail from damage.

use crate::{
    error::Error,
    machine::Directory,
    storage::WRITE_UNIT,
    wal::{
        block::BlockHeader,
        reader::{Found, SegmentReader, Start},
        sealed::foreign,
        segment::Identity,
    },
};

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upto {
    /// To where the log can be taken up again.
    Resume,
    /// Through all there is.
    End,
}

/// What lies behind a break.
#[derive(Default)]
pub(super) struct Beyond {
    /// The greatest proof of durability.
    pub(super) durable_upto: u64,
    /// Whether there is anything but fill.
    pub(super) garbage: bool,
    /// The segment and the first block in which the log can be taken up again.
    pub(super) resume: Option<(u64, BlockHeader)>,
    /// Where a block was meant to be that is missing, and where in the same segment it is.
    pub(super) misplaced: Option<(u64, u64)>,
}

impl Beyond {
    /// Looks through what is behind `offset`, where the log breaks off before `next_seq`, and
    /// through the segments `later`.
    pub(super) fn look(
        directory: &Directory,
        identity: Identity,
        (next_seq, upto): (u64, Upto),
        (reader, offset): (&mut SegmentReader, u64),
        later: impl Iterator<Item = u64>,
    ) -> Result<Self, Error> {
        let mut beyond = Self::default();
        beyond.look_through(identity, (next_seq, upto), reader, offset)?;
        for number in later {
            if upto == Upto::Resume && beyond.resume.is_some() {
                break;
            }
            let mut reader = SegmentReader::open(directory, number)?;
            beyond.look_through(identity, (next_seq, upto), &mut reader, 0)?;
        }
        Ok(beyond)
    }

    fn look_through(
        &mut self,
        identity: Identity,
        (next_seq, upto): (u64, Upto),
        reader: &mut SegmentReader,
        offset: u64,
    ) -> Result<(), Error> {
        let number = reader.number();
        match reader.start() {
            Start::Header(header, ..) if foreign(identity, &header, number).is_some() => {
                self.garbage = true;
                return Ok(());
            }
            Start::Header(..) => {}
            Start::Unused | Start::Unreadable => {
                if reader.search_frame(identity.shard)? {
                    return Ok(());
                }
            }
        }
        let mut at = offset;
        while at < reader.length() {
            match reader.look(at)? {
                Found::Block(header, _) => {
                    self.garbage = true;
                    self.durable_upto = self.durable_upto.max(header.durable_upto);
                    if self.resume.is_none() && header.first_seq >= next_seq && at != offset {
                        self.resume = Some((number, header));
                        if upto == Upto::Resume {
                            return Ok(());
                        }
                    }
                }
                Found::Misplaced(header) => {
                    self.garbage = true;
                    if header.first_seq >= next_seq {
                        // It is whole, so it may have been said to be written, and acknowledged.
                        let last_seq = header.next_seq() - 1;
                        self.durable_upto = self.durable_upto.max(last_seq);
                        self.misplaced.get_or_insert((header.offset, at));
                    }
                }
                Found::Fill | Found::End => {}
                Found::Broken(_) => self.garbage = true,
            }
            at += WRITE_UNIT as u64;
        }
        Ok(())
    }
}
