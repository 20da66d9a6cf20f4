//! How long a draw takes at a rate, from when it was due: whatever became of those before it, so that
//! a stall is felt by every draw that it holds up.

use std::{sync::atomic::AtomicBool, time::Instant};

use tombola::{Config, Idle, Request};
use tombola_measure::load::{Ends, Load, Wait, drive};

use super::Section;
use crate::{
    case::{Bench, Case, Figures, percentiles},
    engines::{ITEMS, Opened, durable},
    failure::Failure,
    goal::{Bound, Goal},
    results::{Results, divide},
};

pub(super) const SECTION: Section = Section {
    name: "latency",
    about: "Time from when a draw was due to its acknowledgement, open loop, one client, one shard; and the same with other ways of waiting",
    cases,
    goals,
};

/// Draws a second.
pub(crate) const RATES: [u32; 5] = [10_000, 100_000, 1_000_000, 5_000_000, 20_000_000];
/// At these the ways of waiting are compared.
const COMPARED: [u32; 2] = [100_000, 1_000_000];
/// At this rate and above the median is judged by itself: the device has no slot to spare then.
const FULL: u32 = 20_000_000;

const IDLES: [(&str, Idle); 3] = [
    ("yield", Idle::Yield),
    ("spin", Idle::Spin),
    ("park", Idle::Park),
];
const WAITS: [(&str, Wait); 3] = [
    ("yield", Wait::Yield),
    ("spin", Wait::Spin),
    ("sleep", Wait::Sleep),
];

/// The case of a rate with everything as it is by default.
pub(crate) fn name(rate: u32) -> String {
    format!("latency/{rate} a second")
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = RATES.into_iter().map(case).collect();
    for rate in COMPARED {
        for (idle_name, idle) in IDLES {
            for (wait_name, wait) in WAITS {
                let is_default = (idle, wait) == (Idle::default(), Wait::default());
                if !is_default {
                    let name = format!("{}/shard {idle_name}/client {wait_name}", name(rate));
                    let config = Config { idle, ..durable() };
                    cases.push(Case::durable(name, move |bench| {
                        run(bench, config.clone(), rate, wait)
                    }));
                }
            }
        }
    }
    cases
}

/// The defaults at a rate.
pub(super) fn case(rate: u32) -> Case {
    Case::durable(name(rate), move |bench| {
        run(bench, durable(), rate, Wait::default())
    })
}

fn run(bench: &Bench<'_>, config: Config, rate: u32, wait: Wait) -> Result<Figures, Failure> {
    let opened = Opened::new(bench.directory, config, ITEMS)?;
    at_rate(bench, &opened, rate, wait)
}

/// One client at a rate.
pub(super) fn at_rate(
    bench: &Bench<'_>,
    opened: &Opened,
    rate: u32,
    wait: Wait,
) -> Result<Figures, Failure> {
    let mut client = opened.engine.client()?;
    let load = Load {
        rate: Some(rate.into()),
        first_due_ns: 0.0,
        warmup: bench.warmup,
        duration: bench.measured,
        wait,
    };
    let ends = Ends {
        interrupted: bench.stop,
        sold_out: &AtomicBool::new(false),
    };
    let request = Request::from(&opened.pool);
    let driven = drive(&mut client, &[request], load, Instant::now(), ends);
    let stats = opened.engine.stats()?;
    let shard = &stats.shards[0];
    let answers = driven.map_err(|error| {
        // What a draw that has no answer waits for.
        Failure::Failed(format!(
            "{error}; {} requests wait in the ring, {} records of {} are durable, after {} commits",
            shard.ring_depth, shard.durable_seq, shard.seq, shard.commits
        ))
    })?;
    let commit_us = stats.commit_latency_us();
    let mut figures = percentiles(&answers.latency_ns);
    figures.extend([
        (
            "draws_per_second",
            answers.draws as f64 / answers.seconds.max(f64::MIN_POSITIVE),
        ),
        ("unsent", answers.unsent as f64),
        ("commit_p50_us", commit_us.value_at_quantile(0.5) as f64),
        ("commit_p99_us", commit_us.value_at_quantile(0.99) as f64),
        ("bytes_per_draw", shard.bytes as f64 / shard.draws as f64),
        ("segment_waits", shard.segment_waits as f64),
    ]);
    Ok(figures)
}

fn goals(results: &Results) -> Vec<Goal> {
    let goal = |rate: u32| {
        let case = name(rate);
        let p50_us = results.each(&case, "p50_us");
        let what = format!("p50 at {}", tombola_measure::text::grouped(rate.into()));
        if rate >= FULL {
            return Goal::new(SECTION.name, what, Bound::AtMost(400.0), "µs", p50_us);
        }
        let ratio = divide(&p50_us, &results.device(&case, "p50_us"));
        let unit = "times the device's write and flush";
        Goal::new(SECTION.name, what, Bound::AtMost(1.3), unit, ratio)
    };
    RATES.into_iter().filter_map(goal).collect()
}
