//! Percentiles in the text format that `HdrHistogram`'s plotter reads.

use std::io::{self, Write};

use hdrhistogram::Histogram;

const TICKS_PER_HALF: u32 = 5;

/// Writes a histogram of nanoseconds as a table of microseconds.
pub(super) fn write(mut out: impl Write, ns: &Histogram<u64>) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut count = 0;
    for tick in ns.iter_quantiles(TICKS_PER_HALF) {
        count += tick.count_since_last_iteration();
        let (value_us, quantile) = (us(tick.value_iterated_to()), tick.quantile_iterated_to());
        write!(out, "{value_us:12.3} {quantile:2.12} {count:10}")?;
        if quantile < 1.0 {
            write!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (ns.mean() / 1000.0, ns.stdev() / 1000.0);
    let (max, total) = (us(ns.max()), ns.len());
    writeln!(
        out,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
    )?;
    writeln!(out, "#[Max     = {max:12.3}, Total count    = {total:12}]")?;
    writeln!(
        out,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        ns.buckets(),
        // Three significant digits take so many.
        2048
    )
}

/// Nanoseconds in microseconds.
pub(super) fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_value() {
        let mut ns = tombola_measure::nanoseconds();
        for value in 1..=1000 {
            ns.record(value * 1000).unwrap();
        }
        let mut out = Vec::new();
        write(&mut out, &ns).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().flat_map(str::parse).collect())
            .collect();
        assert!((rows.last().unwrap()[2] - 1000.0).abs() < 0.1);
        assert!(
            rows.iter()
                .any(|row| (row[0] - 500.0).abs() < 1.0 && (row[1] - 0.5).abs() < 1e-9)
        );
        assert!(text.contains("Total count    =         1000"));
    }
}
