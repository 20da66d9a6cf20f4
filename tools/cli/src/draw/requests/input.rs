//! The lines of the input, read and understood by a thread of its own, so that waiting for the next
//! one keeps nobody from answering the last.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::line::{Asked, Pools, parse};
use crate::failure::Failure;

/// The longest line, in bytes: enough for the longest name, however it is escaped.
const LINE_BYTES_MAX: u64 = 16 << 10;
/// So many lines are read ahead.
const LINES_AHEAD: usize = 1024;

/// What the input says next.
#[derive(Debug)]
pub(super) enum Input {
    /// A line, by its number, from 1: a request, or what is wrong with it.
    Line(u64, Result<Asked, String>),
    /// It cannot be read on.
    Failed(io::Error),
}

/// A file of requests, or the standard input.
pub(in super::super) struct Source(Box<dyn BufRead + Send>);

impl Source {
    /// Opens a file, or for "-" the standard input.
    pub(in super::super) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self(Box::new(BufReader::new(io::stdin()))));
        }
        let told = path.display();
        let failed = |error| Failure::Usage(format!("cannot open the requests {told}: {error}"));
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(Failure::Usage(format!(
                "the requests {told} are a directory; name a file, or - for the standard input"
            )));
        }
        Ok(Self(Box::new(BufReader::with_capacity(64 << 10, file))))
    }
}

/// Begins to read. The lines end when the sender is gone.
pub(super) fn start(Source(reader): Source, pools: Pools) -> Result<Receiver<Input>, Failure> {
    let (sender, lines) = sync_channel(LINES_AHEAD);
    // It may wait for a line that never comes, so nobody waits for its end.
    let started = thread::Builder::new()
        .name("requests".into())
        .spawn(move || read(reader, &pools, &sender));
    started.map_err(|error| Failure::io("start a thread for", "the requests", &error))?;
    Ok(lines)
}

fn read(mut reader: impl BufRead, pools: &Pools, lines: &SyncSender<Input>) {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        let input = match next(&mut reader, &mut line) {
            Ok(None) => return,
            // Many programs end their output with an empty line.
            Ok(Some(true)) if line.trim_ascii().is_empty() => continue,
            Ok(Some(true)) => Input::Line(number, parse(&line, pools)),
            Ok(Some(false)) => {
                let reason = format!(
                    "the line has more than {LINE_BYTES_MAX} bytes; write one request a line"
                );
                Input::Line(number, Err(reason))
            }
            Err(error) => Input::Failed(error),
        };
        let is_over = matches!(input, Input::Failed(_));
        if lines.send(input).is_err() || is_over {
            return;
        }
    }
}

/// Reads the next line; `false` for one that is too long, and is left out. `None` is the end.
fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut bounded = reader.by_ref().take(LINE_BYTES_MAX + 1);
    if bounded.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let fits = line.ends_with(b"\n") || line.len() as u64 <= LINE_BYTES_MAX;
    if !fits {
        reader.skip_until(b'\n')?;
    }
    Ok(Some(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(LINE_BYTES_MAX as usize);
        let text = format!("{long}\n{long}{long}y\n\nlast");
        let mut reader = BufReader::with_capacity(100, text.as_bytes());
        let mut line = Vec::new();
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line.len(), long.len() + 1);
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(false));
        assert!(line.len() <= long.len() + 1);
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"\n");
        assert_eq!(next(&mut reader, &mut line).unwrap(), Some(true));
        assert_eq!(line, b"last");
        assert_eq!(next(&mut reader, &mut line).unwrap(), None);
    }
}
