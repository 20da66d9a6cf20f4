//! Tombola through a pipe in both directions: `tombola draw --requests -`, a line a draw and a line
//! an answer, as a program in another language would use it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread,
};

use rtrb::{Consumer, Producer, RingBuffer};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    group_commit::SLOTS,
    peer::{Answer, Manner, Peer, Stream, System},
    pool::{NAME, Pool},
    waiting::Waiting,
};

/// A request.
const LINE: &[u8] = b"{\"pool\":\"peers\"}\n";
/// So many lines are written at once.
const BATCH: usize = 1024;

/// The command, once it is built or named.
static COMMAND: OnceLock<PathBuf> = OnceLock::new();

/// Names the command, so that it need not be built.
pub(crate) fn use_command(path: PathBuf) {
    COMMAND.get_or_init(|| path);
}

struct Pipe {
    child: Child,
    ends: Arc<Mutex<Ends>>,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let command = if let Some(command) = COMMAND.get() {
        command
    } else {
        let built = build()?;
        COMMAND.get_or_init(|| built)
    };
    let file = directory.join("pool.json");
    fs::write(&file, config(pool))?;
    let said = directory.join("said");
    let mut child = Command::new(command)
        .arg("draw")
        .arg(file)
        .arg("--data")
        .arg(directory.join("data"))
        .args(["--requests", "-", "--shards", "1"])
        // A Ctrl-C is meant for us; it ends with its input.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(said)?)
        .spawn()
        .map_err(|error| Failure::io("start", command.display(), &error))?;
    let ends = Arc::new(Mutex::new(Ends::of(&mut child)?));
    Ok(Box::new(Pipe { child, ends }))
}

/// Builds the command from the sources that this was built from.
fn build() -> Result<PathBuf, Failure> {
    let output = Command::new("cargo")
        .args(["build", "--release", "--locked", "--bin", "tombola"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let messages = output.stdout.split(|&byte| byte == b'\n');
    messages
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .next_back()
        .ok_or_else(|| {
            let advice = "the command could not be built; name it with --tombola";
            Failure::Missing(advice.into())
        })
}

fn config(pool: &Pool) -> String {
    let items: Vec<_> = pool.weights.iter().zip(&pool.stock).enumerate().collect();
    let item = |&(place, (weight, stock)): &(usize, (&u64, &u64))| json!({ "id": place.to_string(), "weight": weight, "stock": stock });
    let items: Vec<_> = items.iter().map(item).collect();
    json!({ "pool": [{ "name": NAME, "items": items }] }).to_string()
}

impl System for Pipe {
    fn connect(&self, _: Manner) -> Result<Box<dyn Peer>, Failure> {
        Ok(Box::new(Waiting(self.stream(0)?)))
    }

    fn stream(&self, _: usize) -> Result<Box<dyn Stream>, Failure> {
        Ok(Box::new(Caller(Arc::clone(&self.ends))))
    }

    fn process(&self) -> u32 {
        self.child.id()
    }

    fn close(mut self: Box<Self>) -> Result<(), Failure> {
        self.ends.lock()?.asks = None;
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Failed(format!("the command ended with {status}")))
    }
}

/// Our ends of its pipes. There is one pair, so callers share it.
struct Ends {
    /// `None` once it is closed.
    asks: Option<ChildStdin>,
    lines: Vec<u8>,
    answers: Consumer<Answer>,
    open: usize,
}

impl Ends {
    fn of(child: &mut Child) -> Result<Self, Failure> {
        let output = child.stdout.take().expect("it is piped");
        let (producer, answers) = RingBuffer::new(SLOTS);
        thread::Builder::new()
            .name("pipe".into())
            .spawn(move || read(output, producer))?;
        Ok(Self {
            asks: child.stdin.take(),
            lines: Vec::new(),
            answers,
            open: 0,
        })
    }
}

/// Reads answers until there are no more. A line that is none ends it too, and so the run.
fn read(output: ChildStdout, mut answers: Producer<Answer>) {
    let mut output = BufReader::with_capacity(64 << 10, output);
    let mut line = Vec::new();
    loop {
        line.clear();
        if !matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        let Some(answer) = parse(&line) else { return };
        // No more are open than there are slots.
        if answers.push(answer).is_err() {
            return;
        }
    }
}

/// Finds the item's name, which is its place, in a line such as
/// `{"request":1,…,"items":["17"]}`, without reading the rest as JSON.
fn parse(line: &[u8]) -> Option<Answer> {
    const ITEMS: &[u8] = b"\"items\":[";
    let at = line.windows(ITEMS.len()).position(|some| some == ITEMS)? + ITEMS.len();
    match line[at..] {
        [b'"', ref rest @ ..] => {
            let digits = rest.split(|&byte| byte == b'"').next()?;
            Some(Some(str::from_utf8(digits).ok()?.parse().ok()?))
        }
        [b']', ref rest @ ..] => rest
            .windows(9)
            .any(|some| some == b"exhausted")
            .then_some(None),
        _ => None,
    }
}

struct Caller(Arc<Mutex<Ends>>);

impl Stream for Caller {
    fn submit(&mut self, count: usize) -> Result<usize, Failure> {
        let ends = &mut *self.0.lock()?;
        let count = count.min(SLOTS - ends.open).min(BATCH);
        let asks = ends.asks.as_mut().expect("it is closed with the system");
        ends.lines.clear();
        for _ in 0..count {
            ends.lines.extend_from_slice(LINE);
        }
        asks.write_all(&ends.lines)?;
        ends.open += count;
        Ok(count)
    }

    fn poll(&mut self, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let ends = &mut *self.0.lock()?;
        let there = ends.answers.slots();
        if there == 0 && ends.answers.is_abandoned() && ends.answers.is_empty() {
            return Err(Failure::Failed("the command does not answer".into()));
        }
        out.extend(ends.answers.read_chunk(there).expect("so many are there"));
        ends.open -= there;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_in_their_lines() {
        assert_eq!(parse(br#"{"request":1,"items":["17"]}"#), Some(Some(17)));
        let refused = br#"{"request":1,"items":[],"outcome":"exhausted"}"#;
        assert_eq!(parse(refused), Some(None));
        assert_eq!(
            parse(br#"{"request":1,"items":[],"outcome":"closed"}"#),
            None
        );
    }
}
