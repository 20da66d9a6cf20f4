//! The file of acknowledgements: a JSON line for each, written after it came.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tombola::{Completion, Outcome, PoolHandle};

use super::answer::{Answer, refusal};
use crate::{failure::Failure, output};

/// The file itself, shared by the client threads. It is opened to append, and every batch of lines
/// is one write, so the threads' lines do not mix.
#[derive(Debug)]
pub(super) struct AckFile {
    path: PathBuf,
    file: File,
}

impl AckFile {
    /// Opens a file to go on with it, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::io("open the acknowledgements file", path.display(), &error);
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(path);
        let file = file.map_err(failed)?;
        if file.metadata().map_err(failed)?.is_file() {
            cut_half_line(path).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Writes whole lines.
    pub(super) fn append(&self, lines: &[u8]) -> Result<(), Failure> {
        let written = (&self.file).write_all(lines);
        written.map_err(|error| Failure::io("write to", self.path.display(), &error))
    }
}

/// A process that was killed in the middle of a write leaves half a line, which the next line would
/// otherwise be glued to.
fn cut_half_line(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut end = length;
    let mut chunk = [0; 4096];
    while end > 0 {
        let begin = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            end = begin + at as u64 + 1;
            break;
        }
        end = begin;
    }
    if end < length {
        eprintln!(
            "tombola: {} ends within a line, as after a crash; that line is cut off",
            path.display()
        );
        file.set_len(end)?;
    }
    Ok(())
}

/// One thread's way into the file.
#[derive(Debug)]
pub(super) struct Acks<'a> {
    to: &'a AckFile,
    /// How a line ends, by pool and item; written out once, since it is the same for every draw.
    endings: &'a Endings,
    /// The pools, where each answer has several items.
    several: Option<&'a [PoolHandle]>,
    lines: Vec<u8>,
}

/// What stands behind the sequence number, for every item of every pool.
#[derive(Debug)]
pub(super) struct Endings(Vec<PoolEndings>);

#[derive(Debug)]
struct PoolEndings {
    items: Vec<Box<str>>,
    no_prize: Box<str>,
    /// Up to the name of the refusal.
    refused: Box<str>,
}

impl Endings {
    pub(super) fn new(pools: &[PoolHandle]) -> Self {
        let of = |pool: &PoolHandle| {
            let definition = pool.definition();
            let name = output::json(&definition.name);
            let begin = |rest: &str| format!(",\"pool\":{name},\"item\":{rest}");
            let ending = |rest: &str| (begin(rest) + "}\n").into();
            let items = definition.items.iter();
            PoolEndings {
                items: items.map(|item| ending(&output::json(&item.id))).collect(),
                no_prize: ending("null,\"outcome\":\"no_prize\""),
                refused: begin("null,\"outcome\":\"").into(),
            }
        };
        Self(pools.iter().map(of).collect())
    }
}

impl<'a> Acks<'a> {
    pub(super) fn new(
        to: &'a AckFile,
        endings: &'a Endings,
        several: Option<&'a [PoolHandle]>,
    ) -> Self {
        Self {
            to,
            endings,
            several,
            lines: Vec::new(),
        }
    }

    /// Adds a line; `pool` is the pool's place among those that are drawn from.
    pub(super) fn add(&mut self, pool: usize, completion: &Completion) {
        if let Some(pools) = self.several {
            Answer::new(completion, &pools[pool]).write(&mut self.lines);
            return;
        }
        let endings = &self.endings.0[pool];
        let ending = match completion.outcome {
            Outcome::Item(item) => &endings.items[item as usize],
            Outcome::NoPrize => &endings.no_prize,
            _ => &endings.refused,
        };
        let mut digits = itoa::Buffer::new();
        let mut part = |text: &str| self.lines.extend_from_slice(text.as_bytes());
        part("{\"request\":");
        part(digits.format(completion.request));
        part(",\"shard\":");
        part(digits.format(completion.shard));
        part(",\"seq\":");
        part(completion.seq.map_or("null", |seq| digits.format(seq)));
        part(ending);
        if let Some(refusal) = refusal(completion.outcome) {
            part(refusal);
            part("\"}\n");
        }
    }

    /// Writes what was added.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let written = self.to.append(&self.lines);
        self.lines.clear();
        written
    }
}
