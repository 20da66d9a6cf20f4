//! Why a run ended badly, and the exit code that says so.

use std::{error::Error, fmt::Display, io, process::ExitCode};

/// What stands between a run and its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did not work.
    Failed(String),
    /// The command line is wrong.
    Usage(String),
    /// A system handed out something else than it had to.
    Wrong(String),
    /// What a system needs is not there.
    Missing(String),
    /// Somebody asked for the end.
    Interrupted,
}

impl Failure {
    /// Tells it on the standard error; gives its exit code.
    pub(crate) fn tell(self) -> ExitCode {
        let (message, code) = match self {
            Self::Failed(message) => (message, 1),
            Self::Usage(message) => (message, 2),
            Self::Wrong(message) => (message, 3),
            Self::Missing(message) => (message, 4),
            Self::Interrupted => ("interrupted".to_owned(), 130),
        };
        eprintln!("tombola-peers: {message}");
        ExitCode::from(code)
    }

    /// Something the operating system refused: what was tried, on what, and what it said.
    pub(crate) fn io(action: &str, what: impl Display, error: &io::Error) -> Self {
        Self::Failed(format!("cannot {action} {what}: {error}"))
    }

    /// Puts the name of a system before what went wrong with it.
    pub(crate) fn of(self, name: &str) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(format!("{name}: {message}")),
            Self::Wrong(message) => Self::Wrong(format!("{name}: {message}")),
            Self::Missing(message) => Self::Missing(format!("{name}: {message}")),
            other => other,
        }
    }
}

/// Every system has errors of its own; here they are all the same: told with their causes.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::Failed(message)
    }
}
