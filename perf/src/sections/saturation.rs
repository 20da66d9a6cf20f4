//! How many draws a second one client and one shard make, at most.

use std::time::{Duration, Instant};

use tombola::{Config, LogFormat};
use tombola_measure::nanoseconds;

use super::{Section, bare, device, millions};
use crate::{
    case::{Bench, Case, Figures, percentiles},
    engines::{ITEMS, Opened, durable, in_format, mapped, without_log},
    failure::Failure,
    goal::{Bound, Goal},
    results::Results,
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "saturation",
    about: "One client that keeps its ring full, one shard, 1 000 items; each draw acknowledged after its flush where there is a device",
    cases,
    goals,
};

pub(super) const URING: &str = "saturation/uring/bincode";
const URING_JSONL: &str = "saturation/uring/jsonl";
const MMAP: &str = "saturation/mmap/bincode";
const NO_LOG: &str = "saturation/none";
const LONE: &str = "saturation/none/lone draw";
/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(10);

fn cases() -> Vec<Case> {
    let mut cases = bare::cases();
    cases.push(device::uring(256 << 10, 4));
    cases.extend([
        uring(),
        Case::durable(URING_JSONL, |bench| {
            run(bench, in_format(LogFormat::Jsonl, durable()))
        }),
        Case::new(MMAP, |bench| run(bench, mapped())),
        Case::new(NO_LOG, |bench| run(bench, without_log())),
        Case::new(LONE, lone),
    ]);
    cases
}

/// The case that others are compared with.
pub(super) fn uring() -> Case {
    Case::durable(URING, |bench| run(bench, durable()))
}

fn run(bench: &Bench<'_>, config: Config) -> Result<Figures, Failure> {
    let opened = Opened::new(bench.directory, config, ITEMS)?;
    saturate(bench, &opened, 1, Ask::SINGLE)
}

/// One draw there and back before the next.
fn lone(bench: &Bench<'_>) -> Result<Figures, Failure> {
    let opened = Opened::new(bench.directory, without_log(), ITEMS)?;
    let mut client = opened.engine.client()?;
    let mut draw_ns = nanoseconds();
    let begun = Instant::now();
    let mut last = begun;
    while last - begun < bench.warmup + bench.measured {
        client.draw(&opened.pool, LIMIT)?;
        // The clock is read once a draw.
        let now = Instant::now();
        if last - begun >= bench.warmup {
            draw_ns.saturating_record((now - last).as_nanos() as u64);
        }
        last = now;
    }
    Ok(percentiles(&draw_ns))
}

fn goals(results: &Results) -> Vec<Goal> {
    let speed = |case| millions(results.each(case, "draws_per_second"));
    let ratio = |case, to| results.ratio("draws_per_second", case, to);
    let goal = |what: &str, bound, unit, each| Goal::new(SECTION.name, what, bound, unit, each);
    [
        goal(
            "uring, bincode",
            Bound::AtLeast(40.0),
            "M draws/s",
            speed(URING),
        ),
        goal(
            "the same with constant weights",
            Bound::AtLeast(60.0),
            "M draws/s",
            speed(URING),
        ),
        goal(
            "of the same loop without the engine",
            Bound::AtLeast(0.8),
            "times",
            ratio(URING, bare::ALIAS),
        ),
        goal(
            "JSON Lines",
            Bound::AtLeast(20.0),
            "M draws/s",
            speed(URING_JSONL),
        ),
        goal(
            "JSON Lines, of the same loop without the engine",
            Bound::AtLeast(0.8),
            "times",
            ratio(URING_JSONL, bare::JSONL),
        ),
        goal("no log", Bound::AtLeast(70.0), "M draws/s", speed(NO_LOG)),
        goal(
            "no log, of the same loop without the engine",
            Bound::AtLeast(0.8),
            "times",
            ratio(NO_LOG, bare::NO_LOG),
        ),
        goal(
            "no log, a lone draw there and back, p50",
            Bound::AtMost(0.5),
            "µs",
            results.each(LONE, "p50_us"),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
