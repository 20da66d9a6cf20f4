//! How fast a log is read back, and what the time to open depends on.

use std::{path::Path, thread, time::Instant};

use tombola::{
    Config, Engine, PoolHandle, Request,
    recovery::{Depth, examine},
};
use tombola_measure::load::BATCH_MAX;

use super::Section;
use crate::{
    case::{Bench, Case, Figures},
    engines::{ITEMS, durable, pool},
    failure::Failure,
    goal::{Bound, Goal},
    results::{Results, divide},
};

pub(super) const SECTION: Section = Section {
    name: "recovery",
    about: "Opening a directory whose log is in the page cache: draws a second, and seconds with a long history before a snapshot",
    cases,
    goals,
};

const ONE: &str = "recovery/1 shard";
const TWO: &str = "recovery/2 shards";
const SHORT: &str = "recovery/short history, snapshot, little log";
const LONG: &str = "recovery/long history, snapshot, little log";
/// Draws for each second that is measured: so many that the log is longer than the fill behind it, which
/// is looked through as well.
const DRAWS_PER_SECOND: f64 = 4e7;
/// Draws after the snapshot: few.
const LITTLE: u64 = 200_000;

#[expect(clippy::cast_sign_loss, reason = "a duration is positive")]
fn draws(bench: &Bench<'_>) -> u64 {
    (bench.measured.as_secs_f64() * DRAWS_PER_SECOND) as u64
}

fn cases() -> Vec<Case> {
    vec![
        Case::durable(ONE, |bench| log_only(bench, 1)),
        Case::durable(TWO, |bench| log_only(bench, 2)),
        Case::durable(SHORT, |bench| with_history(bench, draws(bench) / 8)),
        Case::durable(LONG, |bench| with_history(bench, draws(bench))),
    ]
}

/// No snapshot, only a log. Its speed is that of reading it back: opening also makes the next
/// segment, which depends on nothing that is read.
fn log_only(bench: &Bench<'_>, shards: usize) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let config = Config {
        shards: Some(shards),
        snapshot_records: u64::MAX,
        ..durable()
    };
    let each = draws(bench);
    crash_after(directory.path(), &config, each)?;
    let open_s = opening(directory.path(), &config)?;
    let begun = Instant::now();
    let found = examine(directory.path(), Depth::Needed)?;
    let read_s = begun.elapsed().as_secs_f64();
    let draws = each * shards as u64;
    let states = found.pools();
    let drawn: u64 = states
        .iter()
        .flat_map(|pool| pool.items().map(|item| item.drawn))
        .sum();
    if drawn != draws {
        let message = format!("{drawn} draws were recovered of {draws} that were acknowledged");
        return Err(Failure::Failed(message));
    }
    Ok(Figures::from([
        ("open_s", open_s),
        ("read_s", read_s),
        ("draws", draws as f64),
        ("draws_per_second", draws as f64 / read_s),
    ]))
}

/// So many draws, a snapshot, and a few draws after it.
fn with_history(bench: &Bench<'_>, history: u64) -> Result<Figures, Failure> {
    let directory = tempfile::tempdir_in(bench.directory)?;
    let config = durable();
    let (engine, pools) = open(directory.path(), &config)?;
    draw(&engine, &pools, history)?;
    engine.shutdown()?;
    crash_after(directory.path(), &config, LITTLE)?;
    let seconds = opening(directory.path(), &config)?;
    Ok(Figures::from([
        ("open_s", seconds),
        ("draws", (history + LITTLE) as f64),
    ]))
}

/// Draws so much on every shard, and stops without an orderly end.
fn crash_after(directory: &Path, config: &Config, draws: u64) -> Result<(), Failure> {
    let (engine, pools) = open(directory, config)?;
    draw(&engine, &pools, draws)?;
    drop(engine);
    Ok(())
}

/// Opens twice, and takes the time of the second: what is read then is in the page cache.
fn opening(directory: &Path, config: &Config) -> Result<f64, Failure> {
    let open = || Engine::builder(directory).config(config.clone()).open();
    drop(open()?);
    let begun = Instant::now();
    let engine = open()?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(engine);
    Ok(seconds)
}

/// An engine with a pool on every shard.
fn open(directory: &Path, config: &Config) -> Result<(Engine, Vec<PoolHandle>), Failure> {
    let engine = Engine::builder(directory).config(config.clone()).open()?;
    let shards = config.shards.unwrap_or(1);
    let mut pools: Vec<PoolHandle> = Vec::new();
    // Where a pool lives follows from its name.
    for name in 0..64 {
        let pool = engine.register(pool(&format!("pool-{name}"), ITEMS))?;
        if pools
            .iter()
            .all(|other| other.id().shard() != pool.id().shard())
        {
            pools.push(pool);
        }
        if pools.len() == shards {
            return Ok((engine, pools));
        }
    }
    Err(Failure::Failed("some shard has no pool".into()))
}

/// So many draws from each pool, by a thread for each.
fn draw(engine: &Engine, pools: &[PoolHandle], count: u64) -> Result<(), Failure> {
    thread::scope(|scope| {
        let threads: Vec<_> = pools
            .iter()
            .map(|pool| scope.spawn(move || draw_from(engine, pool, count)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("a client does not panic"))
    })
}

fn draw_from(engine: &Engine, pool: &PoolHandle, count: u64) -> Result<(), Failure> {
    let mut client = engine.client()?;
    let batch = [Request::from(pool); BATCH_MAX];
    let (mut submitted, mut answered) = (0, 0);
    while answered < count {
        let wanted = (count - submitted).min(BATCH_MAX as u64) as usize;
        let taken = client.submit_batch(&batch[..wanted])?.count as u64;
        let polled = client.poll_with(|_| {})? as u64;
        (submitted, answered) = (submitted + taken, answered + polled);
        if taken + polled == 0 {
            thread::yield_now();
        }
    }
    Ok(())
}

fn goals(results: &Results) -> Vec<Goal> {
    let per_second = |case| results.each(case, "draws_per_second");
    let speed = super::millions(per_second(ONE));
    let two = divide(&per_second(TWO), &per_second(ONE));
    let history = divide(
        &results.each(LONG, "open_s"),
        &results.each(SHORT, "open_s"),
    );
    let goal = |what, bound, unit, each| Goal::new(SECTION.name, what, bound, unit, each);
    [
        goal("one shard", Bound::AtLeast(60.0), "M draws/s", speed),
        goal("two shards over one", Bound::AtLeast(1.8), "times", two),
        goal(
            "time to open with eight times the history",
            Bound::AtMost(1.2),
            "times",
            history,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
