//! Reads a segment, block by block, and believes nothing that its checksums do not confirm.

mod room;
mod runs;

pub(crate) use room::Room;

use std::{
    io,
    path::{Path, PathBuf},
};

use self::room::WINDOW_BYTES;
use super::{
    block::BlockHeader,
    format::{self, Codec, HeaderError, with_codec},
    record::Record,
    run::EachRun,
    segment::{self, SEQ_MAX, SegmentHeader},
};
use crate::{
    canary::{self, Canary},
    config::LogFormat,
    error::Error,
    machine::{Access, Directory, Files, OpenFile, SystemFiles},
    storage::{WRITE_UNIT, aligned::AlignedBuffers},
};

/// No block is larger, whatever its header says; see [`crate::Config::block_bytes`].
const BLOCK_BYTES_MAX: usize = 16 << 20;
/// From the page cache so much is copied at once: it fits into a core's own cache, and shards that are
/// read at the same time share the way to the memory. A device wants to be asked for more.
const NEAR_BYTES: u64 = 256 << 10;

/// A segment that is being read.
#[derive(Debug)]
pub struct SegmentReader {
    path: PathBuf,
    number: u64,
    file: Box<dyn OpenFile>,
    length: u64,
    room: Room,
    /// So much is read at once.
    read_bytes: u64,
    start: Start,
    frame: Option<Frame>,
}

/// What every block of a segment says of where it belongs.
#[derive(Debug, Clone, Copy)]
struct Frame {
    format: LogFormat,
    salt: u64,
    shard: u32,
    segment: u64,
}

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A header, its checksum, and the format of what follows.
    Header(SegmentHeader, u32, LogFormat),
    /// Fill: the segment was prepared, and never used.
    Unused,
    /// Something else.
    Unreadable,
}

/// What is at some offset of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A whole block, and the checksum of its header.
    Block(BlockHeader, u32),
    /// The end of the file.
    End,
    /// Fill, as it stands behind the last block.
    Fill,
    /// A whole block of this segment, but its place is another.
    Misplaced(BlockHeader),
    /// Something else, and why it is no block.
    Broken(&'static str),
}

impl SegmentReader {
    /// Opens segment `number` in a shard's directory and reads its header.
    ///
    /// # Errors
    /// Where the file cannot be read, or was written by a newer version.
    pub fn open(directory: impl Into<Directory>, number: u64) -> Result<Self, Error> {
        let directory = directory.into();
        let path = directory.join(segment::name(number));
        Self::open_among(directory.files(), path, number, Access::Read, None)
    }

    /// Like [`open`](Self::open), with the room that another reader had.
    pub(crate) fn open_with(
        room: Option<Room>,
        directory: &Directory,
        number: u64,
    ) -> Result<Self, Error> {
        let path = directory.join(segment::name(number));
        Self::open_among(directory.files(), path, number, Access::Read, room)
    }

    /// The room that it has no use for any more.
    pub(crate) fn into_room(self) -> Room {
        self.room
    }

    /// Like [`open`](Self::open), for a reader that goes through the file once, beside a running
    /// engine: it leaves the page cache alone.
    pub(crate) fn open_past_cache(directory: &Directory, number: u64) -> Result<Self, Error> {
        let path = directory.join(segment::name(number));
        Self::open_among(directory.files(), path, number, Access::ReadPastCache, None)
    }

