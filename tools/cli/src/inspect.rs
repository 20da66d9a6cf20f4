//! `tombola inspect`: one segment file, damaged or not.

mod line;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    process::ExitCode,
};

use tombola::{
    Error,
    wal::{
        block::{BlockHeader, BlockKind},
        reader::{Found, SegmentReader, Start},
        record::Record,
    },
};

use self::line::{End, Line, SegmentLine};
use crate::{
    failure::Failure,
    output::Output,
    records::{self, Names},
};

/// Everything in a segment begins at a multiple of this.
const UNIT: u64 = 4096;

const AFTER_HELP: &str = "\
Behind damage it goes on unit by unit, so that whatever is whole is shown. Pools and items of draws
are shown by their places, unless the file registers them. Of the segment that a running engine
writes, it shows what is whole at that moment.

Exit codes: 0 the file is whole, 1 failed, 2 it is not there, or is no segment, 3 something in it
cannot be read.

Examples:
  tombola inspect ./data/shard-000/segment-000000000001.log
  tombola inspect ./data/shard-000/segment-000000000001.log --json | jq 'select(.type == \"block\")'";

/// Shows the header, the blocks and the records of one segment file.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The segment's file.
    segment: PathBuf,

    /// Prints a JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        segment: path,
        json,
    } = arguments;
    let mut reader = open(path)?;
    let mut inspection = Inspection {
        output: Output::new(),
        json: *json,
        names: Names::default(),
        run: None,
        chain: None,
        next_block: 0,
        end: End::default(),
    };
    inspection.read(&mut reader)?;
    inspection.output.finish()?;
    if inspection.end.damaged {
        let path = path.display();
        return Err(Failure::Damage(format!(
            "not everything in {path} is whole"
        )));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens what is a segment, or was one before it was damaged.
fn open(path: &Path) -> Result<SegmentReader, Failure> {
    let told = path.display();
    if path.is_dir() {
        return Err(Failure::Usage(format!(
            "{told} is a directory; name the file of a segment in it"
        )));
    }
    let number = number(path);
    let reader = match SegmentReader::open_path(path, number.unwrap_or(0)) {
        Err(error @ Error::Io { .. }) if !path.exists() => {
            return Err(Failure::Usage(error.to_string()));
        }
        opened => opened?,
    };
    if number.is_none() && reader.start() == Start::Unreadable {
        return Err(Failure::Usage(format!(
            "{told} is not a segment; name one, such as shard-000/segment-000000000001.log"
        )));
    }
    Ok(reader)
}

/// The number in a segment's file name; a file by another name can be read as well.
fn number(path: &Path) -> Option<u64> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let digits = stem.and_then(|stem| stem.strip_prefix("segment-"));
    digits.and_then(|digits| digits.parse().ok())
}

/// Whether this is a segment of its full length in a directory that an engine holds at this moment.
fn is_written_now(reader: &SegmentReader) -> bool {
    let Start::Header(header, ..) = reader.start() else {
        return false;
    };
    let data = reader.path().parent().and_then(Path::parent);
    let lock = data.and_then(|data| File::open(data.join("lock")).ok());
    let held =
        lock.is_some_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)));
    held && reader.length() == header.segment_bytes
}

struct Inspection {
    output: Output,
    json: bool,
    names: Names,
    /// Units of the same kind, which become one line.
    run: Option<Run>,
    /// The checksum of the header before, where that is known.
    chain: Option<u32>,
    next_block: u64,
    end: End,
}

/// Units that hold no block: fill, or why they cannot be read.
struct Run {
    offset: u64,
    bytes: u64,
    reason: Option<&'static str>,
}

