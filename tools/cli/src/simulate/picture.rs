//! A simulation as a picture: a row for each pool, shares on the left, stock on the right.

use std::{error::Error, path::Path};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::tracker::Tracker;
use crate::{failure::Failure, output::counted};

const WIDTH: u32 = 1200;
const ROW_HEIGHT: u32 = 480;
/// Pools and items that find room.
const POOLS_MAX: usize = 6;
const ITEMS_MAX: usize = 16;
const EXPECTED: RGBColor = RGBColor(170, 190, 215);
const ACTUAL: RGBColor = RGBColor(0, 90, 181);
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 90, 181),
    RGBColor(213, 94, 0),
    RGBColor(0, 140, 100),
    RGBColor(180, 70, 150),
    RGBColor(150, 110, 0),
    RGBColor(80, 170, 220),
    RGBColor(200, 40, 40),
    RGBColor(90, 90, 90),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Writes the picture.
pub(super) fn draw(path: &Path, trackers: &[Tracker]) -> Result<(), Failure> {
    let shown = &trackers[..trackers.len().min(POOLS_MAX)];
    all(path, shown, trackers.len())
        .map_err(|error| Failure::Failed(format!("cannot draw {}: {error}", path.display())))
}

fn all(path: &Path, shown: &[Tracker], pools: usize) -> Drawn {
    let height = ROW_HEIGHT * shown.len() as u32;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    for (row, tracker) in root.split_evenly((shown.len(), 1)).iter().zip(shown) {
        let (head, body) = row.split_vertically(44);
        let name = shortened(&tracker.definition().name, 40);
        let title = format!(
            "{name}: {}{}",
            counted(tracker.draws(), "draw"),
            cut("pools", shown.len(), pools)
        );
        head.draw_text(&title, &font(20).color(&BLACK), (24, 16))?;
        let (left, right) = body.split_horizontally(WIDTH / 2);
        shares(&left, tracker)?;
        stock(&right, tracker)?;
    }
    root.present()?;
    Ok(())
}

/// Bars: what was expected, given when items ran out, and what came.
fn shares(area: &Area<'_>, tracker: &Tracker) -> Drawn {
    let items = &tracker.definition().items;
    let draws = tracker.draws().max(1) as f64 / 100.0;
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&one, &other| tracker.expected(other).total_cmp(&tracker.expected(one)));
    order.truncate(ITEMS_MAX);
    let bars: Vec<(usize, f64, f64)> = order
        .into_iter()
        .map(|item| {
            let actual = tracker.drawn()[item] as f64;
            (item, tracker.expected(item) / draws, actual / draws)
        })
        .collect();
    let longest = bars
        .iter()
        .map(|bar| bar.1.max(bar.2))
        .fold(0.0001, f64::max);
    let rows = bars.len() as f64;
    let caption = format!(
        "Share of the draws, in percent{}",
        cut("items", bars.len(), items.len())
    );
    let mut chart = ChartBuilder::on(area)
        .caption(caption, font(15))
        .margin(10)
        .margin_right(30)
        .x_label_area_size(34)
        .y_label_area_size(150)
        .build_cartesian_2d(0.0..longest * 1.12, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(6)
        .label_style(font(12))
        .light_line_style(WHITE)
        .draw()?;
    let bar = |row: usize, top: f64, length: f64, colour: RGBColor| {
        let row = row as f64;
        Rectangle::new(
            [(0.0, row + top), (length, row + top + 0.36)],
            colour.filled(),
        )
    };
    let numbered = || bars.iter().enumerate();
    chart
        .draw_series(numbered().map(|(row, &(_, expected, _))| bar(row, 0.12, expected, EXPECTED)))?
        .label("expected")
        .legend(|at| swatch(at, EXPECTED));
    chart
        .draw_series(numbered().map(|(row, &(_, _, actual))| bar(row, 0.5, actual, ACTUAL)))?
        .label("actual")
        .legend(|at| swatch(at, ACTUAL));
    let name = font(12)
        .color(&BLACK)
        .pos(Pos::new(HPos::Right, VPos::Center));
    for (row, &(item, _, _)) in numbered() {
        let (x, y) = chart.backend_coord(&(0.0, row as f64 + 0.5));
        let (base_x, base_y) = area.get_base_pixel();
        let text = shortened(items.at(item).id, 20);
        area.draw_text(&text, &name, (x - base_x - 8, y - base_y))?;
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)
}

/// Lines: what is left of each stock.
fn stock(area: &Area<'_>, tracker: &Tracker) -> Drawn {
    let items = &tracker.definition().items;
    let followed: Vec<usize> = tracker.stocked().collect();
    if followed.is_empty() {
        let text = "Every item is unlimited";
        let (width, height) = area.dim_in_pixel();
        let centred = font(15)
            .color(&BLACK)
            .pos(Pos::new(HPos::Center, VPos::Center));
        area.draw_text(
            text,
            &centred,
            ((width / 2).cast_signed(), (height / 2).cast_signed()),
        )?;
        return Ok(());
    }
    let finite = items.iter().filter(|item| item.stock.is_some()).count();
    let caption = format!(
        "Stock left, in percent; a dot where it ran out{}",
        cut("items", followed.len(), finite)
    );
    let draws = tracker.draws().max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, font(15))
        .margin(10)
        .margin_right(44)
        .x_label_area_size(44)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..draws, 0.0..104.0)?;
    chart
        .configure_mesh()
        .x_desc("draw")
        .x_labels(5)
        .y_labels(6)
        .axis_desc_style(font(13))
        .label_style(font(12))
        .x_label_formatter(&|draw| format!("{draw:.0}"))
        .y_label_formatter(&|percent| format!("{percent:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    for (place, (&item, colour)) in followed.iter().zip(COLOURS).enumerate() {
        let stock = items.at(item).stock.unwrap_or(1).max(1) as f64;
        let left = |drawn: u64| 100.0 - 100.0 * drawn as f64 / stock;
        let end = (tracker.draws() as f64, left(tracker.drawn()[item]));
        let ran_out = tracker.ran_out_at(item).map(|draw| (draw as f64, 0.0));
        let mut points: Vec<(f64, f64)> = tracker
            .samples()
            .iter()
            .map(|sample| (sample.draw as f64, left(sample.drawn[place])))
            .chain(ran_out)
            .chain([end])
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(shortened(items.at(item).id, 20))
            .legend(move |at| swatch(at, colour));
        chart.draw_series(ran_out.map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// What a reader should know where not everything is shown.
fn cut(what: &str, shown: usize, all: usize) -> String {
    if shown < all {
        format!(" ({shown} of {all} {what})")
    } else {
        String::new()
    }
}

fn legend<'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .margin(12)
        .label_font(font(12))
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(150, 150, 150))
        .draw()?;
    Ok(())
}

fn swatch(at: (i32, i32), colour: RGBColor) -> Rectangle<(i32, i32)> {
    Rectangle::new([(at.0, at.1 - 4), (at.0 + 16, at.1 + 4)], colour.filled())
}

fn font(size: u32) -> FontDesc<'static> {
    ("sans-serif", size).into_font()
}

fn shortened(name: &str, characters_max: usize) -> String {
    if name.chars().count() <= characters_max {
        return name.to_owned();
    }
    let kept: String = name.chars().take(characters_max - 1).collect();
    kept + "…"
}
