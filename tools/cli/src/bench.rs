//! `tombola bench`.

mod curves;
mod figures;
mod hgrm;
mod outputs;
mod repetition;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tombola::{Config, ConfigFile, PoolDefinition};
use tombola_measure::{DeviceProbe, Place, add, nanoseconds, signals};

use self::{
    figures::{Figures, Report},
    outputs::Curve,
    repetition::Experiment,
};
use crate::{
    config,
    failure::Failure,
    options::{EngineOptions, check_clients},
    output,
};

const AFTER_HELP: &str = "\
Without --rate the clients keep their rings full: draws a second, and the latency of a draw that
waits behind full rings. With --rate draws are due on a fixed schedule, whatever becomes of those
before them, and the latency counts from the moment a draw was due: no stall is left out
(\"coordinated omission\").

Before and after every run single 4 KiB writes, each flushed, are timed in the same directory. A
durable draw cannot be faster than the device; in a virtual machine a flush ends at the host.

Data goes to a new directory that is removed afterwards.

Exit codes: 0 ok, 1 failed, 2 usage, settings or pools.

Examples:
  tombola bench
  tombola bench --format jsonl --seconds 10 --repeat 5
  tombola bench --rate 10000,100000,1000000 --out results
  tombola bench pools.toml --clients 2 --shards 2 --json";

/// Measures throughput and latency beside the device's own.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Settings and pools; without it, one pool of unlimited items.
    config: Option<PathBuf>,

    /// Draws a second that are due, of all clients together; several make a run each.
    #[arg(long, value_name = "R", value_delimiter = ',', value_parser = rate)]
    rate: Vec<f64>,

    /// How long each run is measured.
    #[arg(long, value_name = "T", default_value = "5", value_parser = seconds)]
    seconds: Duration,

    /// How long each run goes before it is measured.
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds_or_none)]
    warmup: Duration,

    /// Runs of each kind; the figures are their medians.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    repeat: u64,

    /// Threads that draw.
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    clients: u64,

    /// How many items the pool has that is made without a config file.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 24), conflicts_with = "config")]
    items: u64,

    /// Below which directory the data goes; its file system is what is measured [default: the
    /// system's temporary directory, or the current one where that is in memory].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Writes percentiles (.hgrm), JSON and a picture (.svg) into this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Prints a JSON object for each rate instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    options: EngineOptions,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let ConfigFile { mut config, pools } = match &arguments.config {
        Some(path) => config::read(path)?,
        None => ConfigFile {
            config: Config {
                // One core draws, the other asks.
                shards: Some(1),
                ..Config::default()
            },
            pools: vec![unlimited_pool(arguments.items)],
        },
    };
    arguments.options.lay_over(&mut config);
    if pools.is_empty() {
        return Err(Failure::Usage(
            "the config file has no pools; add a [[pool]], or leave the file out".into(),
        ));
    }
    check_clients(&config, arguments.clients as usize)?;
    let stop = signals::stop_flag().map_err(|error| Failure::signals(&error))?;
    let place = Place::make(arguments.data.as_deref(), "tombola-bench-")?;
    let mut probe = DeviceProbe::new(place.path())
        .map_err(|error| Failure::io("write to", place.path().display(), &error))?;
    if !arguments.json {
        let device = if probe.is_direct {
            ""
        } else {
            ", without O_DIRECT"
        };
        output::print(&format!("{}{device}\n{}", place.machine(), figures::HEAD))?;
    }
    let rates = if arguments.rate.is_empty() {
        vec![None]
    } else {
        arguments.rate.iter().copied().map(Some).collect()
    };
    let mut curves = Vec::new();
    for rate in rates {
        let experiment = Experiment {
            config: &config,
            pools: &pools,
            clients: arguments.clients as usize,
            rate,
            warmup: arguments.warmup,
            duration: arguments.seconds,
        };
        let (report, curve) = repeat(&experiment, arguments.repeat, &place, &mut probe, &stop)?;
        tell(&report, arguments.json)?;
        if let Some(out) = &arguments.out {
            outputs::write(out, &report, &config, &curve)?;
        }
        curves.push(curve);
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if let Some(out) = &arguments.out {
        outputs::draw(out, &config, &curves, place.machine())?;
    }
    drop(probe);
    place.remove()?;
    Ok(ExitCode::SUCCESS)
}

/// Runs an experiment so many times.
fn repeat<'a>(
    experiment: &Experiment<'_>,
    times: u64,
    place: &'a Place,
    probe: &mut DeviceProbe,
    interrupted: &AtomicBool,
) -> Result<(Report<'a>, Curve), Failure> {
    let mut repetitions = Vec::new();
    let mut latency_ns = nanoseconds();
    let mut device_ns = nanoseconds();
    let bar = output::progress(times, "measuring");
    let last = loop {
        let measured = experiment.run(place.path(), probe, interrupted)?;
        bar.inc(1);
        add(&mut latency_ns, &measured.answers.latency_ns);
        add(&mut device_ns, &measured.device_ns);
        repetitions.push(Figures::of(&measured));
        if repetitions.len() as u64 == times || interrupted.load(Ordering::Relaxed) {
            break measured;
        }
    };
    bar.finish_and_clear();
    let items = |pool: &PoolDefinition| pool.items.len();
    let report = Report {
        figures: Figures::median(&repetitions),
        storage: last.storage,
        storage_fallback: last.storage_fallback,
        format: experiment.config.format,
        durability: experiment.config.durability,
        shards: last.shards,
        clients: experiment.clients,
        rate: experiment.rate,
        pools: experiment.pools.len(),
        pool_items: experiment.pools.iter().map(items).sum(),
        repetitions,
        machine: place.machine(),
        command: tombola_measure::arguments(),
    };
    let curve = Curve {
        load: figures::load(experiment.rate),
        latency_ns,
        device_ns,
    };
    Ok((report, curve))
}

fn tell(report: &Report<'_>, json: bool) -> Result<(), Failure> {
    for remark in report.figures.remarks(report.rate) {
        eprintln!("tombola: {}: {remark}", figures::load(report.rate));
    }
    if json {
        output::print_json(report)
    } else {
        let name = report
            .rate
            .map_or_else(|| "saturated".into(), |rate| format!("{rate}/s"));
        output::print(&report.figures.line(&name))
    }
}

/// A thousand items by default, of different weights, that never run out.
fn unlimited_pool(items: u64) -> PoolDefinition {
    (0..items).fold(PoolDefinition::new("bench"), |pool, item| {
        pool.unlimited(format!("item-{item}"), 1 + item % 100)
    })
}

fn rate(text: &str) -> Result<f64, String> {
    match text.replace('_', "").parse() {
        Ok(rate) if (0.1..=1e9).contains(&rate) => Ok(rate),
        _ => Err("write draws a second, from 0.1 to 1000000000".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("write seconds, from 0.001 to 86400".into()),
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    if text == "0" {
        Ok(Duration::ZERO)
    } else {
        seconds(text)
    }
}