impl Inspection {
    fn read(&mut self, reader: &mut SegmentReader) -> Result<(), Failure> {
        let start = reader.start();
        let length = reader.length();
        self.show(&Line::Segment(SegmentLine::new(start, length)))?;
        self.end.length = length;
        let mut offset = 0;
        match start {
            Start::Header(_, crc, _) => {
                self.chain = Some(crc);
                offset = UNIT;
            }
            Start::Unused => {}
            Start::Unreadable => self.end.damaged = true,
        }
        let written_now = is_written_now(reader);
        while offset < length {
            let found = match reader.look(offset) {
                // It was sealed and cut to what it holds just now.
                Err(_) if written_now => break,
                found => found?,
            };
            match found {
                // What comes behind is on its way, in any order: it tells nothing yet.
                Found::Fill | Found::Broken(_) | Found::Misplaced(_) if written_now => break,
                Found::Block(header, crc) => {
                    self.end_run()?;
                    self.block(reader, &header, crc)?;
                    offset += reader.block_bytes(&header);
                    continue;
                }
                Found::Fill => self.extend_run(offset, None)?,
                Found::Broken(reason) => self.extend_run(offset, Some(reason))?,
                Found::Misplaced(_) => {
                    self.extend_run(offset, Some("a block that belongs elsewhere"))?;
                }
                Found::End => break,
            }
            offset += UNIT;
        }
        self.end_run()?;
        if let Start::Header(header, ..) = start {
            // A segment is made in its full length, and cut only when it is sealed.
            self.end.truncated = !self.end.sealed && length < header.segment_bytes;
            self.end.damaged |= self.end.truncated;
        }
        let end = self.end;
        self.show(&Line::End(end))
    }

    fn block(
        &mut self,
        reader: &mut SegmentReader,
        header: &BlockHeader,
        crc: u32,
    ) -> Result<(), Failure> {
        let continues = header.number == self.next_block
            && self.chain.is_none_or(|chain| chain == header.previous);
        self.chain = Some(crc);
        self.next_block = header.number + 1;
        self.end.blocks += 1;
        self.end.sealed = header.kind == BlockKind::Seal;
        self.end.damaged |= !continues;
        self.show(&Line::Block {
            header,
            bytes: reader.block_bytes(header),
            continues,
        })?;
        let shard = header.shard as usize;
        let mut shown = Ok(());
        let read = reader.records(header, &mut |seq, record| {
            shown = self.record(shard, seq, record);
            // Only the reason for stopping matters, and that is in `shown`.
            shown.as_ref().map_err(|_| String::new()).copied()
        })?;
        shown?;
        if let Err((seq, reason)) = read {
            self.end.damaged = true;
            self.show(&Line::BrokenRecord {
                seq,
                reason: &reason,
            })?;
        }
        Ok(())
    }

    fn record(&mut self, shard: usize, seq: u64, record: &Record) -> Result<(), Failure> {
        self.end.records += 1;
        self.names.learn(shard, seq, record);
        let line = records::Line::new(shard, seq, record, &self.names);
        if self.json {
            self.output.json(&line)
        } else {
            self.output.line(&format!("  {line}"))
        }
    }

    fn extend_run(&mut self, offset: u64, reason: Option<&'static str>) -> Result<(), Failure> {
        if let Some(run) = &mut self.run
            && run.reason == reason
        {
            run.bytes += UNIT;
            return Ok(());
        }
        self.end_run()?;
        self.run = Some(Run {
            offset,
            bytes: UNIT,
            reason,
        });
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), Failure> {
        let Some(Run {
            offset,
            bytes,
            reason,
        }) = self.run.take()
        else {
            return Ok(());
        };
        let bytes = bytes.min(self.end.length - offset);
        let Some(reason) = reason else {
            return self.show(&Line::Fill { offset, bytes });
        };
        self.end.damaged = true;
        // What comes behind does not continue anything that can be read.
        self.chain = None;
        self.show(&Line::Broken {
            offset,
            bytes,
            reason,
        })
    }

    fn show(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        if self.json {
            self.output.json(line)
        } else {
            self.output.line(&line.to_string())
        }
    }
}
