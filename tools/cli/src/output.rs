//! Data on the standard output, as a table or as JSON; progress on the standard error.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;
pub(crate) use tombola_measure::text::{counted, grouped, grouped_rate, lines, progress, table};

use crate::failure::Failure;

/// Prints a whole text or nothing. That nobody reads it changes nothing about the verb's verdict.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = Output::new();
    match output.line(text).and_then(|()| output.finish()) {
        Err(Failure::OutputClosed) => Ok(()),
        printed => printed,
    }
}

/// Prints one JSON object on a line of its own.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&json(value))
}

/// A value as JSON, on one line.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is printed has text keys")
}

/// What a setting's value is called in the config file.
pub(crate) fn name(value: &impl Serialize) -> String {
    json(value).trim_matches('"').to_owned()
}

/// The standard output, for verbs that print line by line.
pub(crate) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    /// There is one at a time: it holds the standard output's lock.
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout().lock()))
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        let written = self.0.write_all(line.as_bytes());
        let written = written.and_then(|()| {
            if line.ends_with('\n') {
                Ok(())
            } else {
                self.0.write_all(b"\n")
            }
        });
        written.map_err(|error| failed(&error))
    }

    /// Writes whole lines as they are.
    pub(crate) fn bytes(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.0.write_all(lines).map_err(|error| failed(&error))
    }

    /// Writes a value as a line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.0, value).map_err(|error| failed(&error.into()))?;
        self.line("")
    }

    /// Brings out what is still held back.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|error| failed(&error))
    }
}

fn failed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::OutputClosed
    } else {
        Failure::io("write to", "the standard output", error)
    }
}

/// A number that may be unlimited, or not known.
pub(crate) fn or_unlimited(number: Option<u64>) -> String {
    number.map_or_else(|| "unlimited".into(), grouped)
}
