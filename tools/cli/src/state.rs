//! `tombola state`.

use std::process::ExitCode;

use crate::failure::Failure;

/// Verb.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> Result<ExitCode, Failure> {
    Err(Failure::Failed("this verb is not there yet".into()))
}
