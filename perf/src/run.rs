//! Runs every case once, then every case again: what changes on the machine meanwhile is in the
//! figures of all of them.

use std::{
    fs,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, SystemTime},
};

use tombola::config::Moment;
use tombola_measure::{DeviceProbe, Place, PlaceError, add, signals, text};

use crate::{
    case::{Bench, Case, Figures, percentiles},
    failure::Failure,
    git,
    options::Options,
    record::Record,
    results::{Repetition, Results},
    sections::SECTIONS,
};

/// How long the device is measured before a run, and again after it.
const PROBE_MAX: Duration = Duration::from_millis(200);

/// Measures what the options ask for.
pub(crate) fn measure(options: &Options) -> Result<Record, Failure> {
    let stop = signals::stop_flag()?;
    let place = Place::make(options.directory.as_deref(), "tombola-perf-").map_err(|error| {
        let message = format!("{error} (--directory)");
        match error {
            PlaceError::InMemory(_) => Failure::Usage(message),
            PlaceError::Refused { .. } => Failure::Failed(message),
        }
    })?;
    let cases = cases(options);
    if cases.is_empty() {
        return Err(Failure::Usage("no case of these has such a name".into()));
    }
    let begun = SystemTime::now();
    let load_before = load();
    let runs = repeat(&cases, options, place.path(), &stop)?;
    let results = Results::new(&cases, runs);
    let goals = SECTIONS
        .iter()
        .filter(|section| options.has(section.name))
        .flat_map(|section| (section.goals)(&results))
        .collect();
    let since = begun.duration_since(SystemTime::UNIX_EPOCH)?;
    let record = Record {
        name: options.name(),
        date: Moment(since.as_secs() * 1000).to_string(),
        revision: git::revision(),
        command: tombola_measure::arguments(),
        machine: place.machine().clone(),
        load_before,
        load_after: load(),
        seconds: options.seconds.as_secs_f64(),
        repetitions: options.repetitions,
        goals,
        results,
    };
    place.remove()?;
    Ok(record)
}

/// The cases of the sections; what several sections need is run once.
fn cases(options: &Options) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for section in SECTIONS.iter().filter(|section| options.has(section.name)) {
        for case in (section.cases)() {
            if cases.iter().all(|there| there.name != case.name) {
                cases.push(case);
            }
        }
    }
    if let Some(only) = &options.only {
        cases.retain(|case| case.name.contains(only));
    }
    cases
}

fn repeat(
    cases: &[Case],
    options: &Options,
    directory: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Vec<Repetition>>, Failure> {
    let bench = Bench {
        directory,
        warmup: options.seconds / 4,
        measured: options.seconds,
        stop,
    };
    let mut probe = DeviceProbe::new(directory)?;
    let probe_for = PROBE_MAX.min(options.seconds / 4);
    let mut runs: Vec<Vec<Repetition>> = cases.iter().map(|_| Vec::new()).collect();
    let all = u64::from(options.repetitions) * cases.len() as u64;
    let bar = text::progress(all, "measuring");
    for _ in 0..options.repetitions {
        for (case, runs) in cases.iter().zip(&mut runs) {
            bar.set_message(case.name.clone());
            runs.push(run(case, &bench, &mut probe, probe_for)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(runs)
}

fn run(
    case: &Case,
    bench: &Bench<'_>,
    probe: &mut DeviceProbe,
    probe_for: Duration,
) -> Result<Repetition, Failure> {
    if !case.is_durable {
        let figures = case.run(bench)?;
        let device = None;
        return Ok(Repetition { figures, device });
    }
    let mut device_ns = probe.measure(probe_for)?;
    let figures = case.run(bench)?;
    add(&mut device_ns, &probe.measure(probe_for)?);
    let device: Option<Figures> = Some(percentiles(&device_ns));
    Ok(Repetition { figures, device })
}

/// The load average of the last minute; 0 where the kernel does not tell.
fn load() -> f64 {
    let told = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = told.split(' ').next().and_then(|load| load.parse().ok());
    first.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser as _;

    use super::*;

    #[test]
    fn every_case_is_run_once() {
        let cases = cases(&Options::parse_from(["tombola-perf", "all"]));
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len());
    }
}
