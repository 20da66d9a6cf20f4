//! Tombola beside what people use: the same job, with Redis, `PostgreSQL`, embedded stores and a bare
//! log, in the same minutes on the same machine. `--help` says how it is used, and README.md what is
//! compared and how.

// What the command checks its draws with.
mod check;
#[path = "../../cli/src/simulate/chi_square.rs"]
#[cfg_attr(not(test), expect(dead_code, reason = "the command needs more of it"))]
mod chi_square;
mod drum;
mod failure;
mod figures;
mod group_commit;
mod install;
mod kept;
mod measure;
mod options;
mod peer;
mod peers;
mod picture;
mod pool;
mod record;
mod run;
mod server;
mod shape;
mod table;
mod waiting;
mod written;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tombola_measure::{Place, PlaceError, signals, text};

use crate::{failure::Failure, options::Options, peers::Candidate, record::Record};

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(Failure::tell)
}

fn run(options: &Options) -> Result<ExitCode, Failure> {
    let stop = signals::stop_flag()?;
    if !options.no_install {
        install::allow();
    }
    if let Some(path) = &options.tombola {
        peers::pipe::use_command(path.clone());
    }
    let mut candidates = chosen(&options.only)?;
    let place =
        Place::make(options.data.as_deref(), "tombola-peers-").map_err(|error| unplaced(&error))?;
    let seconds = options.seconds.as_secs_f64();
    let mut record = Record::new(place.machine().clone(), options.rounds.get(), seconds);

    let bar = progress();
    record.left_out = run::present(&mut candidates, place.path(), options.no_check, &bar, &stop)?;
    if !options.check {
        let shapes = candidates.iter().map(|one| run::shapes(one, options).len());
        bar.set_length(shapes.sum::<usize>() as u64 * u64::from(options.rounds.get()));
        run::rounds(&candidates, options, &place, &mut record, &bar, &stop)?;
    }
    bar.finish_and_clear();
    place.remove()?;

    if options.json {
        text::print(&serde_json::to_string(&record)?)?;
    } else if options.check {
        for Candidate { title, .. } in &candidates {
            text::print(&format!(
                "{title}: the odds are right, and every unit came once"
            ))?;
        }
        record
            .left_out
            .iter()
            .for_each(|one| eprintln!("left out: {one}"));
    } else {
        text::print(&table::text(&record, &candidates))?;
    }
    if let Some(directory) = &options.out {
        record.write(directory)?;
    }
    if let Some(path) = &options.picture {
        picture::draw(path, &record)?;
    }
    let is_complete = record.left_out.is_empty();
    Ok(ExitCode::from(if is_complete { 0 } else { 4 }))
}

/// Those that are named, or all.
fn chosen(only: &[String]) -> Result<Vec<Candidate>, Failure> {
    let mut candidates = peers::all();
    let is = |name: &str, candidate: &Candidate| {
        let family = candidate.name.split('-').next();
        name == candidate.name || Some(name) == family
    };
    if let Some(nobody) = only
        .iter()
        .find(|name| !candidates.iter().any(|one| is(name, one)))
    {
        return Err(Failure::Usage(format!("there is no {nobody}; see --help")));
    }
    if !only.is_empty() {
        candidates.retain(|candidate| only.iter().any(|name| is(name, candidate)));
    }
    Ok(candidates)
}

/// There is nowhere to measure.
fn unplaced(error: &PlaceError) -> Failure {
    let message = format!("{error} (--data)");
    match error {
        PlaceError::InMemory(_) => Failure::Usage(message),
        PlaceError::Refused { .. } => Failure::Failed(message),
    }
}

/// A bar on the standard error, if that is a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:30}] {pos} of {len}, {eta} left; {msg}");
    let bar = ProgressBar::new(0).with_style(style.expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
