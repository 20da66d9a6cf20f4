//! Why a verb ended badly, and the exit code that says so.

use std::process::ExitCode;

use tombola::{Error, Stopped};
use tombola_measure::{PlaceError, load::LoadError};

use crate::draw::refusal;

/// The standard output's reader has gone, or something went wrong: each kind has an exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads the standard output any more. That is no failure of ours.
    OutputClosed,
    /// It did not work.
    Failed(String),
    /// The command line, a setting or a pool definition is wrong.
    Usage(String),
    /// A data directory is damaged.
    Damage(String),
    /// Nothing is left to draw, though more was asked for.
    SoldOut(String),
}

impl Failure {
    /// Tells it on the standard error; gives its exit code.
    pub(crate) fn tell(self) -> ExitCode {
        let (message, code) = match self {
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Failed(message) => (message, 1),
            Self::Usage(message) => (message, 2),
            Self::Damage(message) => (message, 3),
            Self::SoldOut(message) => (message, 4),
        };
        eprintln!("tombola: {message}");
        ExitCode::from(code)
    }

    /// Something the operating system refused: what was tried, on what, and what it said.
    pub(crate) fn io(action: &str, what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::Failed(format!("cannot {action} {what}: {error}"))
    }

    /// Ctrl-C cannot be waited for.
    pub(crate) fn signals(error: &std::io::Error) -> Self {
        Self::io("handle", "signals", error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Damaged { .. } | Error::Description { .. } => Self::Damage(message),
            Error::Setting(_)
            | Error::Config(_)
            | Error::Pool(_)
            | Error::PoolConflict { .. }
            | Error::ShardCount { .. }
            | Error::NotTombola { .. }
            | Error::TooManyClients { .. } => Self::Usage(message),
            _ => Self::Failed(message),
        }
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::InMemory(_) => Self::Usage(format!("{error} with --data")),
            PlaceError::Refused { .. } => Self::Failed(error.to_string()),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Failed(match error {
            LoadError::Refused(outcome) => format!(
                "a pool refused draws ({}); open it, change its window, or leave it out of the file",
                refusal(outcome).unwrap_or("?")
            ),
            other => other.to_string(),
        })
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        Self::Failed(stopped.to_string())
    }
}
