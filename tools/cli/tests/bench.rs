//! `tombola bench`: short runs, gentle on whoever else uses the machine.

use std::{fs, process::Output};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

fn bench(directory: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tombola"))
        .current_dir(directory.path())
        .args(["bench", "--data", ".", "--seconds", "0.2", "--warmup", "0"])
        .args(["--idle", "park", "--no-pin", "--segment-bytes", "4MiB"])
        .args(arguments)
        .output()
        .unwrap()
}

/// Below the build directory, which is on a device where the temporary directory may not be.
fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn every_storage_reports_every_figure() {
    for storage in ["uring", "mmap", "file", "none"] {
        let directory = directory();
        let output = bench(&directory, &["--storage", storage, "--json"]);
        assert!(output.status.success(), "{storage}: {output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let number = |name: &str| json.pointer(name).and_then(Value::as_f64);
        for name in ["/draws", "/seconds", "/draws_per_second"] {
            assert!(number(name).unwrap() > 0.0, "{storage} {name}: {json}");
        }
        let latency = ["p50", "p90", "p99", "p999", "max"]
            .map(|name| number(&format!("/latency_us/{name}")).unwrap());
        assert!(latency.is_sorted() && latency[0] > 0.0, "{latency:?}");
        assert!(number("/device_us/p50").unwrap() <= number("/device_us/p99").unwrap());
        assert_eq!(number("/exhausted"), Some(0.0));
        // Where the kernel refuses io_uring, the report says so.
        assert!(json["storage"] == storage || json["storage_fallback"].is_string());
        assert_eq!(json["format"], "bincode");
        assert_eq!(json["durability"], "device");
        assert_eq!(json["shards"], 1);
        assert!(json["machine"]["cores"].as_u64().unwrap() > 0);
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 0, "the data is removed");
    }
}

#[test]
fn a_rate_is_kept_and_its_files_are_written() {
    let directory = directory();
    let arguments = [
        "--rate",
        "1000,5000",
        "--repeat",
        "2",
        "--out",
        "results",
        "--json",
    ];
    let output = bench(&directory, &arguments);
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports.len(), 2);
    for (report, rate) in reports.iter().zip([1000.0, 5000.0]) {
        assert_eq!(report["rate"], rate);
        assert_eq!(report["repetitions"].as_array().unwrap().len(), 2);
        assert_eq!(report["unsent"], 0);
    }
    let results = directory.path().join("results");
    let read = |name: &str| fs::read_to_string(results.join(name)).unwrap();
    let name = "uring-bincode-device-rate-1000";
    let json: Value = serde_json::from_str(&read(&format!("{name}.json"))).unwrap();
    assert_eq!(json, reports[0]);
    for suffix in ["", "-device"] {
        let percentiles = read(&format!("{name}{suffix}.hgrm"));
        assert!(percentiles.trim_start().starts_with("Value") && percentiles.contains("#[Max"));
    }
    // Every scheduled draw is in the percentiles: 0.2 s at 1000/s, twice.
    assert!(read(&format!("{name}.hgrm")).contains("Total count    =          400]"));
    let picture = read(&format!("{name}-rate-5000.svg"));
    assert!(picture.starts_with("<svg") && picture.contains("device alone"));
}

#[test]
fn a_pool_that_sells_out_ends_the_run() {
    let directory = directory();
    let pools = "[[pool]]\nname = \"p\"\nitems = [{ id = \"a\", weight = 1, stock = 100 }]\n";
    fs::write(directory.path().join("pools.toml"), pools).unwrap();
    let output = bench(&directory, &["pools.toml", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["draws"], 100);
    assert!(json["exhausted"].as_u64().unwrap() > 0);
    assert!(String::from_utf8_lossy(&output.stderr).contains("sold out"));
}

#[test]
fn a_pool_on_all_shards_is_measured_whichever_shard_answers() {
    let directory = directory();
    let pools = "[[pool]]\nname = \"p\"\nplacement = \"all_shards\"\n\
        items = [{ id = \"a\", weight = 1 }, { id = \"b\", weight = 2 }]\n";
    fs::write(directory.path().join("pools.toml"), pools).unwrap();
    // Small rings: a batch finds room in none of them as a whole.
    let settings = ["--shards", "2", "--ring-slots", "64", "--clients", "2"];
    for rate in [&[][..], &["--rate", "2000", "--out", "results"]] {
        let output = bench(
            &directory,
            &[&["pools.toml", "--json"], &settings[..], rate].concat(),
        );
        assert!(output.status.success(), "{output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json["draws"].as_u64() > Some(0), "{json}");
        assert!(json["latency_us"]["p50"].as_f64() > Some(0.0), "{json}");
    }
    // None of those that were due is missing, whoever answered it: 0.2 s at 2000/s.
    let percentiles = directory
        .path()
        .join("results/uring-bincode-device-rate-2000.hgrm");
    let percentiles = fs::read_to_string(percentiles).unwrap();
    assert!(
        percentiles.contains("Total count    =          400]"),
        "{percentiles}"
    );
}

#[test]
fn a_closed_pool_is_nothing_to_measure() {
    let directory = directory();
    let pools = "[[pool]]\nname = \"p\"\nopen = false\nitems = [{ id = \"a\", weight = 1 }]\n";
    fs::write(directory.path().join("pools.toml"), pools).unwrap();
    let output = bench(&directory, &["pools.toml", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("refused draws (closed)"));
}

#[test]
fn mistakes_are_exit_code_2() {
    let directory = directory();
    for arguments in [
        ["--rate", "0"],
        ["--repeat", "0"],
        ["--block-bytes", "5000"],
    ] {
        let output = bench(&directory, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    }
}
