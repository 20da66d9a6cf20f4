//! `tombola-sim`: runs seeds with a progress bar, and shows again what a seed has shown.

use std::{process::ExitCode, thread};

use clap::{Parser, ValueEnum};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tombola::canary::Canary;
use tombola_sim::{
    many::{Outcome, Seeds, many},
    plan::Plan,
    run::{Failure, Report, run},
};

/// Runs whole engines on a simulated machine and tries to break them.
#[derive(Debug, Parser)]
#[command(name = "tombola-sim", version, after_long_help = EXAMPLES)]
struct Arguments {
    /// Runs this seed alone, and shows its plan and what happened.
    #[arg(long, conflicts_with_all = ["count", "from"])]
    seed: Option<u64>,

    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    count: u64,

    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,

    /// Threads; by default one for each core.
    #[arg(long)]
    threads: Option<usize>,

    /// Plants a fault in the engine that the checks must see: then finding it is success.
    #[arg(long, value_enum)]
    canary: Option<CanaryName>,

    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CanaryName {
    /// Blocks are written without being flushed.
    SkipsFlushes,
    /// Draws are acknowledged before their block has arrived.
    AcknowledgesEarly,
    /// The checksums of records are not looked at.
    IgnoresChecksums,
    /// Recovery applies every draw twice.
    AppliesTwice,
    /// Recovery cuts off one block too many.
    CutsTooMuch,
    /// All segments have the same salt.
    ReusesSalts,
}

impl From<CanaryName> for Canary {
    fn from(name: CanaryName) -> Self {
        match name {
            CanaryName::SkipsFlushes => Self::SkipsFlushes,
            CanaryName::AcknowledgesEarly => Self::AcknowledgesEarly,
            CanaryName::IgnoresChecksums => Self::IgnoresChecksums,
            CanaryName::AppliesTwice => Self::AppliesTwice,
            CanaryName::CutsTooMuch => Self::CutsTooMuch,
            CanaryName::ReusesSalts => Self::ReusesSalts,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  tombola-sim                        a thousand seeds
  tombola-sim --from 5000 --count 100000
  tombola-sim --seed 4711            one seed again, step by step the same
  tombola-sim --canary skips-flushes   shows that the checks can fail

Exit codes: 0 everything held (with --canary: the fault was found), 1 something did not hold, 2 usage.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let canary = arguments.canary.map(Canary::from);
    match arguments.seed {
        Some(seed) => one(seed, canary, arguments.json),
        None => all(&arguments, canary),
    }
}

fn one(seed: u64, canary: Option<Canary>, as_json: bool) -> ExitCode {
    if !as_json {
        println!("{:#?}", Plan::new(seed));
    }
    match run(seed, canary) {
        Ok(report) => {
            show(&report, &[], as_json);
            ExitCode::from(u8::from(canary.is_some()))
        }
        Err(failure) => {
            show(&Report::default(), &[*failure], as_json);
            ExitCode::from(u8::from(canary.is_none()))
        }
    }
}

fn all(arguments: &Arguments, canary: Option<Canary>) -> ExitCode {
    // Panics are told with their seeds, at the end.
    std::panic::set_hook(Box::new(|_| {}));
    let bar = ProgressBar::new(arguments.count);
    let style = "{elapsed_precise} [{bar:40}] {human_pos}/{human_len} seeds, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is well formed"));
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let seeds = Seeds {
        first: arguments.from,
        count: arguments.count,
        threads: arguments.threads.unwrap_or_else(cores).max(1),
        canary,
        failures_max: 20,
    };
    let Outcome { report, failures } = many(seeds, || bar.inc(1));
    bar.finish_and_clear();
    show(&report, &failures, arguments.json);
    ExitCode::from(u8::from(failures.is_empty() == canary.is_some()))
}

fn show(report: &Report, failures: &[Failure], as_json: bool) {
    if as_json {
        println!("{}", json!({ "report": report, "failures": failures }));
        return;
    }
    println!("{}", table(report));
    for Failure { seed, life, what } in failures {
        println!("seed {seed}, life {life}: {what}");
    }
}

fn table(report: &Report) -> Table {
    let disk = &report.disk;
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["what", "how often"]);
    let rows = [
        ("runs", report.runs),
        ("lives of engines", report.lives),
        ("steps of the machine", disk.steps),
        ("draws acknowledged", report.acknowledged),
        ("records in the logs", report.records),
        ("processes killed", disk.kills),
        ("power cuts", disk.power_cuts),
        ("opens that a fault or a crash ended", report.not_opened),
        ("recoveries that held", report.recoveries),
        ("unflushed writes lost", disk.lost),
        ("blocks torn", disk.torn),
        ("sectors garbled", disk.garbled),
        ("names undone", disk.names_undone),
        ("write errors", disk.write_errors),
        ("short writes", disk.short_writes),
        ("files not opened", disk.open_errors),
        ("read errors", disk.read_errors),
        ("flush errors", disk.flush_errors),
        ("disk full", disk.full),
        ("room made on a full disk", disk.room_made),
        ("slow blocks", disk.slow),
        ("misdirected blocks", disk.misdirected),
        ("bits rotten", disk.rotten),
        ("damage refused", report.refusals),
        ("losses accepted", report.accepted),
        ("damage that harmed nothing", report.harmless),
    ];
    for (what, count) in rows {
        table.add_row([what.to_string(), count.to_string()]);
    }
    table
}
