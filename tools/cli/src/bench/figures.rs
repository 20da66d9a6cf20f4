//! The figures of one or several repetitions, as JSON and for people.

use serde::Serialize;
use tombola::{Config, Durability, LogFormat};

use tombola_measure::{Latency, Machine};

use super::repetition::Measured;
use crate::output::counted;

/// What is printed as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) storage: &'static str,
    /// Why the storage is not the one that was asked for, if it is not.
    pub(super) storage_fallback: Option<String>,
    pub(super) format: LogFormat,
    pub(super) durability: Durability,
    pub(super) shards: usize,
    pub(super) clients: usize,
    /// What was offered, in draws a second; `None` kept the rings full.
    pub(super) rate: Option<f64>,
    pub(super) pools: usize,
    pub(super) pool_items: usize,
    /// The figures above are the medians of these.
    pub(super) repetitions: Vec<Figures>,
    pub(super) machine: &'a Machine,
    pub(super) command: String,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Figures {
    draws: u64,
    exhausted: u64,
    unsent: u64,
    seconds: f64,
    pub(super) draws_per_second: f64,
    latency_us: Latency,
    device_us: TimeAt,
    /// From handing a block to the storage until it was durable; blocks are larger than what the
    /// device is measured with.
    commit_us: TimeAt,
    commits: u64,
    bytes: u64,
    segment_waits: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct TimeAt {
    p50: f64,
    p99: f64,
}

impl Figures {
    pub(super) fn of(measured: &Measured) -> Self {
        let answers = &measured.answers;
        let device = Latency::of(&measured.device_ns);
        let seconds = answers.seconds;
        Self {
            draws: answers.draws,
            exhausted: answers.exhausted,
            unsent: answers.unsent,
            seconds,
            draws_per_second: if seconds > 0.0 {
                answers.draws as f64 / seconds
            } else {
                0.0
            },
            latency_us: Latency::of(&answers.latency_ns),
            device_us: TimeAt {
                p50: device.p50,
                p99: device.p99,
            },
            commit_us: TimeAt {
                p50: measured.commit_us.value_at_quantile(0.5) as f64,
                p99: measured.commit_us.value_at_quantile(0.99) as f64,
            },
            commits: measured.commits,
            bytes: measured.bytes,
            segment_waits: measured.segment_waits,
        }
    }

    /// Each figure's median; of an even number of repetitions the lower of the two in the middle,
    /// so that it is one that was measured.
    pub(super) fn median(of: &[Self]) -> Self {
        let count = |figure: fn(&Self) -> u64| {
            let mut figures: Vec<u64> = of.iter().map(figure).collect();
            figures.sort_unstable();
            figures[(figures.len() - 1) / 2]
        };
        let value = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = of.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            figures[(figures.len() - 1) / 2]
        };
        Self {
            draws: count(|one| one.draws),
            exhausted: count(|one| one.exhausted),
            unsent: count(|one| one.unsent),
            seconds: value(|one| one.seconds),
            draws_per_second: value(|one| one.draws_per_second),
            latency_us: Latency {
                p50: value(|one| one.latency_us.p50),
                p90: value(|one| one.latency_us.p90),
                p99: value(|one| one.latency_us.p99),
                p999: value(|one| one.latency_us.p999),
                max: value(|one| one.latency_us.max),
            },
            device_us: TimeAt {
                p50: value(|one| one.device_us.p50),
                p99: value(|one| one.device_us.p99),
            },
            commit_us: TimeAt {
                p50: value(|one| one.commit_us.p50),
                p99: value(|one| one.commit_us.p99),
            },
            commits: count(|one| one.commits),
            bytes: count(|one| one.bytes),
            segment_waits: count(|one| one.segment_waits),
        }
    }

    /// What somebody who reads the figures should know about them.
    pub(super) fn remarks(&self, rate: Option<f64>) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.exhausted > 0 {
            remarks.push("a pool was sold out, and the run ended there".into());
        }
        if self.unsent > 0 {
            remarks.push(format!(
                "{} could not be sent at all: the latencies are too good",
                counted(self.unsent, "due draw")
            ));
        } else if rate.is_some_and(|rate| self.draws_per_second < 0.98 * rate) {
            remarks.push("the engine did not keep up with the rate".into());
        }
        if self.segment_waits > 0 {
            remarks.push(format!(
                "the next segment was not ready {}",
                counted(self.segment_waits, "time")
            ));
        }
        remarks
    }

    /// A line of the table under [`HEAD`].
    pub(super) fn line(&self, name: &str) -> String {
        let Latency {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self.latency_us;
        let device = self.device_us;
        let speed = millions(self.draws_per_second);
        format!(
            "{name:<16} {speed:>9} {p50:>10.1} {p90:>10.1} {p99:>10.1} {p999:>10.1} {max:>10.1} {:>10.1} {:>10.1}",
            device.p50, device.p99
        )
    }
}

/// The head of a table that grows while it is measured, and so cannot fit its columns.
pub(super) const HEAD: &str = "
                   draws/s   acknowledged after, us                               device alone, us
                                  p50        p90        p99      p99.9        max        p50        p99";

/// What was offered, as a name.
pub(super) fn load(rate: Option<f64>) -> String {
    rate.map_or_else(|| "saturated".into(), |rate| format!("rate-{rate}"))
}

/// Storage, format and durability as the config file names them, joined by hyphens.
pub(super) fn setting(config: &Config) -> String {
    let Config {
        storage,
        format,
        durability,
        ..
    } = config;
    let all = format!("{storage:?}-{format:?}-{durability:?}");
    all.to_lowercase()
}

fn millions(per_second: f64) -> String {
    if per_second >= 1e6 {
        format!("{:.2} M", per_second / 1e6)
    } else {
        format!("{per_second:.0}")
    }
}
