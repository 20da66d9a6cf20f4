//! `tombola bench`.

use std::process::ExitCode;

use crate::failure::Failure;

/// Measures throughput and latency beside the device's own.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<ExitCode, Failure> {
    Err(Failure::Failed("this verb is not there yet".into()))
}
