//! Every path of a draw below callgrind. `tombola-budget` runs this and reads what it counts. A
//! path is called by its function and by what that is given, as in `shard/bincode`; each of them
//! makes as many draws as [`tombola_budget::draws`] says, and what their setup and teardown do is not counted.
#![allow(missing_docs, reason = "what the macros make has none")]

use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use tombola::{
    LogFormat,
    selector::{Adaptive, Fenwick},
    wal::format::{Binary, Jsonl, Line},
};
use tombola_budget::{
    alone::{self, Work},
    recovery::Log,
    stage::{Keys, Setting, Stage},
};

const NO_LOG: Setting = Setting::PLAIN;
const BINCODE: Setting = Setting::PLAIN.log(LogFormat::Bincode);
const JSONL: Setting = Setting::PLAIN.log(LogFormat::Jsonl);
const LINE: Setting = Setting::PLAIN.log(LogFormat::Line);

#[library_benchmark(setup = Stage::submitted, teardown = Stage::check)]
#[bench::no_log(NO_LOG)]
#[bench::bincode(BINCODE)]
#[bench::jsonl(JSONL)]
#[bench::line(LINE)]
#[bench::ten_no_log(NO_LOG.count(10))]
#[bench::ten_bincode(BINCODE.count(10))]
#[bench::ten_jsonl(JSONL.count(10))]
#[bench::new_key(BINCODE.keys(Keys::New))]
#[bench::remembered_key(BINCODE.keys(Keys::Remembered))]
#[bench::ten_new_key(BINCODE.count(10).keys(Keys::New))]
#[bench::all_shards(BINCODE.shards(2))]
#[bench::ten_all_shards(BINCODE.count(10).shards(2))]
fn shard(mut stage: Stage) -> Stage {
    stage.draw();
    stage
}

#[library_benchmark(setup = Stage::new, teardown = Stage::check)]
#[bench::batch(NO_LOG)]
#[bench::ten(NO_LOG.count(10))]
#[bench::key(NO_LOG.keys(Keys::New))]
#[bench::all_shards(NO_LOG.shards(2))]
fn submit(mut stage: Stage) -> Stage {
    stage.submit();
    stage
}

#[library_benchmark(setup = Stage::new, teardown = Stage::check)]
#[bench::plain(NO_LOG)]
fn submit_each(mut stage: Stage) -> Stage {
    stage.submit_each();
    stage
}

#[library_benchmark(setup = Stage::drawn, teardown = Stage::check)]
#[bench::plain(NO_LOG)]
#[bench::ten(NO_LOG.count(10))]
#[bench::key(NO_LOG.keys(Keys::New))]
#[bench::all_shards(NO_LOG.shards(2))]
fn take(mut stage: Stage) -> Stage {
    stage.take();
    stage
}

#[library_benchmark(setup = Stage::new, teardown = Stage::check)]
#[bench::no_log(NO_LOG)]
#[bench::bincode(BINCODE)]
fn there_and_back(mut stage: Stage) -> Stage {
    stage.each_alone();
    stage
}

#[library_benchmark]
#[bench::fenwick(setup = alone::pick::<Fenwick>)]
#[bench::adaptive(setup = alone::pick::<Adaptive>)]
#[bench::run_out(setup = alone::strike::<Adaptive>)]
fn select(mut work: Work) -> Work {
    work();
    work
}

#[library_benchmark]
#[bench::bincode(setup = alone::encode::<Binary>)]
#[bench::jsonl(setup = alone::encode::<Jsonl>)]
#[bench::line(setup = alone::encode::<Line>)]
fn encode(mut work: Work) -> Work {
    work();
    work
}

#[library_benchmark]
#[bench::bincode(setup = alone::decode::<Binary>)]
#[bench::jsonl(setup = alone::decode::<Jsonl>)]
#[bench::line(setup = alone::decode::<Line>)]
fn decode(mut work: Work) -> Work {
    work();
    work
}

#[library_benchmark(setup = Log::new)]
#[bench::bincode(LogFormat::Bincode)]
#[bench::jsonl(LogFormat::Jsonl)]
#[bench::line(LogFormat::Line)]
#[bench::keys_bincode(args = (LogFormat::Bincode), setup = Log::with_keys)]
fn recovery(log: Log) -> Log {
    log.recover();
    log
}

library_benchmark_group!(
    name = draws;
    benchmarks = shard, submit, submit_each, take, there_and_back
);
library_benchmark_group!(
    name = parts;
    benchmarks = select, encode, decode, recovery
);

main!(
    // Instructions are all that is asked for, and without the caches it is done twice as fast.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"]));
    library_benchmark_groups = draws, parts
);
