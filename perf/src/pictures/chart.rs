//! A chart with lines, both axes logarithmic: drawn as SVG, and that as PNG.

use std::{error::Error, fs, path::Path, sync::Arc};

use plotters::prelude::*;
use resvg::{tiny_skia, usvg};

use crate::failure::Failure;

const SIZE: (u32, u32) = (1000, 600);
/// Pixels of the PNG for each of the SVG's.
const SCALE: f32 = 1.5;
const HEAD_HEIGHT: u32 = 66;
/// The room of the names beside the lines.
const LEGEND_WIDTH: u32 = 200;
const GREY: RGBColor = RGBColor(110, 110, 110);
const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 90, 181),
    RGBColor(0, 140, 100),
    RGBColor(230, 130, 0),
    RGBColor(190, 30, 70),
];

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    Whole,
    Broken,
}

/// A line with a mark at every point.
pub(super) struct Line {
    pub(super) name: String,
    /// The place of its colour.
    pub(super) colour: usize,
    pub(super) stroke: Stroke,
    pub(super) points: Vec<(f64, f64)>,
}

/// What is drawn.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) lines: Vec<Line>,
}

impl Chart {
    /// Draws `path.svg` and `path.png`.
    pub(super) fn draw(&self, path: &Path, about: &[String; 2]) -> Result<(), Failure> {
        let mut svg = String::new();
        let drawn = self
            .svg(&mut svg, about)
            .and_then(|()| Ok(fs::write(path.with_extension("svg"), &svg)?))
            .and_then(|()| png(&svg, &path.with_extension("png")));
        drawn.map_err(|error| Failure::Failed(format!("cannot draw {}: {error}", path.display())))
    }

    fn svg(&self, svg: &mut String, about: &[String; 2]) -> Result<(), Box<dyn Error>> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let ends = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| {
                (least.min(value), most.max(value))
            })
        };
        let (left, right) = ends(&mut points().map(|point| point.0));
        let (low, high) = ends(&mut points().map(|point| point.1));
        let (low, high) = (low * 0.7, high * 1.5);
        // Numbers stand at powers of ten: two of them tell what the others are.
        let low = low.min(10f64.powf(high.log10().floor() - 1.0));
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, body) = root.split_vertically(HEAD_HEIGHT);
        let text = |size: u32, colour: &RGBColor| ("sans-serif", size).into_font().color(colour);
        head.draw_text(&self.title, &text(20, &BLACK), (86, 12))?;
        for (line, y) in about.iter().zip([38, 53]) {
            head.draw_text(line, &text(12, &GREY), (86, y))?;
        }
        let mut chart = ChartBuilder::on(&body)
            .margin(12)
            .margin_right(LEGEND_WIDTH)
            .x_label_area_size(46)
            .y_label_area_size(74)
            .build_cartesian_2d(
                (left * 0.9..right * 1.1).log_scale(),
                (low..high).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(("sans-serif", 14))
            .label_style(("sans-serif", 13))
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .bold_line_style(GREY.mix(0.25))
            .light_line_style(WHITE)
            .draw()?;
        // Beside the lines, so that it hides none of them.
        let legend = (SIZE.0 - LEGEND_WIDTH + 16).cast_signed();
        for (line, y) in self.lines.iter().zip((24..).step_by(22)) {
            let colour = COLOURS[line.colour % COLOURS.len()];
            let style = colour.stroke_width(2);
            let points = line.points.iter().copied();
            let pieces: &[[i32; 2]] = match line.stroke {
                Stroke::Whole => {
                    chart.draw_series(LineSeries::new(points, style))?;
                    let mark = |&point| Circle::new(point, 3, colour.filled());
                    chart.draw_series(line.points.iter().map(mark))?;
                    &[[0, 22]]
                }
                Stroke::Broken => {
                    chart.draw_series(DashedLineSeries::new(points, 6, 5, style))?;
                    &[[0, 9], [13, 22]]
                }
            };
            for ends in pieces {
                let ends = ends.map(|place| (legend + place, y));
                body.draw(&PathElement::new(ends, style))?;
            }
            body.draw_text(&line.name, &text(13, &BLACK), (legend + 30, y - 7))?;
        }
        root.present()?;
        Ok(())
    }
}

/// The SVG as pixels, with whatever fonts there are.
fn png(svg: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_system_fonts();
    // Whatever the machine has: the first that calls itself so, or else just the first.
    let mut families = fonts.faces().map(|face| face.families[0].0.clone());
    let first = families.next();
    let sans = first.iter().cloned().chain(families).find(|family| {
        let mut words = family.split(' ');
        words.any(|word| word == "Sans") && !family.contains("Mono")
    });
    if let Some(family) = sans.or(first) {
        fonts.set_sans_serif_family(family);
    }
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size();
    let scaled = |pixels: u32| (pixels as f32 * SCALE).round();
    #[expect(clippy::cast_sign_loss, reason = "a picture has a size")]
    let (width, height) = (scaled(size.width()) as u32, scaled(size.height()) as u32);
    let mut pixels = tiny_skia::Pixmap::new(width, height).ok_or("the picture is empty")?;
    let scale = tiny_skia::Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels.save_png(path)?;
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
    fn large_numbers_are_short() {
        let told = [0.5, 100.0, 20_000.0, 1_500_000.0].map(short);
        assert_eq!(told, ["0.5", "100", "20 k", "1.5 M"]);
    }

    #[test]
    fn a_chart_becomes_two_pictures() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chart");
        let line = |name: &str, stroke| Line {
            name: name.into(),
            colour: 0,
            stroke,
            points: vec![(1.0, 10.0), (10.0, 1000.0)],
        };
        let chart = Chart {
            title: "A chart".into(),
            x: "x",
            y: "y",
            lines: vec![line("one", Stroke::Whole), line("two", Stroke::Broken)],
        };
        chart.draw(&path, &["here".into(), "now".into()]).unwrap();
        let svg = fs::read_to_string(path.with_extension("svg")).unwrap();
        assert!(svg.contains("A chart") && svg.contains("two"));
        let png = fs::read(path.with_extension("png")).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}
