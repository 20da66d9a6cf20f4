//! The command as somebody runs it: what it writes, and its exit codes. No figure is judged.

use std::{fs, path::Path, process::Command};

fn perf(out: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_tombola-perf"))
        .args(arguments)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    eprintln!("{}", String::from_utf8_lossy(&run.stderr));
    (run.status.code(), printed)
}

#[test]
fn a_section_is_measured_recorded_and_judged() {
    let out = tempfile::tempdir().unwrap();
    let quick = ["keys", "--seconds", "0.01", "--repetitions", "3"];
    let (code, page) = perf(out.path(), &quick);
    assert_eq!(code, Some(0));
    assert!(
        page.contains("draws/s with a key over those without"),
        "{page}"
    );

    let record = fs::read_to_string(out.path().join("results/keys.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    // Where the directory is is this machine's own.
    let name = out.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(record["command"], quick.join(" ") + " --out " + name);
    assert!(record["machine"]["kernel"].is_string());
    let cases = record["results"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let repetitions = case["repetitions"].as_array().unwrap();
        assert_eq!(repetitions.len(), 3);
        for one in repetitions {
            assert!(one["figures"]["draws_per_second"].as_f64().unwrap() > 0.0);
            assert!(one["device"]["p50_us"].as_f64().unwrap() > 0.0);
        }
    }
    assert_eq!(record["goals"][0]["each"].as_array().unwrap().len(), 3);
    assert!(
        !out.path().join("RESULTS.md").exists(),
        "that is for all sections"
    );
}

#[test]
fn a_wrong_command_line_is_told_apart() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(perf(out.path(), &["everything"]).0, Some(2));
    assert_eq!(perf(out.path(), &["keys", "--seconds", "0"]).0, Some(2));
    let nowhere = ["keys", "--directory", "/nowhere/at/all"];
    assert_eq!(perf(out.path(), &nowhere).0, Some(1));
}
