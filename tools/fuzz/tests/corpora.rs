//! Every target, with everything in its corpus and with what is made of that. What it allocates is
//! bounded by the length of the input.

#[path = "../../../tests/common/counting.rs"]
mod counting;
mod mutation;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use mutation::Mutation;
use tombola_fuzz::{TARGETS, Target};

/// What an input may take at most, beside what its length allows: a window for each segment that
/// is open, and the directory itself, of which the simulated disk keeps several copies.
const BYTES_MAX: usize = 16 << 20;
/// A value takes more room than its text, and is there more than once while a target compares.
const BYTES_FOR_EACH: usize = 512;
/// So many inputs are made for a target in the ordinary run, and for one that reads whole
/// directories, which takes a hundred times as long.
const MADE: usize = 10_000;
const MADE_OF_DIRECTORIES: usize = 300;
const DIRECTORIES: [&str; 4] = ["directory", "log", "snapshot", "snapshot_content"];

fn manifest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A corpus, in the order of its names.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let directory = manifest("corpora").join(target.name);
    let entries = fs::read_dir(&directory);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.display().to_string(), fs::read(&path).unwrap())
    };
    let mut corpus: Vec<_> = entries.map(file).collect();
    assert!(!corpus.is_empty(), "{} is empty", directory.display());
    corpus.sort();
    corpus
}

/// Runs a target with an input, which is kept for a look at it if something does not hold.
fn try_with(target: &Target, what: &str, data: &[u8]) {
    let (ended, bytes) =
        counting::bytes_max(|| catch_unwind(AssertUnwindSafe(|| (target.run)(data))));
    if ended.is_ok() && bytes <= BYTES_MAX + BYTES_FOR_EACH * data.len() {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.input", target.name));
    fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(&kept, data).unwrap();
    panic!(
        "{} with {what}, kept in {}: {bytes} bytes, ended well: {}",
        target.name,
        kept.display(),
        ended.is_ok()
    );
}

/// The factor by which long tests are longer than in the ordinary run.
fn long() -> usize {
    let factor = std::env::var("TOMBOLA_TEST_LONG").ok();
    factor.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// One test only: what others allocate would be counted too.
#[test]
fn whatever_comes_everything_holds_that_has_to() {
    for target in TARGETS {
        let corpus = corpus(target);
        for (name, data) in &corpus {
            try_with(target, name, data);
        }
        try_with(target, "nothing", &[]);
        let mut mutation = Mutation::new(1);
        let made = if DIRECTORIES.contains(&target.name) {
            MADE_OF_DIRECTORIES
        } else {
            MADE
        };
        for number in 0..made * long() {
            let (name, input) = &corpus[number % corpus.len()];
            let (_, other) = &corpus[number / corpus.len() % corpus.len()];
            let made = mutation.of(input, other);
            try_with(
                target,
                &format!("the {number}th input, made of {name}"),
                &made,
            );
        }
    }
}
