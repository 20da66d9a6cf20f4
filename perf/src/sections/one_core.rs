//! Engine and client on one core, and on a machine that is busy with other work.

use std::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tombola::{Config, Idle};
use tombola_measure::load::Wait;

use super::{
    Section,
    latency::{self, at_rate},
};
use crate::{
    case::{Bench, Case, Figures},
    engines::{ITEMS, Opened, durable},
    failure::Failure,
    goal::{Bound, Goal},
    results::Results,
};

pub(super) const SECTION: Section = Section {
    name: "one-core",
    about: "Engine and client on one core, and with two neighbours that never stop, beside two cores of their own",
    cases,
    goals,
};

const RATES: [u32; 2] = [100_000, 1_000_000];
/// Other work, one thread for each of two cores.
const NEIGHBOURS: usize = 2;
/// The tick that a thread waits for which nobody makes room for, at 250 Hz.
const STALL_US: f64 = 4_000.0;

fn shared(rate: u32, idle: &str) -> String {
    format!("one-core/{rate} a second/one core/{idle}")
}

fn busy(rate: u32) -> String {
    format!("one-core/{rate} a second/two busy neighbours")
}

fn cases() -> Vec<Case> {
    let of = |rate| {
        let shared = |name, idle| {
            Case::durable(shared(rate, name), move |bench| {
                on_one_core(bench, rate, idle)
            })
        };
        [
            latency::case(rate),
            shared("yield", Idle::Yield),
            shared("park", Idle::Park),
            Case::durable(busy(rate), move |bench| beside_neighbours(bench, rate)),
        ]
    };
    RATES.into_iter().flat_map(of).collect()
}

/// The engine's threads inherit the one core of the thread that opens it.
fn on_one_core(bench: &Bench<'_>, rate: u32, idle: Idle) -> Result<Figures, Failure> {
    let config = Config {
        pin: false,
        idle,
        ..durable()
    };
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let core = core_affinity::get_core_ids().and_then(|cores| cores.first().copied());
            if !core.is_some_and(core_affinity::set_for_current) {
                return Err(Failure::Failed("the thread cannot be pinned".into()));
            }
            let opened = Opened::new(bench.directory, config, ITEMS)?;
            at_rate(bench, &opened, rate, Wait::default())
        });
        client.join().expect("a client does not panic")
    })
}

fn beside_neighbours(bench: &Bench<'_>, rate: u32) -> Result<Figures, Failure> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..NEIGHBOURS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        let opened = Opened::new(bench.directory, durable(), ITEMS);
        let figures = opened.and_then(|opened| at_rate(bench, &opened, rate, Wait::default()));
        is_over.store(true, Ordering::Relaxed);
        figures
    })
}

fn goals(results: &Results) -> Vec<Goal> {
    let of = |rate: u32| {
        let apart = latency::name(rate);
        let rate_name = tombola_measure::text::grouped(rate.into());
        let p50 = |case: &str, what: String| {
            let ratio = results.ratio("p50_us", case, &apart);
            let unit = "times that on two idle cores";
            Goal::new(SECTION.name, what, Bound::AtMost(2.0), unit, ratio)
        };
        let shared = shared(rate, "yield");
        [
            p50(&shared, format!("one core, p50 at {rate_name}")),
            Goal::new(
                SECTION.name,
                format!("one core, p99 at {rate_name}"),
                Bound::AtMost(STALL_US),
                "µs",
                results.each(&shared, "p99_us"),
            ),
            p50(
                &busy(rate),
                format!("two busy neighbours, p50 at {rate_name}"),
            ),
        ]
    };
    RATES.into_iter().flat_map(of).flatten().collect()
}
