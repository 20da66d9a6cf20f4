//! How fast Tombola is: every row of the goals, beside what the device does in the same run and
//! beside the same loop without an engine. `--help` says how it is used, and README.md how it is read.

mod bare;
mod case;
#[path = "../../tests/common/counting.rs"]
mod counting;
mod engines;
mod failure;
mod git;
mod goal;
mod options;
mod pictures;
mod record;
mod results;
mod run;
mod saturate;
mod sections;
mod table;

use std::process::ExitCode;

use clap::Parser as _;
use tombola_measure::text;

use crate::{failure::Failure, options::Options};

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(Failure::tell)
}

fn run(options: &Options) -> Result<ExitCode, Failure> {
    let record = run::measure(options)?;
    let missed = record.goals.iter().any(|goal| !goal.is_met);
    record.write(&options.out, options.is_whole())?;
    pictures::draw(&options.out, &record)?;
    if options.json {
        text::print(&record.json())?;
    } else {
        text::print(&table::page(&record))?;
    }
    Ok(if missed && options.strict {
        ExitCode::from(Failure::MISSED)
    } else {
        ExitCode::SUCCESS
    })
}
