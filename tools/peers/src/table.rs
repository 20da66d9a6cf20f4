//! The record as people read it.

use crate::{
    figures::Figures,
    output::{grouped_rate, lines, table},
    peers::Candidate,
    record::{Record, Row},
    shape::Shape,
};

/// The tables, and what they were measured on.
pub(crate) fn text(record: &Record, candidates: &[Candidate]) -> String {
    let mut text = format!("{}\n", record.machine);
    text += &format!(
        "medians of {} rounds of {} s; load average {:.1} before, {:.1} after\n",
        record.rounds, record.seconds, record.load_before, record.load_after
    );
    if let Some(device) = record.device {
        text += &format!(
            "device alone, 4 KiB written and flushed: p50 {}, p99 {}, p99.9 {} us\n",
            us(device.p50_us),
            us(device.p99_us),
            us(device.p999_us)
        );
    }
    let is_rate = |row: &&Row| matches!(row.asked, Shape::Rate(_));
    let (at_rates, others): (Vec<_>, Vec<_>) = record.rows.iter().partition(is_rate);
    text += &section(
        "Callers that wait, and callers that keep many under way",
        others,
    );
    text += &section(
        "Draws due at fixed times, latency from when they were due",
        at_rates,
    );
    text += "\nWhat has happened to a draw when it is answered\n";
    for Candidate { title, durable, .. } in candidates {
        text += &format!("  {title}: {durable}\n");
    }
    for left_out in &record.left_out {
        text += &format!("left out: {left_out}\n");
    }
    text
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
