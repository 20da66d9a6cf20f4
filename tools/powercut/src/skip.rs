//! Tests that a machine cannot run say so, by name and with their count.

use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);
/// Whether the machine had what was needed, once.
static HAS_WORKED: AtomicBool = AtomicBool::new(false);

/// What a test needs of the machine, or `None` if that has not got it: then the test is skipped.
///
/// That is said with the reason, and how many of its program are skipped so far; it is printed even
/// where the output of tests that pass is not.
///
/// # Panics
/// Where nothing may be skipped: with `TOMBOLA_TEST_SKIP=never`, and once this program had from the
/// machine what it needed, for then the machine has it.
pub fn or_skip<T>(needed: io::Result<T>) -> Option<T> {
    // Relaxed: nothing else is told by it.
    match needed {
        Ok(had) => {
            HAS_WORKED.store(true, Ordering::Relaxed);
            Some(had)
        }
        Err(reason) => {
            let never = std::env::var("TOMBOLA_TEST_SKIP").is_ok_and(|skip| skip == "never");
            let has_worked = HAS_WORKED.load(Ordering::Relaxed);
            assert!(!never && !has_worked, "no reason to skip a test: {reason}");
            skip(&reason);
            None
        }
    }
}

/// Nothing, and says so, unless this is a long run of tests, with `TOMBOLA_TEST_LONG` of 2 or more.
///
/// A device in user space stands still on a machine that is busy with much else, and then no draw is
/// answered for minutes: so what is over one is no part of the ordinary run.
pub fn long_form() -> Option<()> {
    let factor = std::env::var("TOMBOLA_TEST_LONG").ok();
    let is_long = factor.and_then(|text| text.parse().ok()) > Some(1);
    if !is_long {
        skip(&"over a device in user space, in the long form only: TOMBOLA_TEST_LONG=2 or more");
    }
    is_long.then_some(())
}

fn skip(reason: &dyn Display) {
    let count = 1 + SKIPPED.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Nothing can be done where even this is refused.
    let _ = writeln!(
        io::stderr(),
        "skipped: {test}: {reason} ({count} skipped here so far)"
    );
}
