//! `tombola config`: a file to start from, and every mistake in one.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;
use tombola::{ConfigFile, Error, config::EXAMPLE};

use crate::{
    failure::Failure,
    output::{self, counted},
};

const AFTER_HELP: &str = "\
Exit codes: 0 ok, 1 failed, 2 the file has mistakes.

Examples:
  tombola config example > pools.toml
  tombola config example --json > pools.json
  tombola config check pools.toml";

/// Shows a config file to start from, or checks one.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Prints a commented file with every setting and two pools.
    #[command(after_help = "Example:\n  tombola config example > pools.toml")]
    Example {
        /// Prints the same file as JSON, without the comments.
        #[arg(long)]
        json: bool,
    },
    /// Finds every mistake of a file, with its line.
    #[command(after_help = "\
Exit codes: 0 ok, 1 failed, 2 the file has mistakes.

Examples:
  tombola config check pools.toml
  tombola config check catalog.json --json")]
    Check {
        /// The file: TOML, JSON, or the JSON catalogue of the Go service.
        file: PathBuf,

        /// Prints the verdict as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.verb {
        Verb::Example { json } => example(*json),
        Verb::Check { file, json } => check(file, *json),
    }
}

/// Reads a config file for another verb. Whatever is wrong with it, the command line names it, so
/// it is the caller's to mend.
pub(crate) fn read(path: &Path) -> Result<ConfigFile, Failure> {
    ConfigFile::read(path).map_err(|error| Failure::Usage(error.to_string()))
}

fn example(json: bool) -> Result<ExitCode, Failure> {
    if json {
        let example: serde_json::Value =
            toml::from_str(EXAMPLE).expect("the example is valid TOML");
        let text = serde_json::to_string_pretty(&example).expect("its keys are texts");
        output::print(&text)?;
    } else {
        output::print(EXAMPLE)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    mistakes: Vec<FoundMistake>,
    pools: Vec<FoundPool>,
}

#[derive(Debug, Serialize)]
struct FoundMistake {
    line: Option<usize>,
    column: Option<usize>,
    message: String,
}

#[derive(Debug, Serialize)]
struct FoundPool {
    pool: String,
    items: usize,
}

fn check(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    let (pools, error) = match ConfigFile::read(path) {
        Ok(file) => (file.pools, None),
        Err(Error::Config(error)) => (Vec::new(), Some(error)),
        Err(error) => return Err(Failure::Usage(error.to_string())),
    };
    if json {
        let mistakes = error.iter().flat_map(|error| &error.mistakes);
        let verdict = Verdict {
            ok: error.is_none(),
            mistakes: mistakes
                .map(|mistake| FoundMistake {
                    line: mistake.line,
                    column: mistake.column,
                    message: mistake.message.clone(),
                })
                .collect(),
            pools: pools
                .iter()
                .map(|pool| FoundPool {
                    pool: pool.name.clone(),
                    items: pool.items.len(),
                })
                .collect(),
        };
        output::print_json(&verdict)?;
    } else if let Some(error) = &error {
        output::print(&error.to_string())?;
    } else {
        let items: usize = pools.iter().map(|pool| pool.items.len()).sum();
        output::print(&format!(
            "{}: ok, {} with {}",
            path.display(),
            counted(pools.len() as u64, "pool"),
            counted(items as u64, "item")
        ))?;
    }
    Ok(ExitCode::from(if error.is_some() { 2 } else { 0 }))
}