    /// Opens a segment by its file's path, whatever its name is.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_path(path: impl Into<PathBuf>, number: u64) -> Result<Self, Error> {
        Self::open_among(&SystemFiles, path.into(), number, Access::Read, None)
    }

    fn open_among(
        files: &dyn Files,
        path: PathBuf,
        number: u64,
        access: Access,
        room: Option<Room>,
    ) -> Result<Self, Error> {
        let file = files.open(&path, access);
        let file = file.map_err(Error::io("open", &path))?;
        let length = file.length().map_err(Error::io("look at", &path))?;
        let room = match room {
            Some(room) => room.emptied(length),
            None => Room::new(length),
        };
        let mut reader = Self {
            path,
            number,
            file,
            length,
            room,
            read_bytes: match access {
                Access::ReadPastCache => WINDOW_BYTES as u64,
                _ => NEAR_BYTES,
            },
            start: Start::Unreadable,
            frame: None,
        };
        if let Some(unit) = reader.bytes(0, WRITE_UNIT)? {
            reader.start = match format::decode_segment(unit) {
                Ok((log_format, header, crc)) => Start::Header(header, crc, log_format),
                Err(HeaderError::Future(found)) => {
                    let supported = segment::FORMAT_VERSION;
                    return Err(Error::FutureVersion {
                        path: reader.path,
                        found,
                        supported,
                    });
                }
                Err(HeaderError::Unreadable) if format::is_fill(unit) => Start::Unused,
                Err(HeaderError::Unreadable) => Start::Unreadable,
            };
        }
        if let Start::Header(header, _, format) = reader.start {
            reader.frame = Some(Frame {
                format,
                salt: header.salt,
                shard: header.shard,
                segment: header.segment,
            });
        }
        Ok(reader)
    }

    /// From now on about so much is read at once, as far as it is the most or less.
    pub(crate) fn read_at_once(&mut self, bytes: u64) {
        self.read_bytes = bytes.clamp(WRITE_UNIT as u64, WINDOW_BYTES as u64);
    }

    /// Where the header cannot be read, the blocks themselves tell what they are: the first that
    /// is in its place, in whatever format, stands in for the header. Without this a damaged
    /// header would make a whole segment look like garbage that never was a log. Where none is in its
    /// place, one of this segment that is elsewhere does: the header is written together with the first
    /// block, and goes astray together with it.
    ///
    /// Returns whether the whole segment is nothing but fill.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn search_frame(&mut self, shard: u32) -> Result<bool, Error> {
        const FORMATS: [LogFormat; 3] = [LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line];
        let (number, mut offset) = (self.number, 0);
        let mut astray = None;
        let mut is_fill = true;
        while self.frame.is_none()
            && let Some(unit) = self.bytes(offset, WRITE_UNIT)?
        {
            let at = offset;
            offset += WRITE_UNIT as u64;
            if format::is_fill(unit) {
                continue;
            }
            is_fill = false;
            let block = FORMATS.into_iter().find_map(|format| {
                let (header, _) = with_codec!(format, C => C::decode_block(unit))?;
                let frame = Frame {
                    format,
                    salt: header.salt,
                    shard,
                    segment: number,
                };
                let is_of_here = (header.shard, header.segment) == (shard, number);
                is_of_here.then_some((header.offset == at, frame))
            });
            match block {
                Some((true, frame)) => self.frame = Some(frame),
                Some((false, frame)) => drop(astray.get_or_insert(frame)),
                None => {}
            }
        }
        self.frame = self.frame.or(astray);
        Ok(is_fill && offset == self.length)
    }

    /// What the segment begins with.
    pub fn start(&self) -> Start {
        self.start
    }

    /// The number by which it was opened.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The bytes that a block takes in the file, header and padding included.
    pub fn block_bytes(&self, header: &BlockHeader) -> u64 {
        let Some(frame) = self.frame else {
            return WRITE_UNIT as u64;
        };
        with_codec!(frame.format, C => BlockHeader::padded(C::BLOCK_HEADER_BYTES, header.length as usize) as u64)
    }

    /// How many whole blocks there are before the offset `end`.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn count_blocks(&mut self, end: u64) -> Result<u64, Error> {
        let (mut offset, mut count) = (WRITE_UNIT as u64, 0);
        while offset < end
            && let Found::Block(header, _) = self.look(offset)?
        {
            offset += self.block_bytes(&header);
            count += 1;
        }
        Ok(count)
    }

    /// The file's length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is at `offset`, a multiple of 4096. A block is looked at whole: header, place,
    /// checksums, padding.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn look(&mut self, offset: u64) -> Result<Found, Error> {
        if offset >= self.length {
            return Ok(Found::End);
        }
        let Some(frame) = self.frame else {
            return Ok(match self.bytes(offset, WRITE_UNIT)? {
                None => self.ends(offset),
                Some(unit) if format::is_fill(unit) => Found::Fill,
                Some(_) => Found::Broken("the segment has no header"),
            });
        };
        with_codec!(frame.format, C => self.look_with::<C>(frame, offset))
    }

    /// What is where no whole unit is left.
    fn ends(&self, offset: u64) -> Found {
        if offset >= self.length {
            Found::End
        } else {
            Found::Broken("the file ends within a unit")
        }
    }

    fn look_with<C: Codec>(&mut self, frame: Frame, offset: u64) -> Result<Found, Error> {
        let Some(unit) = self.bytes(offset, WRITE_UNIT)? else {
            return Ok(self.ends(offset));
        };
        let Some((header, crc)) = C::decode_block(unit) else {
            let fill = format::is_padding::<C>(unit);
            return Ok(if fill {
                Found::Fill
            } else {
                Found::Broken("there is no block header")
            });
        };
        let segment = (header.salt, header.shard, header.segment);
        if segment != (frame.salt, frame.shard, frame.segment) {
            return Ok(Found::Broken("the block belongs elsewhere"));
        }
        if header.durable_upto >= header.first_seq || header.next_seq() > SEQ_MAX {
            return Ok(Found::Broken(
                "the block has sequence numbers that cannot be",
            ));
        }
        let records = C::BLOCK_HEADER_BYTES;
        let padded = BlockHeader::padded(records, header.length as usize);
        let block = if padded > BLOCK_BYTES_MAX {
            None
        } else {
            self.bytes(offset, padded)?
        };
        let Some(block) = block else {
            return Ok(Found::Broken(
                "the block is longer than what is left of the segment",
            ));
        };
        let end = records + header.length as usize;
        let is_whole = crc32c::crc32c(&block[records..end]) == header.payload_crc;
        if !is_whole && !canary::is_planted(Canary::IgnoresChecksums) {
            return Ok(Found::Broken("the checksum of the records is wrong"));
        }
        if !format::is_padding::<C>(&block[end..]) {
            return Ok(Found::Broken("there is something in the padding"));
        }
        Ok(if header.offset == offset {
            Found::Block(header, crc)
        } else {
            Found::Misplaced(header)
        })
    }

    /// Gives every record of a block that [`look`](Self::look) found to `each`, with its sequence
    /// number. Ends at the first record that cannot be read or that `each` refuses, with that
    /// record's sequence number and the reason.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn records(
        &mut self,
        header: &BlockHeader,
        each: &mut dyn FnMut(u64, &Record) -> Result<(), String>,
    ) -> Result<Result<(), (u64, String)>, Error> {
        self.runs(header, &mut |run| run.each(&mut *each))
    }

    /// Gives all records of a block that [`look`](Self::look) found to `each`, run by run. Ends at the
    /// first record that cannot be read or that `each` refuses, with that record's sequence number and
    /// the reason.
    pub(crate) fn runs(
        &mut self,
        header: &BlockHeader,
        each: EachRun<'_>,
    ) -> Result<Result<(), (u64, String)>, Error> {
        let Some(frame) = self.frame else {
            return Ok(Ok(()));
        };
        with_codec!(frame.format, C => {
            let length = C::BLOCK_HEADER_BYTES + header.length as usize;
            let mut room = self.room.records.take().unwrap_or_default();
            let Some(payload) = self.bytes(header.offset, length)? else {
                return Err(Error::io("read a block that was there", &self.path)(io::ErrorKind::UnexpectedEof.into()));
            };
            let read = runs::read::<C>(&payload[C::BLOCK_HEADER_BYTES..], header, &mut room, each);
            self.room.records = Some(room);
            Ok(read)
        })
    }

    /// The bytes at an offset; `None` if the file ends before them. Beside a running engine it may
    /// have become shorter since it was opened: what is sealed is cut behind its seal.
    fn bytes(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, Error> {
        let wanted_end = offset.saturating_add(length as u64);
        while offset < self.room.window_at
            || wanted_end > self.room.window_at + self.room.window_bytes as u64
        {
            if wanted_end > self.length {
                return Ok(None);
            }
            let length = length.next_multiple_of(WRITE_UNIT);
            if length > self.room.window.each() {
                self.room.window = AlignedBuffers::new(1, length);
            }
            // Whole units: what is left behind the last one is looked at by nobody.
            let units = (self.length - offset) / WRITE_UNIT as u64;
            let wanted = (self.room.window.each() as u64)
                .min(self.read_bytes.max(length as u64))
                .min(units * WRITE_UNIT as u64);
            self.room.window_bytes = 0;
            self.room.window_at = offset;
            let window = &mut self.room.window.get_mut(0)[..wanted as usize];
            let Err(source) = self.file.read_exact_at(window, offset) else {
                self.room.window_bytes = wanted as usize;
                if wanted_end > offset + wanted {
                    return Ok(None);
                }
                break;
            };
            let length = self.file.length();
            let length = length.map_err(Error::io("look at", &self.path))?;
            if source.kind() != io::ErrorKind::UnexpectedEof || length >= self.length {
                return Err(Error::io("read", &self.path)(source));
            }
            self.length = length;
        }
        let at = (offset - self.room.window_at) as usize;
        Ok(Some(&self.room.window.get(0)[at..at + length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs::File;

    #[test]
    fn a_block_of_a_segment_without_a_header_is_known_in_its_place_and_elsewhere() {
        const UNIT: u64 = WRITE_UNIT as u64;
        use crate::wal::{block::BlockKind, format::Binary};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.log");
        let block = |salt, segment, offset| BlockHeader {
            kind: BlockKind::Marker,
            salt,
            shard: 2,
            segment,
            number: 0,
            offset,
            first_seq: 8,
            count: 0,
            length: 0,
            durable_upto: 7,
            previous: 0,
            payload_crc: 0,
        };
        let look_at = |blocks: &[(u64, BlockHeader)], offset| {
            let mut bytes = vec![0; 8 * WRITE_UNIT];
            for (at, header) in blocks {
                let at = *at as usize;
                Binary::encode_block(&mut bytes[at..][..Binary::BLOCK_HEADER_BYTES], header);
            }
            std::fs::write(&path, bytes).unwrap();
            let mut reader = SegmentReader::open_path(&path, 5).unwrap();
            reader.search_frame(2).unwrap();
            reader.look(offset).unwrap()
        };
        let (here, astray) = (block(1, 5, 3 * UNIT), block(9, 5, 2 * UNIT));
        let elsewhere = block(1, 6, 2 * UNIT);
        assert_eq!(look_at(&[(UNIT, astray)], UNIT), Found::Misplaced(astray));
        assert_eq!(look_at(&[(0, astray)], 0), Found::Misplaced(astray));
        let blocks = [(UNIT, astray), (3 * UNIT, here)];
        assert!(matches!(look_at(&blocks, 3 * UNIT), Found::Block(found, _) if found == here));
        assert!(matches!(look_at(&blocks, UNIT), Found::Broken(_)));
        assert!(matches!(
            look_at(&[(2 * UNIT, elsewhere)], 2 * UNIT),
            Found::Broken(_)
        ));
    }

    #[test]
    fn a_file_that_becomes_shorter_ends_earlier() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.log");
        let file = File::create(&path).unwrap();
        file.set_len(4 * WINDOW_BYTES as u64).unwrap();
        let mut reader = SegmentReader::open_path(&path, 1).unwrap();
        let end = 2 * WINDOW_BYTES as u64;
        file.set_len(end + 7).unwrap();
        // The window that is read here goes beyond the new end.
        assert_eq!(reader.look(end - WRITE_UNIT as u64).unwrap(), Found::Fill);
        assert_eq!(reader.length(), end + 7);
        assert!(matches!(reader.look(end).unwrap(), Found::Broken(_)));
        file.set_len(end).unwrap();
        assert!(matches!(reader.look(end).unwrap(), Found::Broken(_)));
        let mut reader = SegmentReader::open_path(&path, 1).unwrap();
        file.set_len(0).unwrap();
        assert_eq!(reader.look(end - WRITE_UNIT as u64).unwrap(), Found::End);
    }
}
