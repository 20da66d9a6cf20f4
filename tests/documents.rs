//! What the documents name is there: the tests that show a promise, and the files they point to.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The page that says which test shows what.
const PAGE: &str = "docs/faults.md";
const DOCUMENTS: [&str; 5] = [
    "README.md",
    PAGE,
    "perf/README.md",
    "tools/peers/README.md",
    "tests/fixtures/README.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The tests that a page names: in the items of its lists, the words in code quotes behind a file in
/// code quotes.
fn named(page: &str) -> Vec<(String, String)> {
    let items = page.split("\n- ").skip(1);
    let items = items.map(|item| item.split("\n\n").next().unwrap_or_default());
    let mut named = Vec::new();
    for item in items {
        let mut file = None;
        for word in item.split('`').skip(1).step_by(2) {
            if Path::new(word).extension().is_some_and(|end| end == "rs") {
                file = Some(word);
            } else if let Some(file) = file {
                named.push((file.to_string(), word.to_string()));
            }
        }
    }
    named
}

/// Whether a file has a test of that name, spelt out or made by a macro of its own.
fn has_test(source: &str, test: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let is_marked = |at: usize| {
        let above = lines[..at].iter().rev();
        let mut above = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.any(|line| *line == "#[test]")
    };
    let spelt_out = format!("fn {test}() {{");
    let made = format!("{test}: \"");
    let mut numbered = lines.iter().enumerate();
    numbered.any(|(at, line)| {
        *line == spelt_out && is_marked(at)
            || line.starts_with(&made) && source.contains("macro_rules!")
    })
}

fn missing(page: &str) -> Vec<(String, String)> {
    let mut named = named(page);
    named.retain(|(file, test)| {
        let source = fs::read_to_string(root().join(file));
        !source.is_ok_and(|source| has_test(&source, test))
    });
    named
}

#[test]
fn every_test_that_is_named_is_there() {
    let page = read(PAGE);
    assert!(named(&page).len() > 50, "{:?}", named(&page));
    let missing = missing(&page);
    assert!(missing.is_empty(), "{PAGE} names what is not: {missing:#?}");
}

#[test]
fn a_test_that_is_gone_is_missed() {
    let page = "\
Shown by:

- **a** `tests/documents.rs`: `a_test_that_is_gone_is_missed`, `no_such_test`,
  `has_test`; `tests/no_such_file.rs`: `a_test`
- `no_test` of any file

`tests/documents.rs` has more, as `nobody_says`.
";
    let of = |file: &str, test: &str| (format!("tests/{file}.rs"), test.to_string());
    let expected = [
        of("documents", "no_such_test"),
        of("documents", "has_test"),
        of("no_such_file", "a_test"),
    ];
    assert_eq!(missing(page), expected);
}

#[test]
fn every_file_that_is_pointed_to_is_there() {
    for name in DOCUMENTS {
        let text = read(name);
        let links = text.split("](").skip(1);
        let targets = links.filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or_default();
            let beside: PathBuf = root().join(name).with_file_name(file);
            assert!(
                file.is_empty() || beside.exists(),
                "{name} points to {target}"
            );
        }
    }
}
