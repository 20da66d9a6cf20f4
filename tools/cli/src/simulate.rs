//! `tombola simulate`.

use std::process::ExitCode;

use crate::failure::Failure;

/// Draws in memory and compares what came out with what the weights promise.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<ExitCode, Failure> {
    Err(Failure::Failed("this verb is not there yet".into()))
}
