//! What callgrind counts: runs the benchmark and reads its summaries.

use std::{
    collections::BTreeMap,
    env,
    process::{Command, Stdio},
};

use serde::Deserialize;
use tombola_budget::draws;

/// Instructions for each draw, by path.
pub(crate) type Counts = BTreeMap<String, f64>;

/// A line of what the benchmark prints.
#[derive(Debug, Deserialize)]
struct Summary {
    function_name: String,
    id: String,
    profiles: Vec<Profile>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    total: Total,
}

#[derive(Debug, Deserialize)]
struct Total {
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    #[serde(rename = "Ir")]
    instructions: Metric,
}

#[derive(Debug, Deserialize)]
struct Metric {
    values: Values,
}

/// This run's, and that of the run before it where there was one.
#[derive(Debug, Deserialize)]
struct Values {
    new: u64,
}

/// Counts every path, or those with this in their name.
pub(crate) fn count(filter: Option<&str>) -> Result<Counts, String> {
    let mut bench = Command::new(cargo());
    bench
        .args(["bench", "--locked", "--package", env!("CARGO_PKG_NAME")])
        .args(["--bench", "instructions", "--", "--output-format=json"])
        .args(filter.map(pattern))
        .stderr(Stdio::inherit());
    let output = bench.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the benchmark ended with {}", output.status));
    }
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// What `gungraun` takes for a part of a path: it knows them as `instructions::draws::shard::bincode`.
fn pattern(part: &str) -> String {
    format!("*{}*", part.replace('/', "::"))
}

fn parse(lines: &str) -> Result<Counts, String> {
    let counts = lines.lines().map(|line| {
        let summary: Summary = serde_json::from_str(line)
            .map_err(|error| format!("a summary of another shape ({error}): {line}"))?;
        let [profile] = &summary.profiles[..] else {
            return Err(format!("not one profile, but several or none: {line}"));
        };
        let path = format!("{}/{}", summary.function_name, summary.id);
        let instructions = profile.data.total.metrics.instructions.values.new;
        Ok((
            path,
            instructions as f64 / draws(&summary.function_name) as f64,
        ))
    });
    let counts: Counts = counts.collect::<Result<_, _>>()?;
    if counts.is_empty() {
        return Err("nothing was counted".into());
    }
    Ok(counts)
}

/// The compiler that all of it is built with.
pub(crate) fn compiler() -> Result<String, String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let output = output.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let line = r#"{"function_name":"shard","id":"bincode","tool":"x","profiles":[{"data":
            {"parts":[],"total":{"metrics":{"Dr":{"values":{"new":7}},
            "Ir":{"values":{"new":2150000,"old":9}}},"regressions":[]}}}]}"#
            .replace('\n', " ");
        let counts = parse(&line).unwrap();
        assert_eq!(counts, Counts::from([("shard/bincode".into(), 21.5)]));
    }

    #[test]
    fn a_part_of_a_path_is_enough() {
        assert_eq!(pattern("shard/ten"), "*shard::ten*");
    }

    #[test]
    fn nothing_counted_is_no_success() {
        assert!(parse("").is_err());
        assert!(parse("{}").is_err());
        assert!(parse(r#"{"function_name":"shard","id":"bincode","profiles":[]}"#).is_err());
    }
}
