//! The record as people read it.

use tombola_measure::text::{grouped_rate, lines, table};

use crate::{
    figures::Figures,
    peers::Candidate,
    record::{Record, Row},
    shape::Shape,
};

/// The tables, and what they were measured on.
pub(crate) fn text(record: &Record, candidates: &[Candidate]) -> String {
    let mut parts = vec![
        record.machine.to_string(),
        format!(
            "medians of {} rounds of {} s; load average {:.1} before, {:.1} after",
            record.rounds, record.seconds, record.load_before, record.load_after
        ),
    ];
    if let Some(device) = record.device {
        parts.push(format!(
            "device alone, 4 KiB written and flushed: p50 {}, p99 {}, p99.9 {} us",
            us(device.p50_us),
            us(device.p99_us),
            us(device.p999_us)
        ));
    }
    let is_rate = |row: &&Row| matches!(row.asked, Shape::Rate(_));
    let (at_rates, others): (Vec<_>, Vec<_>) = record.rows.iter().partition(is_rate);
    parts.push(section(
        "Callers that wait, and callers that do not",
        others,
    ));
    parts.push(section(
        "Draws due at fixed times, latency from then",
        at_rates,
    ));
    parts.push("What has happened to a draw when it is answered".into());
    let durable = |Candidate { title, durable, .. }: &Candidate| format!("  {title}: {durable}");
    parts.extend(candidates.iter().map(durable));
    let left_out = record.left_out.iter();
    parts.extend(left_out.map(|system| format!("left out: {system}")));
    parts.join("\n")
}

fn section(title: &str, mut rows: Vec<&Row>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = [
        "system",
        "asked",
        "draws/s",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "bytes a draw",
    ];
    let mut table = table(&head, &[2, 3, 4, 5, 6]);
    // By rate; otherwise as it was measured.
    rows.sort_by_key(|row| match row.asked {
        Shape::Rate(rate) => rate,
        _ => 0,
    });
    for row in rows {
        let Some(figures) = row.median else { continue };
        let Figures {
            draws_per_second,
            p50_us,
            p99_us,
            p999_us,
            bytes_a_draw,
        } = figures;
        table.add_row([
            row.title.to_owned(),
            row.asked.title(),
            grouped_rate(draws_per_second),
            us(p50_us),
            us(p99_us),
            us(p999_us),
            us(bytes_a_draw),
        ]);
    }
    format!("\n{title}\n{}", lines(&table))
}

/// With a digit behind the point where it says something.
fn us(us: f64) -> String {
    if us < 100.0 {
        format!("{us:.1}")
    } else {
        grouped_rate(us)
    }
}
