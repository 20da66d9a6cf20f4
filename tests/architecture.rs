//! What no lint can keep: the length of files, the direction of imports, where unsafe code may be,
//! and what stands at the top level.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The rooms from the top floor down; rooms on one floor are in one list. A room imports only from
/// floors below its own, and from itself.
const FLOORS: &[&[&str]] = &[
    &["engine"],
    &["client"],
    &["recovery"],
    &["housekeeper"],
    &["shard"],
    &["snapshot"],
    &["wal"],
    &["selector", "storage"],
    &["ring"],
    &[
        "pool", "request", "config", "error", "machine", "stats", "sync", "sys", "canary",
    ],
];

/// The only places where unsafe code may be.
const UNSAFE: &[&str] = &[
    "src/ring/staged.rs",
    "src/storage/mmap.rs",
    "src/storage/uring",
    "src/sync/modelled",
    "tests/common/counting.rs",
    "benches/keys.rs",
    "tools/powercut/src/shutdown.rs",
];

const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty() || directory != "src");
    found
}

fn all_rust_files() -> Vec<(String, String)> {
    ["src", "tests", "benches", "perf", "tools"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

#[test]
fn no_file_is_long() {
    let long: Vec<_> = all_rust_files()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:?}");
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    for (name, text) in all_rust_files() {
        let allowed = UNSAFE.iter().any(|place| name.starts_with(place));
        // Spelt apart, so that this file does not find itself.
        let has = text.contains(concat!("allow(", "unsafe_code)"))
            || text.contains(concat!("unsafe", " {"));
        assert!(allowed || !has, "{name} has unsafe code");
    }
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("{room} is on no floor"))
}

/// The rooms that a file names after `crate::`, groups included.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            let mut reading = true;
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => reading = true,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if depth == 1 && reading {
                    if character.is_alphanumeric() || character == '_' {
                        name.push(character);
                    } else if !name.is_empty() {
                        rooms.insert(std::mem::take(&mut name));
                        reading = character == ',';
                    }
                }
            }
            rooms.extend(Some(name).filter(|name| !name.is_empty()));
        } else {
            rooms.insert(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    // Types re-exported at the root are plain types of the ground floor.
    rooms.retain(|room| room.chars().next().is_some_and(char::is_lowercase));
    rooms
}

#[test]
fn imports_go_down() {
    for (name, text) in rust_files("src") {
        let inner = name.strip_prefix("src/").unwrap();
        let room = inner.split('/').next().unwrap().trim_end_matches(".rs");
        let is_test = ["/tests", "/models", "testing"]
            .iter()
            .any(|part| name.contains(part));
        if room == "lib" || is_test {
            continue;
        }
        let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for import in imports(production) {
            let down =
                import == room || floor(&import) > floor(room) || floor(room) == FLOORS.len() - 1;
            let ground = floor(&import) == FLOORS.len() - 1;
            assert!(
                down || ground,
                "{name} imports {import}, which is not below {room}"
            );
            if floor(room) == FLOORS.len() - 1 {
                // The ground floor knows itself, and the few plain constants of the formats.
                assert!(
                    ground || import == "storage",
                    "{name} on the ground floor imports {import}"
                );
            }
        }
    }
}

#[test]
fn the_top_level_is_what_it_should_be() {
    let expected = [
        ".ci",
        ".git",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "docs",
        "perf",
        "src",
        "target",
        "tests",
        "tools",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            expected.contains(&name.as_str()),
            "{name} has no place at the top level"
        );
    }
}
