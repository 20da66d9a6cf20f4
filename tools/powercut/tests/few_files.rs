//! Too few file descriptors: every number of them, at the start and under a running engine. It is
//! told, and nothing that was acknowledged is lost. This needs no root.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::{
    env,
    fs::File,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use common::{LIMIT, STORAGES, banner, builder, draw_many, examine};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tombola::{Client, Engine, Error, PoolHandle, Stopped, SubmitError};

/// The process with few descriptors: the directory and the kind of storage.
const DATA: &str = "TOMBOLA_TEST_DATA";
const KIND: &str = "TOMBOLA_TEST_KIND";
/// How many descriptors it has for the start; none if they go missing under a running engine.
const FILES: &str = "TOMBOLA_TEST_FILES";
/// So many are enough, for an engine with two shards and the process itself.
const ENOUGH: u64 = 60;

fn limit(files: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, files, most).unwrap();
}

fn open(data: &Path, kind: usize) -> Result<Engine, Error> {
    let builder = builder(data).shards(2).storage(STORAGES[kind]);
    builder.snapshot_records(2_000).open()
}

/// What the other processes run; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    let Ok(data) = env::var(DATA) else { return };
    let data = PathBuf::from(data);
    let kind = env::var(KIND).unwrap().parse().unwrap();
    match env::var(FILES) {
        Ok(files) => start(&data, kind, files.parse().unwrap()),
        Err(_) => run(&data, kind),
    }
}

/// Opens an engine with so many descriptors. How it went is the exit code.
fn start(data: &Path, kind: usize, files: u64) {
    limit(files);
    let refused = match open(data, kind) {
        Ok(engine) => engine.shutdown().err(),
        Err(error) => Some(error),
    };
    limit(ENOUGH);
    let Some(error) = refused else { return };
    let text = error.to_string();
    assert!(text.contains("Too many open files"), "{error:?}");
    std::process::exit(2);
}

/// Draws until it cannot go on without descriptors, and then with them, if a shard has not stopped.
fn run(data: &Path, kind: usize) {
    let engine = open(data, kind).unwrap();
    let pool = engine.register(banner()).unwrap();
    let mut client = engine.client().unwrap();
    draw_many(&mut client, &pool, 500);
    // Not one more can be opened: this is the lowest number that is free.
    let free = File::open("/proc/self/exe").unwrap().as_raw_fd();
    limit(free.try_into().unwrap());
    let mut acknowledged = 500;
    let mut is_stopped = draw_until_told(&engine, &mut client, &pool, &mut acknowledged);
    limit(ENOUGH);
    let begun = Instant::now();
    while client.open_requests() > 0 && !is_stopped {
        assert!(begun.elapsed() < LIMIT, "it does not go on");
        match client.poll_with(|_| {}) {
            Ok(answered) => acknowledged += answered as u64,
            // It may have needed a segment between the alarm and the end of the limit.
            Err(stopped) => {
                assert!(stopped.to_string().contains("Too many open files"));
                is_stopped = true;
            }
        }
        thread::yield_now();
    }
    if !is_stopped {
        // Nor has the housekeeper given up, though it may not have tried again yet.
        while let Err(error) = engine.snapshot() {
            assert!(begun.elapsed() < LIMIT, "{error}");
            thread::yield_now();
        }
    }
    drop(engine);
    let drawn: u64 = examine(data).pools()[0]
        .items()
        .map(|item| item.drawn)
        .sum();
    assert!(drawn >= acknowledged, "{drawn} < {acknowledged}");
    assert!(is_stopped || drawn == acknowledged, "{drawn}");
    draw_many(&mut open(data, kind).unwrap().client().unwrap(), &pool, 500);
}

/// Whether the shard has stopped; otherwise an alarm tells what is missing, and the client is full.
fn draw_until_told(
    engine: &Engine,
    client: &mut Client,
    pool: &PoolHandle,
    acknowledged: &mut u64,
) -> bool {
    let (begun, mut is_full) = (Instant::now(), false);
    let is_told = |stopped: &Stopped| {
        assert!(
            stopped.to_string().contains("Too many open files"),
            "{stopped}"
        );
    };
    loop {
        assert!(begun.elapsed() < LIMIT, "full: {is_full}");
        match client.try_submit(pool) {
            Err(SubmitError::Full(_)) => is_full = true,
            Err(SubmitError::Stopped(_, stopped)) => {
                is_told(&stopped);
                return true;
            }
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
        match client.poll_with(|_| {}) {
            Ok(answered) => *acknowledged += answered as u64,
            Err(stopped) => {
                is_told(&stopped);
                return true;
            }
        }
        if is_full {
            let alarms = engine.stats().unwrap().housekeeper.alarms;
            if alarms
                .iter()
                .any(|alarm| alarm.contains("Too many open files"))
            {
                return false;
            }
        }
    }
}

fn run_child(data: &Path, kind: usize, files: Option<u64>) -> Option<i32> {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--nocapture"])
        .env(DATA, data)
        .env(KIND, kind.to_string());
    if let Some(files) = files {
        command.env(FILES, files.to_string());
    }
    let output = command.output().unwrap();
    let code = output.status.code();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0 | 2)), "{files:?}: {code:?} {said}");
    code
}

#[test]
fn a_start_is_refused_or_goes_well() {
    for kind in 0..3 {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let engine = open(&data, kind).unwrap();
        let pool = engine.register(banner()).unwrap();
        draw_many(&mut engine.client().unwrap(), &pool, 5_000);
        drop(engine);
        let mut refused = 0;
        for files in (4..=24).chain([ENOUGH]) {
            refused += usize::from(run_child(&data, kind, Some(files)) == Some(2));
            let state = examine(&data);
            assert!(state.opens(), "{files}");
            let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
            assert_eq!(drawn, 5_000, "{files}");
        }
        assert!((3..21).contains(&refused), "{refused} were refused");
    }
}

#[test]
fn a_running_engine_says_so_and_loses_nothing() {
    for kind in 0..3 {
        let place = tempfile::tempdir().unwrap();
        let code = run_child(&place.path().join("data"), kind, None);
        assert_eq!(code, Some(0));
    }
}
