//! `tombola snapshot`: makes a snapshot and retires what it covers.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use serde::Serialize;
use tombola::{
    Engine,
    recovery::{self, Depth},
};

use crate::{
    failure::Failure,
    options::EngineOptions,
    output::{self, counted},
    recover::settings,
    state::{ShardLine, shard_lines},
};

const AFTER_HELP: &str = "\
The directory must not be in use; an engine that runs makes its own snapshots.

What two snapshots cover is deleted, or moves to --archive-dir. The directory does not remember that
it had an archive: whoever opens it has to name it (here, `tombola recover`, `draw` and `apply`, in
the config file or TOMBOLA_ARCHIVE_DIR).

Exit codes: 0 ok, 1 failed, 2 usage or not a data directory, 3 damage.

Examples:
  tombola snapshot ./data
  tombola snapshot ./data --archive-dir ./archive --json";

/// Opens a data directory, makes a snapshot of every shard, and retires the segments it covers.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The data directory.
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineOptions,
}

#[derive(Debug, Serialize)]
struct Made {
    segments_retired: u64,
    shards: Vec<ShardLine>,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        data,
        json,
        engine: options,
    } = arguments;
    let config = settings(&options, "snapshot")?;
    // A directory that is not one yet would be made by opening it.
    recovery::examine(&data, Depth::Needed)?;
    let engine = Engine::builder(&data).config(config).open()?;
    engine.snapshot()?;
    let segments_retired = engine.stats()?.housekeeper.segments_retired;
    engine.shutdown()?;
    let made = Made {
        segments_retired,
        shards: shard_lines(&recovery::examine(&data, Depth::Needed)?),
    };
    if json {
        output::print_json(&made)?;
    } else {
        let mut page = String::new();
        for shard in &made.shards {
            writeln!(page, "{shard}").expect("writing to a text does not fail");
        }
        output::print(&format!(
            "{page}retired {}",
            counted(segments_retired, "segment")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
