//! The command line.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Parser;

const AFTER_HELP: &str = "\
Systems: tombola, tombola-pipe, okaywal, rocksdb-rows and rocksdb-counts (with the feature),
fjall-rows, fjall-counts, redb-rows, redb-counts, sqlite-rows, sqlite-counts, redis-always,
redis-everysec, postgres-on, postgres-off. A first part names a family: redis.

Servers that are missing are installed from Debian's packages where we are root. They listen on
loopback ports that were free, and end with the run, also at Ctrl-C or when it is killed.

Exit codes: 0 all measured, 1 failed, 2 usage, 3 a system handed out something else than it had to,
4 done, but a system was left out because something it needs is missing, 130 interrupted.

Examples:
  tombola-peers
  tombola-peers --only tombola,okaywal --rounds 5 --seconds 2
  tombola-peers --only redis,postgres --check
  tombola-peers --rates 10000,100000,1000000 --no-commits
  tombola-peers --rounds 3 --seconds 3 --out perf/results --picture perf/peers";

/// Does Tombola's job with what people use, and with Tombola, in the same minutes.
///
/// Each system hands out rewards from the same pool of finite stock, with the same weights, and
/// answers when that is durable. First each is checked: its odds, and that it drains a small pool
/// exactly, across a restart. Then all are measured in turn, round after round.
#[derive(Debug, Parser)]
#[command(name = "tombola-peers", version, after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Options {
    /// Takes only these systems or families.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How often each is measured; the figures are medians.
    #[arg(long, value_name = "N", default_value = "3")]
    pub(crate) rounds: NonZeroU32,

    /// How long each measurement takes.
    #[arg(long, value_name = "S", default_value = "3", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// How long each runs before it is measured.
    #[arg(long, value_name = "S", default_value = "0.5", value_parser = seconds)]
    pub(crate) warmup: Duration,

    /// Draws due a second, for the comparison of latencies.
    #[arg(long, value_name = "R,…", value_delimiter = ',', default_value = "10000,100000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) rates: Vec<u64>,

    /// Leaves the comparison at rates out.
    #[arg(long, conflicts_with = "rates")]
    pub(crate) no_rates: bool,

    /// Leaves all but the comparison at rates out.
    #[arg(long, conflicts_with = "no_rates")]
    pub(crate) no_commits: bool,

    /// Only checks the odds and the units, and measures nothing.
    #[arg(long, conflicts_with = "no_check")]
    pub(crate) check: bool,

    /// Does not check the odds and the units before measuring.
    #[arg(long)]
    pub(crate) no_check: bool,

    /// Installs nothing; systems whose server is missing are left out.
    #[arg(long)]
    pub(crate) no_install: bool,

    /// Where the data directories are made, and removed [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The `tombola` command for the pipe [default: it is built].
    #[arg(long, value_name = "PATH")]
    pub(crate) tombola: Option<PathBuf>,

    /// Writes everything that was measured into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Draws the pictures PATH.svg and PATH.png.
    #[arg(long, value_name = "PATH")]
    pub(crate) picture: Option<PathBuf>,

    /// Prints everything as one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds")?;
    if !(0.0..=3600.0).contains(&seconds) {
        return Err("it is at most an hour".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err());
    }
}
