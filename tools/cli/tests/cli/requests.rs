//! `draw --requests`: lines that ask, lines that answer, lines that are wrong.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use crate::support::{BANNER, Place, Said, bounded, tombola};

/// A process that is asked and answers over pipes.
struct Dialogue {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Dialogue {
    fn start(place: &Place) -> Self {
        let mut child = bounded()
            .args(["draw", &place.text("pools.toml"), "--requests", "-"])
            .args(["--data", &place.text("data"), "--shards", "2", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let asks = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Self {
            child,
            asks,
            answers,
        }
    }

    fn ask(&mut self, line: &Value) -> Value {
        writeln!(self.asks, "{line}").expect("it is read");
        self.next()
    }

    fn next(&mut self) -> Value {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("a line");
        serde_json::from_str(&answer).expect("a line of JSON")
    }

    /// Ends the input; gives the report.
    fn end(mut self) -> Value {
        drop(self.asks);
        let mut report = String::new();
        self.answers.read_line(&mut report).expect("the report");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        serde_json::from_str(&report).expect("a line of JSON")
    }
}

#[test]
fn holds_are_confirmed_and_requests_voided_by_their_numbers() {
    for placement in ["one_shard", "all_shards"] {
        let gate = format!("name = \"banner\"\nplacement = \"{placement}\"");
        let place = Place::with(&BANNER.replace("name = \"banner\"", &gate));
        let mut dialogue = Dialogue::start(&place);
        let mut draw = |line: Value| {
            let answer = dialogue.ask(&line);
            answer["request"].as_u64().expect("a number")
        };
        let first = draw(json!({"pool": "banner", "hold_ms": 600_000}));
        let second = draw(json!({"pool": "banner", "count": 3, "hold_ms": 600_000}));
        let plain = draw(json!({"pool": "banner", "count": 2}));
        let held = draw(json!({"pool": "banner", "count": 5, "hold_ms": 600_000}));
        for (line, asked, outcome) in [
            (5, json!({"confirm": first}), "confirmed"),
            (6, json!({"confirm": first}), "already_confirmed"),
            (7, json!({"void": second}), "voided"),
            (8, json!({"confirm": second}), "already_voided"),
            (9, json!({"void": plain}), "voided"),
            (10, json!({"void": plain}), "already_voided"),
            (11, json!({"void": 1_u64 << 60}), "unknown"),
            (12, json!({"confirm": 1_u64 << 60}), "not_held"),
        ] {
            let request = asked.get("void").unwrap_or(&asked["confirm"]);
            let expected = json!({"request": request, "line": line, "outcome": outcome});
            assert_eq!(dialogue.ask(&asked), expected);
        }
        let report = dialogue.end();
        assert_eq!(report["answered"], 12);
        assert_eq!(report["settled"], 3);
        assert_eq!(report["refused"], 5);
        assert_eq!(report["unanswered"], 0);
        // 11 drawn: 1 confirmed, 3 came back before they were handed out, 2 after that, 5 are held.
        let sum = |what: &str| -> u64 {
            let items = report["items"].as_array().expect("items").iter();
            items
                .map(|item| item[what].as_u64().expect("a number"))
                .sum()
        };
        assert_eq!((sum("drawn"), sum("held")), (11, 9));
        assert_eq!(sum("drawn_total"), 3);
        assert_eq!((sum("voided_total"), sum("held_now")), (2, 5));
        let gold = &report["items"][0];
        let of = |what: &str| gold[what].as_u64().expect("a number");
        let out = of("drawn_total") + of("held_now") - of("voided_total");
        assert_eq!(of("remaining") + out, 100);
        // What is still held is settled by the next run.
        let mut dialogue = Dialogue::start(&place);
        let answer = dialogue.ask(&json!({"void": held}));
        assert_eq!(answer["outcome"], "voided");
        dialogue.end();
        place.data("verify", &[]).ends(0);
    }
}

#[test]
fn more_voids_than_wait_at_once_are_all_answered() {
    let place = Place::with(BANNER);
    let asked = |line: &str, count: usize| {
        fs::write(place.path("requests"), line.repeat(count)).expect("written");
        let file = place.text("requests");
        place.draw(&["--requests", &file, "--shards", "1"]).ends(0)
    };
    asked("{\"pool\":\"banner\"}\n", 1);
    let report = asked("{\"void\":1}\n", 3000).json();
    assert_eq!(report["answered"], 3000);
    assert_eq!(
        (&report["settled"], &report["refused"]),
        (&json!(1), &json!(2999))
    );
    let acks = place.acks();
    let lines: Vec<_> = acks.iter().filter_map(|ack| ack["line"].as_u64()).collect();
    assert!(lines[1..].iter().copied().eq(1..=3000));
}

fn asked(place: &Place, lines: &str) -> Said {
    fs::write(place.path("requests"), lines).expect("written");
    let file = place.text("requests");
    place.draw(&["--requests", &file, "--shards", "1"])
}

#[test]
fn what_is_wrong_with_a_line_is_told_in_the_words_of_the_lines() {
    let place = Place::with(BANNER);
    for (line, says) in [
        (
            r#"["banner",1]"#,
            "line 1: this is no request: a request is a JSON object",
        ),
        (
            r#"{"pool":"banner","count":"3"}"#,
            "line 1: \"count\" is \"3\"; it takes 1 to 100",
        ),
        (
            r#"{"pool":"banner","hold_ms":0}"#,
            "line 1: its hold is not 1 ms to 10 years",
        ),
        (
            r#"{"pool":"banner","key":"zz"}"#,
            "line 1: \"key\" is \"zz\"; it takes \"0x\" with up to 32 hex digits",
        ),
        (r#"{"pool":"banner","#, "its JSON ends too early"),
    ] {
        let said = asked(&place, line).ends(1);
        assert!(said.err.contains(says), "{line}: {}", said.err);
        assert_eq!(said.json()["draws"], 0);
    }
}

#[test]
fn a_directory_is_no_file_of_requests() {
    let place = Place::with(BANNER);
    let root = place.path("");
    let said = place.draw(&["--requests", root.to_str().expect("a plain path")]);
    let said = said.ends(2);
    assert!(said.err.contains("are a directory"), "{}", said.err);
    assert!(!place.path("data").exists());
}

#[test]
fn the_table_says_what_its_figures_are() {
    let place =
        Place::with("[[pool]]\nname = \"p\"\nitems = [{ id = \"a\", weight = 1, stock = 5 }]\n");
    let lines = "{\"pool\":\"p\",\"count\":2,\"hold_ms\":600000}\n{\"pool\":\"p\",\"count\":3}\n";
    fs::write(place.path("requests"), lines).expect("written");
    let (config, data) = (place.text("pools.toml"), place.text("data"));
    let file = place.text("requests");
    let said = tombola(&["draw", &config, "--data", &data, "--requests", &file]).ends(0);
    let rows: Vec<Vec<&str>> = said
        .err
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = [
        "p", "a", "1", "100.0000", "%", "100.0000", "%", "5", "2", "3", "2", "0",
    ];
    assert!(rows.contains(&row.to_vec()), "{}", said.err);
    for told in [
        "drawn  of these held  in total  held now  remaining",
        "\"in total\" has the units that were handed out",
        "some have run out",
        "\n5 draws in ",
    ] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}
