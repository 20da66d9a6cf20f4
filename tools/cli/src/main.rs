//! The `tombola` command: draws, reads, checks, recovers, simulates and measures.
//!
//! Data goes to the standard output and everything else to the standard error. A verb is a file; it
//! has `Arguments` and a `run`, which gives the exit code or a [`Failure`] that stands for one.

mod apply;
mod bench;
mod config;
mod draw;
mod failure;
mod findings;
mod inspect;
mod log;
mod moment;
mod odds;
mod options;
mod output;
mod records;
mod recover;
mod report;
mod simulate;
mod snapshot;
mod state;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand, builder::TypedValueParser};
use tracing::level_filters::LevelFilter;

use failure::Failure;

const AFTER_HELP: &str = "\
Exit codes:
  0  it went well; also after Ctrl-C or SIGTERM, once everything open is answered
  1  it failed
  2  the command line, the settings or a pool definition are wrong
  3  damage was found in a data directory
  4  everything was sold out before the count was reached

Settings: a flag goes before the environment (TOMBOLA_...), that before the config file, and that
before the default.

Examples:
  tombola config example > pools.toml
  tombola draw pools.toml --data ./data --count 1000000
  tombola apply pools.toml --data ./data --dry-run
  tombola state ./data
  tombola verify ./data";

/// Hands out rewards from pools of finite stock: exact odds, durable before the answer.
#[derive(Debug, Parser)]
#[command(name = "tombola", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,

    /// How much the engine tells on the standard error.
    #[arg(
        long,
        global = true,
        env = "TOMBOLA_LOG_LEVEL",
        default_value = "warn",
        value_parser = log_level()
    )]
    log_level: LevelFilter,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Draw(Box<draw::Arguments>),
    Apply(Box<apply::Arguments>),
    State(state::Arguments),
    Log(log::Arguments),
    Odds(odds::Arguments),
    Verify(verify::Arguments),
    Recover(recover::Arguments),
    Snapshot(snapshot::Arguments),
    Inspect(inspect::Arguments),
    Simulate(simulate::Arguments),
    Bench(bench::Arguments),
    Config(config::Arguments),
}

fn log_level() -> impl TypedValueParser<Value = LevelFilter> {
    clap::builder::PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .map(|name| name.parse().expect("every name is a level"))
}

fn main() -> ExitCode {
    let CommandLine { verb, log_level } = CommandLine::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_max_level(log_level)
        .with_target(false)
        .without_time()
        .init();
    run(verb).unwrap_or_else(Failure::tell)
}

fn run(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Draw(arguments) => draw::run(*arguments),
        Verb::Apply(arguments) => apply::run(*arguments),
        Verb::State(arguments) => state::run(&arguments),
        Verb::Odds(arguments) => odds::run(&arguments),
        Verb::Log(arguments) => log::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
        Verb::Recover(arguments) => recover::run(arguments),
        Verb::Snapshot(arguments) => snapshot::run(arguments),
        Verb::Inspect(arguments) => inspect::run(&arguments),
        Verb::Simulate(arguments) => simulate::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
    }
}
