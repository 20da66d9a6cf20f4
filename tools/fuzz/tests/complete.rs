//! Nothing was forgotten when a target was added.

use std::{collections::BTreeSet, fs, path::Path};

use tombola_fuzz::{TARGETS, seeds};

#[test]
fn every_target_has_seeds_a_corpus_and_a_program() {
    let manifest = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.into()).collect();
    assert_eq!(targets.len(), TARGETS.len());
    let seeds: BTreeSet<String> = seeds::all()
        .into_iter()
        .map(|(name, _)| name.into())
        .collect();
    assert_eq!(seeds, targets);
    let corpora = fs::read_dir(manifest("corpora")).unwrap();
    let corpora: BTreeSet<String> = corpora
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(corpora, targets);
    let programs = fs::read_to_string(manifest("fuzz/Cargo.toml")).unwrap();
    let programs: toml::Table = programs.parse().unwrap();
    let programs = programs["bin"].as_array().unwrap().iter();
    let programs: BTreeSet<String> = programs
        .map(|program| program["name"].as_str().unwrap().into())
        .collect();
    assert_eq!(programs, targets);
}
