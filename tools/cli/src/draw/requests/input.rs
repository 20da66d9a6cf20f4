//! The lines of the input, read and understood by a thread of its own, so that waiting for the next
//! one keeps nobody from answering the last.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use tombola_cli::request_line::{Asked, LINE_BYTES_MAX, Pools, next, parse};

use crate::failure::Failure;

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
