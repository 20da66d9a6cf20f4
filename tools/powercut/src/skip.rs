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

/// Whether this is a long run of tests, with `TOMBOLA_TEST_LONG` of 2 or more.
///
/// A device in user space stands still on a machine that is busy with much else, and then no draw is
/// answered for minutes: so what is over one is no part of the ordinary run.
///
/// # Errors
/// Says that it is not.
pub fn long_form() -> io::Result<()> {
    let factor = std::env::var("TOMBOLA_TEST_LONG").ok();
    let is_long = factor.and_then(|text| text.parse().ok()) > Some(1);
    let why = "over a device in user space, in the long form only: TOMBOLA_TEST_LONG=2 or more";
    is_long.then_some(()).ok_or(io::Error::other(why))
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
