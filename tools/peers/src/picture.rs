//! The comparison as a picture: how many draws a second, and how long each takes at a rate.

use std::{error::Error, path::Path};

use plotters::{coord::Shift, prelude::*};
use tombola_measure::text::grouped;

use crate::{failure::Failure, figures::Figures, record::Record, shape::Shape};

const WIDTH: u32 = 1000;
/// The room of a system's line.
const LINE_HEIGHT: u32 = 25;
/// The room of a panel's title, legend and axis.
const FRAME_HEIGHT: u32 = 128;
const NAMES_WIDTH: u32 = 220;
const HEAD_HEIGHT: u32 = 60;
const BLUE: RGBColor = RGBColor(0, 90, 181);
const ORANGE: RGBColor = RGBColor(230, 130, 0);
const RED: RGBColor = RGBColor(190, 30, 70);
const GREY: RGBColor = RGBColor(110, 110, 110);

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Systems with their values in a panel, one for each mark of the legend.
struct Panel {
    title: String,
    axis: &'static str,
    marks: Vec<(&'static str, RGBColor)>,
    lines: Vec<(&'static str, Vec<f64>)>,
}

impl Panel {
    fn height(&self) -> u32 {
        FRAME_HEIGHT + LINE_HEIGHT * self.lines.len() as u32
    }
}

/// Draws `path.svg` and `path.png`.
pub(crate) fn draw(path: &Path, record: &Record) -> Result<(), Failure> {
    let panels = panels(record);
    let height = HEAD_HEIGHT + panels.iter().map(Panel::height).sum::<u32>();
    let size = (WIDTH, height);
    let (svg, png) = (path.with_extension("svg"), path.with_extension("png"));
    let drawn = picture(
        &SVGBackend::new(&svg, size).into_drawing_area(),
        record,
        &panels,
    )
    .map_err(Box::<dyn Error>::from)
    .and_then(|()| {
        let area = BitMapBackend::new(&png, size).into_drawing_area();
        Ok(picture(&area, record, &panels)?)
    });
    drawn.map_err(|error| Failure::Failed(format!("cannot draw {}: {error}", path.display())))
}

/// Throughput, and a panel for each rate.
fn panels(record: &Record) -> Vec<Panel> {
    let mut systems: Vec<&'static str> = Vec::new();
    let mut rates = Vec::new();
    for row in &record.rows {
        if !systems.contains(&row.title) {
            systems.push(row.title);
        }
        if let Shape::Rate(rate) = row.asked
            && !rates.contains(&rate)
        {
            rates.push(rate);
        }
    }
    let medians = |system: &'static str| {
        let rows = record.rows.iter().filter(move |row| row.title == system);
        rows.filter_map(|row| Some((row.asked, row.median?)))
    };
    let throughput = |&system: &&'static str| {
        let others = medians(system).filter(|(asked, _)| !matches!(asked, Shape::Rate(_)));
        let all: Vec<_> = others
            .map(|(_, figures): (_, Figures)| figures.draws_per_second)
            .collect();
        let most = all.iter().copied().fold(0.0, f64::max);
        // The first way is one draw a commit.
        Some((system, vec![*all.first()?, most]))
    };
    let at = |rate: u64| {
        move |&system: &&'static str| {
            let (_, figures) = medians(system).find(|(asked, _)| *asked == Shape::Rate(rate))?;
            Some((
                system,
                vec![figures.p50_us, figures.p99_us, figures.p999_us],
            ))
        }
    };
    let mut panels = vec![Panel {
        title: "How many draws a second".into(),
        axis: "draws a second",
        marks: vec![
            ("one draw a commit", ORANGE),
            ("the most, however asked", BLUE),
        ],
        lines: systems.iter().filter_map(throughput).collect(),
    }];
    panels.extend(rates.iter().map(|&rate| Panel {
        title: format!(
            "How long a draw takes at {} a second, from when it was due",
            grouped(rate)
        ),
        axis: "microseconds",
        marks: vec![("p50", BLUE), ("p99", ORANGE), ("p99.9", RED)],
        lines: systems.iter().filter_map(at(rate)).collect(),
    }));
    panels.retain(|panel| !panel.lines.is_empty());
    panels
}

fn picture<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    record: &Record,
    panels: &[Panel],
) -> Drawn<B> {
    root.fill(&WHITE)?;
    let small = ("sans-serif", 13).into_font().color(&GREY);
    let measured = format!(
        "Medians of {} rounds of {} s; load average {:.1} before and {:.1} after",
        record.rounds, record.seconds, record.load_before, record.load_after
    );
    root.draw_text(&record.machine.to_string(), &small, (16, 14))?;
    root.draw_text(&measured, &small, (16, 34))?;
    let mut rest = root.split_vertically(HEAD_HEIGHT).1;
    for panel in panels {
        let (area, below) = rest.split_vertically(panel.height());
        draw_panel(&area, panel)?;
        rest = below;
    }
    root.present()
}

fn draw_panel<B: DrawingBackend>(area: &DrawingArea<B, Shift>, panel: &Panel) -> Drawn<B> {
    let text = |size: u32, colour: &RGBColor| ("sans-serif", size).into_font().color(colour);
    area.draw_text(&panel.title, &text(18, &BLACK), (16, 8))?;
    let mut x = NAMES_WIDTH.cast_signed();
    for (name, colour) in &panel.marks {
        area.draw(&Circle::new((x, 44), 5, colour.filled()))?;
        area.draw_text(name, &text(13, &BLACK), (x + 12, 37))?;
        x += 40 + 8 * (name.len() as u32).cast_signed();
    }
    let values = || panel.lines.iter().flat_map(|line| &line.1).copied();
    let lowest = values().fold(f64::MAX, f64::min);
    let highest = values().fold(lowest, f64::max);
    let count = panel.lines.len() as u32;
    let mut chart = ChartBuilder::on(area)
        .margin_top(60)
        .margin_right(30)
        .x_label_area_size(50)
        .y_label_area_size(NAMES_WIDTH)
        .build_cartesian_2d(
            (lowest * 0.7..highest * 1.4).log_scale(),
            -0.5..f64::from(count) - 0.5,
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(WHITE)
        .bold_line_style(GREY.mix(0.3))
        .x_desc(panel.axis)
        .axis_desc_style(("sans-serif", 14))
        .label_style(("sans-serif", 13))
        .x_label_formatter(&|value| short(*value))
        .draw()?;
    for (at, (system, values)) in panel.lines.iter().enumerate() {
        // The first line is the topmost.
        let y = f64::from(count) - 1.0 - at as f64;
        let (_, pixel) = chart.backend_coord(&(lowest, y));
        let (_, top) = area.get_base_pixel();
        area.draw_text(system, &text(14, &BLACK), (16, pixel - top - 7))?;
        let ends = [values[0], values[values.len() - 1]].map(|value| (value, y));
        chart.draw_series(LineSeries::new(ends, GREY.mix(0.5)))?;
        let marks = values.iter().zip(&panel.marks);
        chart.draw_series(
            marks.map(|(&value, (_, colour))| Circle::new((value, y), 5, colour.filled())),
        )?;
    }
    Ok(())
}

/// A number in thousands or millions.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", value / 1e6),
        1e3.. => format!("{} k", value / 1e3),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [10.0, 1000.0, 100_000.0, 10_000_000.0].map(short);
        assert_eq!(numbers, ["10", "1 k", "100 k", "10 M"]);
    }
}
