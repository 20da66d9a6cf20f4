//! `tombola apply`: makes the pools of a data directory what a config file says.

mod difference;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use tombola::{
    Engine, Error, StorageKind,
    recovery::{self, Depth, Examination},
};

use self::difference::Difference;
use crate::{config, failure::Failure, findings, options::EngineOptions, output};

const AFTER_HELP: &str = "\
Shows what differs, item by item: + comes in, - is retired, ~ changes. A stock in the file means
all units that the item ever got, so a larger one restocks it. Items that the file leaves out are
retired, for good; pools that it leaves out stay as they are. Applied again, the same file changes
nothing: so what a crash interrupted is mended by applying it again.

Each pool is changed at once: a draw sees all of its changes or none. Nothing at all is changed if
something in the file cannot be: fewer units than an item got, a retired item, another placement or
on_exhausted. All of that is told.

A directory that is not there, or is empty, is made, with the pools of the file.

With --json \"applied\" says whether anything was changed now, and \"was\" in a change what there was
before:
  {\"new_directory\":false,\"applied\":true,\"pools\":[{\"pool\":\"banner\",\"what\":\"changed\",\"changes\":[
   {\"weight\":{\"item\":\"gold\",\"weight\":11,\"was\":10}},
   {\"restock\":{\"item\":\"gold\",\"units\":500,\"was\":1000}},\"close\"]}]}
A pool is new, changed, unchanged or not_in_file; the items of a new one come in by \"add\".

The directory must not be in use. A program that embeds the engine changes its pools with
`Engine::edit`; `Engine::changes_to` finds what to change.

Exit codes: 0 ok, also with differences, 1 failed, 2 usage, settings, pools, or not a data
directory, 3 damage.

Examples:
  tombola apply pools.toml --data ./data --dry-run
  tombola apply pools.toml --data ./data
  tombola apply pools.toml --data ./data --dry-run --json | jq '.pools[].changes'";

/// Makes the pools of a data directory what a config file says, and shows the difference.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The config file with the pools.
    config: PathBuf,

    /// The data directory; it is made if it is not there.
    #[arg(long, env = "TOMBOLA_DATA", value_name = "DIR")]
    data: PathBuf,

    /// Shows the difference and changes nothing.
    #[arg(long)]
    dry_run: bool,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineOptions,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        config: path,
        data,
        dry_run,
        json,
        engine: options,
    } = arguments;
    let mut file = config::read(&path)?;
    options.lay_over(&mut file.config);
    if file.config.storage == StorageKind::None {
        return Err(Failure::Usage(
            "with the storage \"none\" nothing is kept, so nothing can be applied; choose another one"
                .into(),
        ));
    }
    let examination = examine(&data)?;
    let running = examination
        .as_ref()
        .map_or_else(Vec::new, Examination::pools);
    let mut difference = Difference::between(&running, &file.pools)?;
    difference.new_directory = examination.is_none();
    if !dry_run {
        let engine = Engine::builder(&data).config(file.config).open()?;
        difference.apply(&engine)?;
        engine.shutdown()?;
    }
    if json {
        output::print_json(&difference)?;
    } else {
        output::print(&difference.page(&data, dry_run))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What runs there; `None` where there is nothing yet.
fn examine(data: &Path) -> Result<Option<Examination>, Failure> {
    let examination = match recovery::examine(data, Depth::Needed) {
        Err(Error::NotTombola { .. }) if is_empty(data) => return Ok(None),
        examined => examined?,
    };
    findings::warn(examination.findings());
    if !examination.opens() {
        return Err(Failure::Damage(format!(
            "{} is damaged, so what runs there is not known; see `tombola verify`",
            data.display()
        )));
    }
    Ok(Some(examination))
}

/// Whether a data directory can be made there.
fn is_empty(data: &Path) -> bool {
    match fs::read_dir(data) {
        // That of a file system of its own.
        Ok(mut entries) => {
            entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found"))
        }
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
