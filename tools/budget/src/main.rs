//! Holds the instructions that each path of a draw takes against a budget.
//!
//! It counts them with `cargo bench -p tombola-budget`, for which valgrind and a `gungraun-runner`
//! have to be there, and prints a table. `.ci/budget` installs what is missing, and then runs this.

mod budget;
mod counted;

use std::process::ExitCode;

use clap::Parser;

use crate::budget::{Budget, Verdict};

/// Counts the instructions of every path of a draw, and fails where more than the budget are taken.
///
/// Exit codes: 0 within the budget, 1 over it, 2 it could not be counted.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  tombola-budget                     compare every path with tools/budget/instructions.toml
  tombola-budget --write             take what is counted as the new budget
  tombola-budget shard/ten           only paths with this in their name"
)]
struct Arguments {
    /// Makes the budget what is counted now
    #[arg(long, conflicts_with = "filter")]
    write: bool,
    /// Only paths with this in their name
    filter: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(Verdict::Within) => ExitCode::SUCCESS,
        Ok(Verdict::Exceeded) => ExitCode::from(1),
        Err(message) => {
            eprintln!("tombola-budget: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let counted = counted::count(arguments.filter.as_deref())?;
    let compiler = counted::compiler()?;
    if arguments.write {
        Budget::new(compiler, counted).write()?;
        return Ok(Verdict::Within);
    }
    let budget = Budget::read()?;
    if budget.compiler != compiler {
        println!(
            "The budget was counted with {}, this is {compiler}: differences may be the compiler's.",
            budget.compiler
        );
    }
    let (table, verdict) = budget.compare(&counted, arguments.filter.is_none());
    println!("{table}");
    Ok(verdict)
}
