//! `tombola simulate`.

mod chi_square;
mod picture;
mod report;
mod run;
mod tracker;

use std::{path::PathBuf, process::ExitCode};

use tombola::{Config, Engine};
use tombola_measure::signals;

use self::{report::Report, run::Run};
use crate::{config, failure::Failure, output};

const AFTER_HELP: &str = "\
The expected counts are what the weights promise draw by draw: as an item runs out the odds of the
others change (or its share becomes \"no prize\"), and from there on they count with the new odds.
With \"expected\" the sum of the odds at every draw, chi-square is the sum of
(actual - expected)^2 / expected; items expected fewer than 5 times are counted together. As long as
nothing runs out this is Pearson's test. Afterwards, as in the log-rank test, the p-value is never
too small, and a little too large where heavy items ran out. A p-value below 0.001 comes once in a
thousand runs by chance; below 0.000001, look for a mistake.

Nothing is written but the picture. The same seed gives the same draws.

Exit codes: 0 ok, 1 failed, 2 usage, settings or pools, 4 sold out before the count was reached.

Examples:
  tombola simulate pools.toml --draws 1000000
  tombola simulate pools.toml --draws 1000000 --seed 7 --plot odds.svg
  tombola simulate pools.toml --draws 5000 --pool banner --json";

/// Draws in memory and compares what came out with what the weights promise.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The config file with the pools.
    config: PathBuf,

    /// How many draws to make, from all pools in turn.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    draws: u64,

    /// Seeds the random numbers; without it every run is another.
    #[arg(long, env = "TOMBOLA_SEED", value_name = "X")]
    seed: Option<u64>,

    /// Draws from this pool only.
    #[arg(long, value_name = "P")]
    pool: Option<String>,

    /// Draws a picture: shares, and stock as it goes.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// Threads that draw; a pool's draws are the same only with the same number.
    #[arg(long, value_name = "S", default_value_t = 1)]
    shards: usize,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut file = config::read(&arguments.config)?;
    if let Some(name) = &arguments.pool {
        file.pools.retain(|pool| pool.name == *name);
    }
    if file.pools.is_empty() {
        let path = arguments.config.display();
        return Err(Failure::Usage(match &arguments.pool {
            Some(name) => format!("{path} has no pool \"{name}\""),
            None => format!("{path} has no pool; add a [[pool]], see `tombola config example`"),
        }));
    }
    let stop = signals::stop_flag().map_err(|error| Failure::signals(&error))?;
    let config = Config {
        shards: Some(arguments.shards),
        seed: arguments.seed.or(file.config.seed),
        pin: false,
        ..Config::default()
    };
    let engine = Engine::in_memory().config(config).open()?;
    let progress = output::progress(arguments.draws, "drawing");
    let run = Run::make(&engine, file.pools, arguments.draws, &stop, &progress)?;
    progress.finish_and_clear();
    engine.shutdown()?;
    if let Some(path) = &arguments.plot {
        picture::draw(path, &run.trackers)?;
    }
    Report::of(&run, arguments.shards).print(arguments.json)?;
    if run.sold_out {
        return Err(Failure::SoldOut(format!(
            "sold out after {} of {}",
            output::grouped(run.draws),
            output::counted(arguments.draws, "draw")
        )));
    }
    Ok(ExitCode::SUCCESS)
}
