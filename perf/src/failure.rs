//! Why a run ended badly, and the exit code that says so.

use std::{error::Error, process::ExitCode};

/// What stands between a run and its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did not work.
    Failed(String),
    /// The command line is wrong.
    Usage(String),
    /// Somebody asked for the end.
    Interrupted,
}

impl Failure {
    /// The exit code where a goal was missed and that was to be told.
    pub(crate) const MISSED: u8 = 3;

    /// Tells it on the standard error; gives its exit code.
    pub(crate) fn tell(self) -> ExitCode {
        let (message, code) = match self {
            Self::Failed(message) => (message, 1),
            Self::Usage(message) => (message, 2),
            Self::Interrupted => ("interrupted".into(), 130),
        };
        eprintln!("tombola-perf: {message}");
        ExitCode::from(code)
    }

    /// Says what was being measured.
    pub(crate) fn of(self, case: &str) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(format!("{case}: {message}")),
            other => other,
        }
    }
}

/// Whatever went wrong below is told in its own words.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}
