//! What items take in memory, how long many take to load, and whether anything grows with draws. The
//! allocator counts.

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

use tombola::{Config, ConfigFile, Engine, ItemDefinition};

use super::Section;
use crate::{
    case::{Bench, Case, Figures},
    counting::{bytes_in_use, bytes_max},
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
const FROM_LOG: &str = "memory/opened from the log";
const FROM_SNAPSHOT: &str = "memory/opened from a snapshot";
const FILE: &str = "memory/from a TOML file";
const DRAWS: &str = "memory/uring/draws";

/// How often, and how many times at most, is looked whether what is in use still changes; so often alike
/// is taken for a rest.
const SETTLING: Duration = Duration::from_millis(20);
const SETTLING_MAX: u32 = 1_000;
const ALIKE: u32 = 10;

fn cases() -> Vec<Case> {
    vec![
        Case::new(NO_LOG, |bench| registered(bench, without_log(), false)),
        Case::durable(URING, |bench| registered(bench, durable(), true)),
        Case::durable(FROM_LOG, |bench| opened(bench, false)),
        Case::durable(FROM_SNAPSHOT, |bench| opened(bench, true)),
        Case::new(FILE, from_file),
        Case::durable(DRAWS, draws),
    ]
}

/// What many items take, how long they take to load, and how much is in use at most meanwhile.
fn loaded<T>(load: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Figures), Failure> {
    let before = bytes_in_use();
    let begun = Instant::now();
    let (loaded, most) = bytes_max(load);
    let seconds = begun.elapsed().as_secs_f64();
    let loaded = loaded?;
    let bytes = bytes_in_use() - before;
    let figures = Figures::from([
        ("load_s", seconds),
        ("bytes_per_item", bytes as f64 / MANY as f64),
        ("bytes_per_item_max", most as f64 / MANY as f64),
    ]);
    Ok((loaded, figures))
}

fn registered(bench: &Bench<'_>, config: Config, has_log: bool) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let engine = Engine::builder(directory.path()).config(config).open()?;
    let before = bytes_in_use();
    let definition = pool("many", MANY);
    let definition_bytes = bytes_in_use() - before;
    let (_, mut figures) = loaded(|| Ok(engine.register(definition)?))?;
    if has_log {
        // From then on the housekeeper knows them too.
        engine.snapshot()?;
    }
    let all = bytes_in_use() - before;
    figures.insert("bytes_per_item", all as f64 / MANY as f64);
    figures.insert(
        "definition_bytes_per_item",
        definition_bytes as f64 / MANY as f64,
    );
    Ok(figures)
}

/// An engine that has many items already is opened.
fn opened(bench: &Bench<'_>, has_snapshot: bool) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let open = || -> Result<Engine, Failure> {
        let engine = Engine::builder(directory.path()).config(durable());
        Ok(engine.open()?)
    };
    let engine = open()?;
    engine.register(pool("many", MANY))?;
    if has_snapshot {
        engine.shutdown()?;
    } else {
        drop(engine);
    }
    Ok(loaded(open)?.1)
}

/// A file is read and its pool registered.
fn from_file(bench: &Bench<'_>) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let path = directory.path().join("many.toml");
    let mut text = String::from("[[pool]]\nname = \"many\"\nitems = [\n");
    for item in &pool("many", MANY).items {
        let ItemDefinition { id, weight, .. } = item;
        let _ = writeln!(
            text,
            "    {{ id = \"{id}\", weight = {weight}, stock = 1000 }},"
        );
    }
    text.push_str("]\n");
    std::fs::write(&path, text)?;
    let load = || {
        let engine = Engine::builder(directory.path()).config(without_log());
        let engine = engine.open()?;
        for pool in ConfigFile::read(&path)?.pools {
            engine.register(pool)?;
        }
        Ok(engine)
    };
    Ok(loaded(load)?.1)
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

/// Between two steps the housekeeper keeps what it reads with, or does not. Of the log of so many draws
/// it would be a hundredth.
const READING_BYTES_MAX: f64 = 4.0 * 1024.0 * 1024.0;

fn goals(results: &Results) -> Vec<Goal> {
    [
        ("bytes an item, no log", 64.0, NO_LOG, "bytes_per_item"),
        ("bytes an item, uring", 64.0, URING, "bytes_per_item"),
        ("1 000 000 items load in", 1.0, URING, "load_s"),
        ("and are opened again in", 1.0, FROM_LOG, "load_s"),
        ("from a snapshot in", 1.0, FROM_SNAPSHOT, "load_s"),
        ("from a TOML file in", 1.0, FILE, "load_s"),
        (
            "bytes more after as many draws again",
            READING_BYTES_MAX,
            DRAWS,
            "bytes_grown",
        ),
    ]
    .into_iter()
    .filter_map(|(what, most, case, figure)| {
        let unit = if figure == "load_s" { "s" } else { "bytes" };
        let each = results.each(case, figure);
        Goal::new(SECTION.name, what, Bound::AtMost(most), unit, each)
    })
    .collect()
}
