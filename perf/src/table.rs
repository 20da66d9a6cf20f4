//! The figures as people read them: on a terminal, and as a page.

use std::fmt::Write as _;

use tombola_measure::text;

use crate::{
    goal::{Bound, Goal},
    record::Record,
    results::Measured,
    sections::SECTIONS,
};

/// Figures that are shown, in this order, and what they are divided by.
const COLUMNS: &[(&str, &str, f64)] = &[
    ("draws_per_second", "M draws/s", 1e6),
    ("draw_ns", "ns a draw", 1.0),
    ("bytes_per_second", "MB/s", 1e6),
    ("p50_us", "p50 µs", 1.0),
    ("p99_us", "p99 µs", 1.0),
    ("p999_us", "p99.9 µs", 1.0),
    ("max_us", "max µs", 1.0),
    ("commit_p50_us", "commit p50 µs", 1.0),
    ("unsent", "unsent", 1.0),
    ("segment_waits", "waits for a segment", 1.0),
    ("snapshots", "snapshots", 1.0),
    ("read_s", "s to read", 1.0),
    ("open_s", "s to open", 1.0),
    ("draws", "M draws", 1e6),
    ("load_s", "s to load", 1.0),
    ("bytes_per_item", "bytes an item", 1.0),
    ("definition_bytes_per_item", "of these the definition", 1.0),
    ("bytes_per_item_max", "at most meanwhile", 1.0),
    ("bytes_grown", "bytes more", 1.0),
];
/// The same of the device beside it.
const DEVICE_COLUMNS: &[(&str, &str)] = &[("p50_us", "device p50 µs"), ("p99_us", "device p99 µs")];

/// A table that knows nothing of where it is shown.
struct Sheet {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Everything, for a terminal: the goals last, because that is what stays in sight.
pub(crate) fn page(record: &Record) -> String {
    let mut page = format!("{}\n\n", about(record));
    for sheet in sheets(record) {
        let numbers: Vec<usize> = (1..sheet.head.len()).collect();
        let head: Vec<&str> = sheet.head.iter().map(String::as_str).collect();
        let mut table = text::table(&head, &numbers);
        for row in &sheet.rows {
            table.add_row(row);
        }
        let _ = writeln!(page, "{}\n{}", sheet.title, text::lines(&table));
    }
    page.truncate(page.trim_end().len());
    page
}

/// Everything, as a page: the goals first.
pub(crate) fn markdown(record: &Record) -> String {
    let mut page = format!(
        "# Measured\n\n{}\n\nMade by `cargo run --release -p tombola-perf -- {}`; [how to read it](README.md), \
         [every repetition](results/{}.json).\n",
        about(record),
        record.command,
        record.name
    );
    let mut sheets = sheets(record);
    // The goals come last.
    sheets.rotate_right(1);
    for sheet in sheets {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|---|{}\n", "---:|".repeat(sheet.head.len() - 1));
        let rows: String = sheet.rows.iter().map(|row| line(row)).collect();
        let _ = write!(
            page,
            "\n## {}\n\n{}{rule}{rows}",
            sheet.title,
            line(&sheet.head)
        );
    }
    page
}

/// Where and when it was measured.
fn about(record: &Record) -> String {
    format!(
        "{}, revision {}; {}. Medians of {} runs of {} s; load average {:.2} before and {:.2} after.",
        record.date,
        record.revision.as_deref().unwrap_or("unknown"),
        record.machine,
        record.repetitions,
        record.seconds,
        record.load_before,
        record.load_after
    )
}

/// A table for each section that was measured, and that of the goals.
fn sheets(record: &Record) -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = SECTIONS
        .iter()
        .filter_map(|section| {
            let prefix = format!("{}/", section.name);
            let measured = record.results.0.iter();
            let cases: Vec<(&str, &Measured)> = measured
                .filter_map(|case| Some((case.name.strip_prefix(&prefix)?, case)))
                .collect();
            (!cases.is_empty()).then(|| figures(section.name, section.about, &cases))
        })
        .collect();
    sheets.push(goals(&record.goals));
    sheets
}

fn figures(name: &str, about: &str, cases: &[(&str, &Measured)]) -> Sheet {
    let has = |figure: &str| {
        cases
            .iter()
            .any(|(_, case)| case.median.contains_key(figure))
    };
    let columns: Vec<_> = COLUMNS.iter().filter(|(figure, ..)| has(figure)).collect();
    let has_device = cases.iter().any(|(_, case)| !case.device_median.is_empty());
    let device = if has_device { DEVICE_COLUMNS } else { &[] };
    let headings = columns.iter().map(|(_, heading, _)| *heading);
    let device_headings = device.iter().map(|(_, heading)| *heading);
    let row = |(name, case): &(&str, &Measured)| {
        let own = columns
            .iter()
            .map(|(figure, _, unit)| case.median.get(figure).map(|value| value / unit));
        let beside = device
            .iter()
            .map(|(figure, _)| case.device_median.get(figure).copied());
        let cells = own
            .chain(beside)
            .map(|value| value.map_or("–".into(), short));
        [(*name).to_owned()].into_iter().chain(cells).collect()
    };
    Sheet {
        title: format!("{name}: {about}"),
        head: ["case"]
            .into_iter()
            .chain(headings)
            .chain(device_headings)
            .map(str::to_owned)
            .collect(),
        rows: cases.iter().map(row).collect(),
    }
}

fn goals(goals: &[Goal]) -> Sheet {
    let row = |goal: &Goal| {
        let bound = match goal.bound {
            Bound::AtLeast(least) => format!("≥ {}", short(least)),
            Bound::AtMost(most) => format!("≤ {}", short(most)),
        };
        let each: Vec<_> = goal.each.iter().copied().map(short).collect();
        let verdict = if goal.is_met { "yes" } else { "**no**" };
        vec![
            format!("{}: {}", goal.section, goal.what),
            bound,
            short(goal.median),
            goal.unit.to_owned(),
            each.join(", "),
            verdict.to_owned(),
        ]
    };
    Sheet {
        title: "Goals".into(),
        head: ["what", "goal", "median", "unit", "each", "met"]
            .map(str::to_owned)
            .to_vec(),
        rows: goals.iter().map(row).collect(),
    }
}

/// Three digits that matter.
fn short(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        0.0 => 0,
        1000.0.. => return text::grouped_rate(value),
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_matter() {
        let told = [0.0, 0.1234, 1.234, 12.34, 123.4, 12_345.6].map(short);
        assert_eq!(told, ["0", "0.123", "1.23", "12.3", "123", "12 346"]);
    }

    #[test]
    fn a_missed_goal_is_seen() {
        let goal = Goal::new("latency", "p50", Bound::AtMost(1.3), "times", vec![2.0]);
        let sheet = goals(&[goal.unwrap()]);
        let expected = ["latency: p50", "≤ 1.30", "2.00", "times", "2.00", "**no**"];
        assert_eq!(sheet.rows, [expected.map(str::to_owned)]);
    }
}
