//! Tests that a machine cannot run say so, by name and with their count.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicUsize, Ordering},
};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Says that the calling test is skipped, why, and how many of its program are so far. It is
/// printed even where the output of tests that pass is not.
pub fn skip(reason: &str) {
    let count = 1 + SKIPPED.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Nothing can be done where even this is refused.
    let _ = writeln!(
        io::stderr(),
        "skipped: {test}: {reason} ({count} skipped here so far)"
    );
}
