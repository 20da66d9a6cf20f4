//! The rounds: all systems take turns, so that a slow minute of the machine is everybody's.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use indicatif::ProgressBar;
use tombola_measure::{DeviceProbe, Place};

use crate::{
    check::check,
    failure::Failure,
    figures::Figures,
    measure::{Span, measure},
    options::Options,
    peers::Candidate,
    pool::Pool,
    record::Record,
    shape::Shape,
};

/// How long the device is asked alone before each turn.
const PROBE: Duration = Duration::from_millis(200);

/// Leaves out what something is missing for; tells why.
pub(crate) fn present(
    candidates: &mut Vec<Candidate>,
    place: &Path,
    only_open: bool,
    bar: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Vec<String>, Failure> {
    let mut left_out = Vec::new();
    let mut present = Vec::new();
    for candidate in candidates.drain(..) {
        goes_on(stop)?;
        bar.set_message(format!("checking {}", candidate.title));
        let tried = if only_open {
            opens(&candidate, place)
        } else {
            check(&candidate, place)
        };
        match tried {
            Ok(()) => present.push(candidate),
            Err(Failure::Missing(why)) => left_out.push(format!("{}: {why}", candidate.title)),
            Err(failure) => return Err(failure.of(candidate.title)),
        }
    }
    *candidates = present;
    Ok(left_out)
}

fn opens(candidate: &Candidate, place: &Path) -> Result<(), Failure> {
    let directory = tempfile::tempdir_in(place)?;
    (candidate.open)(directory.path(), &Pool::small())?.close()
}

/// The ways in which a system is asked in this run.
pub(crate) fn shapes(candidate: &Candidate, options: &Options) -> Vec<Shape> {
    let mut shapes = Vec::new();
    if !options.no_commits {
        shapes.extend(&candidate.shapes);
    }
    if !options.no_rates && candidate.collects_max.is_some() {
        shapes.extend(options.rates.iter().map(|&rate| Shape::Rate(rate)));
    }
    shapes
}

/// Measures all of them so many times.
pub(crate) fn rounds(
    candidates: &[Candidate],
    options: &Options,
    place: &Place,
    record: &mut Record,
    bar: &ProgressBar,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let mut probe = DeviceProbe::new(place.path())?;
    for round in 0..options.rounds.get() {
        // Nobody always follows the same one's leftovers in the device's cache.
        let first = round as usize * candidates.len() / options.rounds.get() as usize;
        let (later, sooner) = candidates.split_at(first);
        for candidate in sooner.iter().chain(later) {
            bar.set_message(format!("round {}, {}", round + 1, candidate.title));
            let write_ns = probe.measure(PROBE)?;
            let writes_per_second = write_ns.len() as f64 / PROBE.as_secs_f64();
            record.device(Figures::new(writes_per_second, &write_ns, 4096.0));
            turn(candidate, options, place.path(), record, bar, stop)
                .map_err(|failure| failure.of(candidate.title))?;
        }
    }
    record.finish();
    Ok(())
}

/// One system, in all ways, each in a directory that is new: what one leaves to be done in the
/// background is not in the figures of the next.
fn turn(
    candidate: &Candidate,
    options: &Options,
    place: &Path,
    record: &mut Record,
    bar: &ProgressBar,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let span = Span {
        warmup: options.warmup,
        measured: options.seconds,
    };
    let batch_max = candidate.collects_max.unwrap_or(1);
    for shape in shapes(candidate, options) {
        goes_on(stop)?;
        let directory = tempfile::tempdir_in(place)?;
        let system = (candidate.open)(directory.path(), &Pool::measured())?;
        let figures = measure(&*system, shape, batch_max, span, stop)?;
        record.add(candidate, shape, figures);
        bar.inc(1);
        system.close()?;
    }
    Ok(())
}

fn goes_on(stop: &AtomicBool) -> Result<(), Failure> {
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    Ok(())
}
