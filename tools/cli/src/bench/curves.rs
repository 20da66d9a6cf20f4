//! Percentile curves as a picture, as `HdrHistogram`'s plotter draws them: every nine of the
//! percentile gets the same room, because the rare long waits are what matters.

use std::{error::Error, path::Path};

use hdrhistogram::Histogram;
use plotters::prelude::*;
use tombola_measure::{Machine, add, nanoseconds};

use super::{hgrm::us, outputs::Curve};
use crate::failure::Failure;

const SIZE: (u32, u32) = (1000, 620);
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(213, 94, 0),
    RGBColor(0, 140, 100),
    RGBColor(180, 70, 150),
    RGBColor(150, 110, 0),
    RGBColor(60, 60, 60),
];
/// The device's curves, which belong to no experiment alone.
const DEVICE: RGBColor = RGBColor(120, 120, 120);

/// Draws the acknowledgement of every experiment, and the device alone from all of them together.
pub(super) fn draw(
    path: &Path,
    title: &str,
    curves: &[Curve],
    machine: &Machine,
) -> Result<(), Failure> {
    picture(path, title, curves, machine)
        .map_err(|error| Failure::Failed(format!("cannot draw {}: {error}", path.display())))
}

fn picture(
    path: &Path,
    title: &str,
    curves: &[Curve],
    machine: &Machine,
) -> Result<(), Box<dyn Error>> {
    let mut device_ns = nanoseconds();
    for curve in curves {
        add(&mut device_ns, &curve.device_ns);
    }
    let mut lines: Vec<_> = curves
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|(curve, &colour)| (curve.load.clone(), colour, points(&curve.latency_ns)))
        .collect();
    lines.push(("device alone".into(), DEVICE, points(&device_ns)));
    let all = || lines.iter().flat_map(|(_, _, points)| points);
    let nines = all().map(|point| point.0).fold(1.0, f64::max);
    let lowest = all().map(|point| point.1).fold(f64::MAX, f64::min).min(1e9);
    let highest = all().map(|point| point.1).fold(lowest, f64::max);

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(72);
    let title = format!("Time to acknowledgement: {title}");
    head.draw_text(
        &title,
        &("sans-serif", 20).into_font().color(&BLACK),
        (90, 14),
    )?;
    let small = ("sans-serif", 12).into_font().color(&DEVICE);
    for (text, y) in machine.to_string().splitn(2, "; ").zip([40, 56]) {
        head.draw_text(text, &small, (90, y))?;
    }
    let mut chart = ChartBuilder::on(&body)
        .margin(12)
        .margin_right(50)
        .x_label_area_size(46)
        .y_label_area_size(78)
        .build_cartesian_2d(
            0.0..nines.ceil().max(2.0),
            (lowest * 0.8..highest * 1.6).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("percentile")
        .y_desc("microseconds")
        .axis_desc_style(("sans-serif", 14))
        .label_style(("sans-serif", 13))
        .x_labels(8)
        .x_label_formatter(&|nines| percentile(*nines))
        .y_label_formatter(&|us| microseconds(*us))
        .light_line_style(WHITE)
        .draw()?;
    for (name, colour, points) in lines {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(14)
        .label_font(("sans-serif", 13))
        .background_style(WHITE.mix(0.85))
        .border_style(DEVICE)
        .draw()?;
    root.present()?;
    Ok(())
}

/// How many nines a percentile has, and its value in microseconds.
fn points(ns: &Histogram<u64>) -> Vec<(f64, f64)> {
    ns.iter_quantiles(5)
        .filter(|tick| tick.quantile_iterated_to() < 1.0)
        .map(|tick| {
            let nines = -(1.0 - tick.quantile_iterated_to()).log10();
            (nines, us(tick.value_iterated_to().max(1)))
        })
        .collect()
}

/// 2 nines are 99 %.
fn percentile(nines: f64) -> String {
    if nines.fract() != 0.0 {
        return String::new();
    }
    let digits = (nines - 2.0).max(0.0) as i32;
    let percent = 100.0 - 100.0 * 10f64.powf(-nines);
    format!("{percent:.*} %", digits.unsigned_abs() as usize)
}

fn microseconds(us: f64) -> String {
    if us >= 1.0 {
        format!("{us:.0}")
    } else {
        format!("{us}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nines_are_percentiles() {
        let labels = [0.0, 1.0, 2.0, 3.0, 4.0].map(percentile);
        assert_eq!(labels, ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert_eq!(percentile(0.5), "");
    }

    #[test]
    fn points_rise() {
        let mut ns = nanoseconds();
        (1..100_000).for_each(|value| ns.saturating_record(value));
        let points = points(&ns);
        assert!(points.is_sorted());
        assert!(points.last().unwrap().0 > 3.0);
    }
}
