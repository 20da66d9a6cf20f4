//! The files of `--out`.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::Path,
};

use hdrhistogram::Histogram;
use tombola::Config;

use tombola_measure::Machine;

use super::{curves, figures, figures::Report, hgrm};
use crate::{failure::Failure, output};

/// Latencies of all repetitions of an experiment, and of the device in between.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) load: String,
    pub(super) latency_ns: Histogram<u64>,
    pub(super) device_ns: Histogram<u64>,
}

/// The report and the percentiles of one experiment.
pub(super) fn write(
    directory: &Path,
    report: &Report<'_>,
    config: &Config,
    curve: &Curve,
) -> Result<(), Failure> {
    let name = format!("{}-{}", figures::setting(config), curve.load);
    let failed = |error| Failure::io("write to", directory.display(), &error);
    fs::create_dir_all(directory).map_err(failed)?;
    let json = format!("{}\n", output::json(report));
    fs::write(directory.join(format!("{name}.json")), json).map_err(failed)?;
    let percentiles = |suffix: &str, ns| {
        let file = File::create(directory.join(format!("{name}{suffix}.hgrm")))?;
        let mut file = BufWriter::new(file);
        hgrm::write(&mut file, ns)?;
        file.flush()
    };
    let written: io::Result<()> =
        percentiles("", &curve.latency_ns).and_then(|()| percentiles("-device", &curve.device_ns));
    written.map_err(failed)
}

/// One picture of all experiments.
pub(super) fn draw(
    directory: &Path,
    config: &Config,
    curves: &[Curve],
    machine: &Machine,
) -> Result<(), Failure> {
    let setting = figures::setting(config);
    let loads: Vec<&str> = curves.iter().map(|curve| curve.load.as_str()).collect();
    let path = directory.join(format!("{setting}-{}.svg", loads.join("-")));
    curves::draw(&path, &setting.replace('-', " + "), curves, machine)
}
