//! What items take in memory, how long many take to load, and whether anything grows with draws. The
//! allocator counts.

use std::{
    thread,
    time::{Duration, Instant},
};

use tombola::{Config, Engine};

use super::Section;
use crate::{
    case::{Bench, Case, Figures},
    counting::bytes_in_use,
    engines::{ITEMS, Opened, durable, pool, without_log},
    failure::Failure,
    goal::{Bound, Goal},
    results::Results,
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "memory",
    about: "Bytes an item, seconds to load a pool of 1 000 000 items, and bytes that draws leave behind",
    cases,
    goals,
};

const MANY: u64 = 1_000_000;
const NO_LOG: &str = "memory/no log/1000000 items";
const URING: &str = "memory/uring/1000000 items";
const DRAWS: &str = "memory/uring/draws";

/// How often, and how many times at most, is looked whether what is in use still changes; so often alike
/// is taken for a rest.
const SETTLING: Duration = Duration::from_millis(20);
const SETTLING_MAX: u32 = 1_000;
const ALIKE: u32 = 10;

fn cases() -> Vec<Case> {
    vec![
        Case::new(NO_LOG, |bench| items(bench, without_log(), false)),
        Case::durable(URING, |bench| items(bench, durable(), true)),
        Case::durable(DRAWS, draws),
    ]
}

fn items(bench: &Bench<'_>, config: Config, has_log: bool) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let engine = Engine::builder(directory.path()).config(config).open()?;
    let before = bytes_in_use();
    let definition = pool("many", MANY);
    let definition_bytes = bytes_in_use() - before;
    let begun = Instant::now();
    let handle = engine.register(definition)?;
    let seconds = begun.elapsed().as_secs_f64();
    if has_log {
        // From then on the housekeeper knows them too.
        engine.snapshot()?;
    }
    let all = bytes_in_use() - before;
    drop(handle);
    Ok(Figures::from([
        ("load_s", seconds),
        ("bytes_per_item", all as f64 / MANY as f64),
        (
            "definition_bytes_per_item",
            definition_bytes as f64 / MANY as f64,
        ),
    ]))
}

/// What is in use after many draws, and what after as many again.
fn draws(bench: &Bench<'_>) -> Result<Figures, Failure> {
    let opened = Opened::new(bench.directory, durable(), ITEMS)?;
    saturate(bench, &opened, 1, Ask::SINGLE)?;
    let before = settled(bench)?;
    saturate(bench, &opened, 1, Ask::SINGLE)?;
    let after = settled(bench)?;
    let draws = opened.engine.stats()?.shards[0].draws;
    Ok(Figures::from([
        ("draws", draws as f64),
        ("bytes_grown", after as f64 - before as f64),
    ]))
}

/// What is in use once that stays: a client's rings go when its shard has noticed that it is gone, and
/// the housekeeper reads for a while longer.
fn settled(bench: &Bench<'_>) -> Result<usize, Failure> {
    let (mut in_use, mut alike) = (bytes_in_use(), 0);
    for _ in 0..SETTLING_MAX {
        thread::sleep(SETTLING);
        bench.check()?;
        let now = bytes_in_use();
        alike = if now == in_use { alike + 1 } else { 0 };
        in_use = now;
        if alike == ALIKE {
            return Ok(in_use);
        }
    }
    Err(Failure::Failed(
        "what is in use does not come to rest".into(),
    ))
}

fn goals(results: &Results) -> Vec<Goal> {
    let goal = |what, bound, unit, each| Goal::new(SECTION.name, what, bound, unit, each);
    [
        goal(
            "bytes an item, no log",
            Bound::AtMost(64.0),
            "bytes",
            results.each(NO_LOG, "bytes_per_item"),
        ),
        goal(
            "bytes an item, uring",
            Bound::AtMost(64.0),
            "bytes",
            results.each(URING, "bytes_per_item"),
        ),
        goal(
            "1 000 000 items load in",
            Bound::AtMost(1.0),
            "s",
            results.each(URING, "load_s"),
        ),
        goal(
            "bytes more after as many draws again",
            Bound::AtMost(64.0 * 1024.0),
            "bytes",
            results.each(DRAWS, "bytes_grown"),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
