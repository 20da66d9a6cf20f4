//! What snapshots, new segments and the archive cost at a million draws a second: beside the same run
//! in one segment that is ready before anything is measured.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tombola::Config;
use tombola_measure::load::Wait;

use super::{Section, latency::at_rate};
use crate::{
    case::{Bench, Case, Figures},
    engines::{ITEMS, Opened, durable},
    failure::Failure,
    goal::{Bound, Goal},
    results::Results,
};

pub(super) const SECTION: Section = Section {
    name: "housekeeping",
    about: "1 000 000 draws a second with snapshots, new segments and an archive, and without",
    cases,
    goals,
};

const RATE: u32 = 1_000_000;
const QUIET: &str = "housekeeping/none";
const SNAPSHOTS: &str = "housekeeping/snapshots and segments";
const ARCHIVE: &str = "housekeeping/snapshots, segments and archive";
/// Bytes that a second takes at most, at this rate.
const BYTES_PER_SECOND: f64 = 256e6;
/// How long the next segment is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

fn cases() -> Vec<Case> {
    vec![
        Case::durable(QUIET, quiet),
        Case::durable(SNAPSHOTS, |bench| kept(bench, false)),
        Case::durable(ARCHIVE, |bench| kept(bench, true)),
    ]
}

#[expect(clippy::cast_sign_loss, reason = "a duration is positive")]
fn quiet(bench: &Bench<'_>) -> Result<Figures, Failure> {
    let seconds = (bench.warmup + bench.measured).as_secs_f64() + 0.5;
    let bytes = (seconds * BYTES_PER_SECOND) as u64;
    let config = Config {
        segment_bytes: bytes.next_multiple_of(1 << 20).min(4 << 30),
        snapshot_records: u64::MAX,
        ..durable()
    };
    measured(bench, config)
}

fn kept(bench: &Bench<'_>, has_archive: bool) -> Result<Figures, Failure> {
    let archive = tempfile::tempdir_in(bench.directory)?;
    let config = Config {
        archive_dir: has_archive.then(|| archive.path().to_path_buf()),
        ..durable()
    };
    measured(bench, config)
}

/// Waits until the next segment is ready too, and then measures.
fn measured(bench: &Bench<'_>, config: Config) -> Result<Figures, Failure> {
    let opened = Opened::new(bench.directory, config, ITEMS)?;
    let begun = Instant::now();
    while segments(opened.directory())? < 2 {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::Failed("no next segment is prepared".into()));
        }
        bench.check()?;
        thread::sleep(Duration::from_millis(10));
    }
    let mut figures = at_rate(bench, &opened, RATE, Wait::default())?;
    let housekeeper = opened.engine.stats()?.housekeeper;
    figures.insert("snapshots", housekeeper.snapshots as f64);
    figures.insert("segments_retired", housekeeper.segments_retired as f64);
    Ok(figures)
}

/// How many segments are complete below a directory.
fn segments(directory: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            count += segments(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "log") {
            count += 1;
        }
    }
    Ok(count)
}

fn goals(results: &Results) -> Vec<Goal> {
    let goal = |(case, what): (&str, &str)| {
        let ratio = results.ratio("p999_us", case, QUIET);
        let unit = "times that without";
        Goal::new(SECTION.name, what, Bound::AtMost(1.2), unit, ratio)
    };
    [
        (SNAPSHOTS, "p99.9 with snapshots and new segments"),
        (ARCHIVE, "p99.9 with an archive too"),
    ]
    .into_iter()
    .filter_map(goal)
    .collect()
}
