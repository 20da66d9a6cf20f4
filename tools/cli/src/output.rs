//! Data on the standard output, as a table or as JSON; progress on the standard error.

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal as _, StdoutLock, Write},
    time::Duration,
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

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

/// A table with a line under its head. The columns named in `numbers` are aligned to the right.
pub(crate) fn table(head: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    for &index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table as lines, without blanks at their ends.
pub(crate) fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A number with thin groups of three digits, as people read it.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A rate, without what stands behind the point.
pub(crate) fn grouped_rate(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    digits.parse().map_or(digits, grouped)
}

/// A number that may be unlimited, or not known.
pub(crate) fn or_unlimited(number: Option<u64>) -> String {
    number.map_or_else(|| "unlimited".into(), grouped)
}

/// How many there are of what has this name, which takes an `s` where it is not one.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

/// A bar on the standard error, if that is a terminal; otherwise one that shows nothing.
pub(crate) fn progress(length: u64, what: &'static str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {done} of {all}, {rate}/s, {eta} left")
            .expect("the template is valid")
            .with_key("done", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&grouped(state.pos()));
            })
            .with_key("all", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&grouped(state.len().unwrap_or(0)));
            })
            .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&grouped_rate(state.per_sec()));
            })
            .progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr())
        .with_style(style)
        .with_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1 000");
        assert_eq!(grouped(12_345_678), "12 345 678");
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(0, "shard"), "0 shards");
        assert_eq!(counted(1, "shard"), "1 shard");
        assert_eq!(counted(2_000, "shard"), "2 000 shards");
    }
}
