//! The pictures: percentiles against rate, throughput against the size of a block and how many are
//! on their way, growth.

mod chart;

use std::path::Path;

use self::chart::{Chart, Line, Stroke};
use crate::{
    failure::Failure,
    record::Record,
    results::Results,
    sections::{self, DEPTHS, RATES, SIZES, blocks, growth},
};

/// Draws those for which there are figures into `results` below a directory.
pub(crate) fn draw(out: &Path, record: &Record) -> Result<(), Failure> {
    let results = &record.results;
    let charts = [
        ("latency", latency(results)),
        ("throughput", throughput(results)),
        ("growth-items", items(results)),
        ("growth-clients", clients(results)),
    ];
    let measured = format!(
        "{}, medians of {} runs of {} s",
        record.date, record.repetitions, record.seconds
    );
    let about = [record.machine.to_string(), measured];
    for (name, chart) in charts {
        if chart.lines.iter().any(|line| line.points.len() > 1) {
            chart.draw(&out.join("results").join(name), &about)?;
        }
    }
    Ok(())
}

fn latency(results: &Results) -> Chart {
    let own = [
        ("p50", "p50_us"),
        ("p99", "p99_us"),
        ("p99.9", "p999_us"),
        ("max", "max_us"),
    ];
    let at = |rate: u32, value: Option<f64>| Some((f64::from(rate), value?));
    let line = |(colour, (name, figure)): (usize, (&str, &str))| Line {
        name: format!("Tombola, {name}"),
        colour,
        stroke: Stroke::Whole,
        points: RATES
            .iter()
            .filter_map(|&rate| at(rate, results.median(&sections::latency::name(rate), figure)))
            .collect(),
    };
    let device = |(colour, (name, figure)): (usize, (&str, &str))| Line {
        name: format!("device alone, {name}"),
        colour,
        stroke: Stroke::Broken,
        points: RATES
            .iter()
            .filter_map(|&rate| {
                let measured = results.of(&sections::latency::name(rate))?;
                at(rate, measured.device_median.get(figure).copied())
            })
            .collect(),
    };
    let lines = own.into_iter().enumerate().map(line);
    let devices = own.into_iter().take(3).enumerate().map(device);
    Chart {
        title: "From when a draw was due to its acknowledgement".into(),
        x: "draws a second that are due",
        y: "microseconds",
        lines: lines.chain(devices).collect(),
    }
}

fn throughput(results: &Results) -> Chart {
    let line = |colour, name: String, stroke, points: Vec<(usize, Option<f64>)>| Line {
        name,
        colour,
        stroke,
        points: points
            .into_iter()
            .filter_map(|(bytes, value)| Some(((bytes >> 10) as f64, value? / 1e6)))
            .collect(),
    };
    let rate = |case: String| results.median(&case, "bytes_per_second");
    let device = |(colour, depth): (usize, usize)| {
        let points = SIZES.map(|bytes| (bytes, rate(sections::device::name(bytes, depth))));
        let name = format!("device alone, {depth} in flight");
        line(colour, name, Stroke::Broken, points.to_vec())
    };
    let engine = |(colour, depth): (usize, usize)| {
        let points = blocks::SIZES.map(|bytes| (bytes, rate(blocks::name(bytes, depth))));
        let name = format!("Tombola, {depth} in flight");
        line(colour, name, Stroke::Whole, points.to_vec())
    };
    let engines = DEPTHS.into_iter().enumerate().map(engine);
    let devices = DEPTHS.into_iter().enumerate().map(device);
    Chart {
        title: "Bytes a second, flushed, by the size of a block".into(),
        x: "KiB of a block (Tombola's, saturated, at most)",
        y: "MB/s",
        lines: engines.chain(devices).collect(),
    }
}

fn items(results: &Results) -> Chart {
    grown(
        results,
        "items of the pool",
        &growth::ITEM_COUNTS.map(|count| count as f64),
        &|log, at| growth::items(log, growth::ITEM_COUNTS[at]),
    )
}

fn clients(results: &Results) -> Chart {
    grown(
        results,
        "clients, each a thread",
        &growth::CLIENT_COUNTS.map(|count| count as f64),
        &|log, at| growth::clients(log, growth::CLIENT_COUNTS[at]),
    )
}

fn grown(
    results: &Results,
    what: &'static str,
    counts: &[f64],
    case: &dyn Fn(&str, usize) -> String,
) -> Chart {
    let line = |(colour, log): (usize, &str)| Line {
        name: log.to_owned(),
        colour,
        stroke: Stroke::Whole,
        points: counts
            .iter()
            .enumerate()
            .filter_map(|(at, &count)| Some((count, results.median(&case(log, at), "draw_ns")?)))
            .collect(),
    };
    Chart {
        title: format!("Time of a draw, saturated, by {what}"),
        x: what,
        y: "nanoseconds a draw",
        lines: growth::LOGS.into_iter().enumerate().map(line).collect(),
    }
}
