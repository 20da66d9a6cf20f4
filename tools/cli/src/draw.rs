//! `tombola draw`: opens or recovers a data directory, draws, and reports.

mod acks;
mod answer;
mod items;
mod pace;
mod patience;
mod report;
mod requests;
mod run;
mod tally;
mod turns;

use std::{
    num::{NonZeroU8, NonZeroU64},
    path::PathBuf,
    process::ExitCode,
};

use tombola::{COUNT_MAX, Engine, Placement, PoolHandle, StorageKind};
use tombola_measure::signals;

pub(crate) use self::answer::refusal;
use self::{
    acks::AckFile,
    report::Report,
    requests::{Session, Sink, Source},
    run::{Plan, Run},
};
use crate::{
    config,
    failure::Failure,
    options::{EngineOptions, check_clients, choice},
    output::{self, Output},
};

const AFTER_HELP: &str = "\
Exit codes: 0 ok (also after Ctrl-C or SIGTERM), 1 failed or a bad line among the requests, 2 usage,
settings or pools, 3 damage, 4 sold out before the count was reached.

Lines of the --acks file, each written once the draw is acknowledged, or refused:
  {\"request\":17,\"shard\":0,\"seq\":123,\"pool\":\"banner\",\"item\":\"gold\"}
  {\"request\":18,\"shard\":0,\"seq\":124,\"pool\":\"banner\",\"item\":null,\"outcome\":\"no_prize\"}
  {\"request\":19,\"shard\":0,\"seq\":null,\"pool\":\"banner\",\"item\":null,\"outcome\":\"exhausted\"}
With --multi a request has several items, and \"no prize\" is one that is null; refused, it has none:
  {\"request\":17,\"shard\":0,\"seq\":123,\"pool\":\"banner\",\"key\":null,\"replay\":false,
   \"items\":[\"gold\",\"dust\",null]}
  {\"request\":19,\"shard\":0,\"seq\":null,\"pool\":\"banner\",\"key\":null,\"replay\":false,
   \"items\":[],\"outcome\":\"exhausted\"}
A pool that is closed, or not open yet, ends the run with exit code 1; what was asked by then is
answered, written and counted.

With --requests each line of the input is a request. Only \"pool\" has to be there:
  {\"pool\":\"banner\",\"count\":10,\"key\":\"0x1f\",\"hold_ms\":60000,\"partial\":false,\"retry\":false}
and each is answered by a line, in the order in which they are completed. Answers go to the --acks
file, or without it to the standard output, each as soon as it is there: so a pipe in both
directions serves a program for as long as it likes. The same key again gets the same answer, also
after a crash; \"original\" is the request that drew then.
  {\"request\":17,\"shard\":0,\"seq\":123,\"line\":1,\"pool\":\"banner\",\"key\":\"0x1f\",\"replay\":false,
   \"items\":[\"gold\",\"dust\",null],\"held_until_ms\":1795392000000}
A request that was held, or drawn, is confirmed or voided by its number:
  {\"confirm\":17}   {\"void\":17}
  {\"request\":17,\"line\":2,\"outcome\":\"confirmed\"}
with the outcome confirmed or voided, or why it was refused: unknown, not_held, already_confirmed,
already_voided, expired or forgotten. These are done one after the other, beside the draws, and at
most 256 wait for their turn: to void what has no key and no hold, the log is searched.

An item is null for \"no prize\". A refused request has no items and an \"outcome\": exhausted, too_few,
closed, not_yet_open, key_conflict, forgotten, too_many_holds or unavailable. A bad line is told on
the standard error with its number and has no answer; the others go on. Where nobody reads the
answers any more, no more lines are read, and the exit code is 1. The report comes at the end, on
the standard error; with --json as the last line of the standard output.

Examples:
  tombola draw pools.toml --data ./data
  tombola draw pools.toml --data ./data --count 5000 --pool banner --acks acks.jsonl
  tombola draw pools.toml --data ./data --rate 100000 --clients 2 --json
  tombola draw pools.toml --data ./data --multi 10 --clients 2
  tombola draw pools.toml --data ./data --placement all_shards --shards 2 --clients 2
  echo '{\"pool\":\"banner\",\"count\":10}' | tombola draw pools.toml --data ./data --requests -
  tombola draw pools.toml --data ./data --storage mmap --format jsonl --durability kernel";

/// Draws durably from the pools of a config file and reports what came out.
///
/// Opens the data directory, or makes it, or recovers it after a crash: run again, it goes on where
/// it was.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The config file with the pools (TOML, JSON, or the JSON catalogue of the Go service).
    config: PathBuf,

    /// The data directory; it is made if it is not there.
    #[arg(long, env = "TOMBOLA_DATA", value_name = "DIR")]
    data: PathBuf,

    /// How many draws to make.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    count: u64,

    /// How many draws each request asks for, 1 to 100; the count becomes a multiple of it.
    #[arg(long, value_name = "K", value_parser = several)]
    multi: Option<NonZeroU8>,

    /// Draws what the lines of this file ask for, or for - those of the standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "multi", "pool", "clients", "rate"])]
    requests: Option<PathBuf>,

    /// Draws from this pool only, instead of from all in turn.
    #[arg(long, value_name = "P")]
    pool: Option<String>,

    /// Where the pools live, whatever the file says. It cannot be changed later.
    #[arg(long, value_parser = choice::<Placement>(&["one_shard", "all_shards"]))]
    placement: Option<Placement>,

    /// Threads that ask for draws.
    #[arg(long, value_name = "C", default_value = "1")]
    clients: std::num::NonZeroUsize,

    /// Draws a second to ask for, on a fixed schedule; latency counts from the scheduled time
    /// [default: as many as go].
    #[arg(long, value_name = "R")]
    rate: Option<NonZeroU64>,

    /// Appends a JSON line to this file for each answer, after it came.
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,

    /// Prints the report as one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineOptions,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        config: path,
        data,
        count,
        multi,
        requests,
        pool,
        placement,
        clients,
        rate,
        acks,
        json,
        engine: options,
    } = arguments;
    let mut file = config::read(&path)?;
    options.lay_over(&mut file.config);
    let names: Vec<&str> = file.pools.iter().map(|pool| pool.name.as_str()).collect();
    if names.is_empty() {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} has no pool to draw from; add a [[pool]], see `tombola config example`"
        )));
    }
    if let Some(pool) = &pool
        && !names.contains(&pool.as_str())
    {
        return Err(Failure::Usage(format!(
            "{} has no pool \"{pool}\"; it has: {}",
            path.display(),
            names.join(", ")
        )));
    }
    check_clients(&file.config, clients.get())?;
    let stop = signals::stop_flag().map_err(|error| Failure::signals(&error))?;
    let requests = requests.as_deref().map(Source::open).transpose()?;
    let acks = acks.as_deref().map(AckFile::open).transpose()?;
    let keeps = file.config.storage != StorageKind::None;
    if !keeps {
        eprintln!("tombola: with the storage \"none\" nothing is kept: these draws are forgotten");
    }
    let engine = Engine::builder(&data).config(file.config).open()?;
    let mut pools: Vec<PoolHandle> = Vec::with_capacity(file.pools.len());
    for mut definition in file.pools {
        definition.placement = placement.unwrap_or(definition.placement);
        pools.push(engine.register(definition)?);
    }
    if let Some(pool) = pool {
        pools.retain(|handle| handle.definition().name == pool);
    }
    let run = if let Some(requests) = requests {
        let sink = acks
            .as_ref()
            .map_or_else(|| Sink::Output(Output::new()), Sink::File);
        Session::new(&engine, &pools, requests, sink)?.run(&engine, &stop)
    } else {
        let progress = output::progress(count, "drawing");
        let plan = Plan {
            pools: &pools,
            count,
            several: multi,
            clients: clients.get(),
            rate,
            acks: acks.as_ref(),
            stop: &stop,
            progress: &progress,
        };
        let run = plan.run(&engine)?;
        progress.finish_and_clear();
        run
    };
    let mut report = Report::new(&engine, &run, clients.get());
    // Once the engine is closed a snapshot holds everything that was ever drawn. One that does not
    // answer is dropped instead, which is as safe.
    let closed = if run.unanswered == 0 {
        engine.shutdown()
    } else {
        drop(engine);
        Ok(())
    };
    report.count_items(&pools, &run.tally, keeps.then_some(data.as_path()));
    report.print(json)?;
    verdict(run, count, &pools)?;
    closed?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the run did what it was asked for.
fn verdict(run: Run, count: u64, pools: &[PoolHandle]) -> Result<(), Failure> {
    if let Some(failure) = run.failure {
        return Err(failure);
    }
    if let Some(lines) = run.lines
        && lines.bad_lines > 0
    {
        return Err(Failure::Failed(format!(
            "{} among the requests, see above; everything else was answered",
            output::counted(lines.bad_lines, "bad line")
        )));
    }
    if run.sold_out {
        let names: Vec<&str> = pools
            .iter()
            .map(|pool| pool.definition().name.as_str())
            .collect();
        return Err(Failure::SoldOut(format!(
            "sold out after {} of {}: nothing is left in {}",
            output::grouped(run.tally.draws),
            output::counted(count, "draw"),
            names.join(", ")
        )));
    }
    Ok(())
}

/// How many draws one request may ask for.
fn several(text: &str) -> Result<NonZeroU8, String> {
    let several = text
        .parse()
        .ok()
        .filter(|several: &NonZeroU8| several.get() <= COUNT_MAX);
    several.ok_or_else(|| format!("a request takes 1 to {COUNT_MAX} draws"))
}
