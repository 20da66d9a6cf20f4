//! Tests that a machine cannot run say so, by name and with their count.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicUsize, Ordering},
};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// What a test needs of the machine, or `None` if that has not got it: then the test is skipped.
///
/// That is said with the reason, and how many of its program are skipped so far; it is printed even
/// where the output of tests that pass is not.
pub fn or_skip<T>(needed: io::Result<T>) -> Option<T> {
    needed.inspect_err(skip).ok()
}

fn skip(reason: &io::Error) {
    let count = 1 + SKIPPED.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Nothing can be done where even this is refused.
    let _ = writeln!(
        io::stderr(),
        "skipped: {test}: {reason} ({count} skipped here so far)"
    );
}
