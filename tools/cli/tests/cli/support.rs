//! A place to play in, and the command gently set: no spinning, no pinning, small segments.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Two items, one of them finite.
pub(crate) const BANNER: &str = r#"
[[pool]]
name = "banner"
items = [{ id = "gold", weight = 10, stock = 100 }, { id = "dust", weight = 90 }]
"#;

const SETTINGS: [(&str, &str); 3] = [
    ("TOMBOLA_IDLE", "park"),
    ("TOMBOLA_NO_PIN", "1"),
    ("TOMBOLA_SEGMENT_BYTES", "1MiB"),
];

/// No verb takes so long; one that hangs fails.
const LIMIT: Duration = Duration::from_mins(1);

/// A directory of its own, with a config file.
pub(crate) struct Place {
    root: TempDir,
}

/// What a verb said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The whole output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The output as a JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        json_lines(&self.out)
    }

    /// Checks the exit code; shows what was said if it is another.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        self
    }
}

#[track_caller]
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The command for a dialogue over pipes; it is ended where it hangs, and its pipes with it.
pub(crate) fn bounded() -> std::process::Command {
    let mut command = std::process::Command::new("timeout");
    command
        .arg(LIMIT.as_secs().to_string())
        .arg(env!("CARGO_BIN_EXE_tombola"))
        .envs(SETTINGS);
    command
}

/// Runs the command.
#[track_caller]
pub(crate) fn tombola(arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tombola"));
    said(command.envs(SETTINGS).timeout(LIMIT).args(arguments))
}

#[track_caller]
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    Said {
        code: output.status.code().unwrap_or(-1),
        out,
        err,
    }
}

impl Place {
    /// With this text as the config file.
    pub(crate) fn with(config: &str) -> Self {
        let root = TempDir::new().expect("a temporary directory");
        fs::write(root.path().join("pools.toml"), config).expect("a config file");
        Self { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of text")
    }

    /// A verb on the data directory.
    #[track_caller]
    pub(crate) fn data(&self, verb: &str, more: &[&str]) -> Said {
        tombola(&[&[verb, &self.text("data")], more].concat())
    }

    /// `draw`, with acknowledgements in the file "acks".
    #[track_caller]
    pub(crate) fn draw(&self, more: &[&str]) -> Said {
        tombola(
            &self
                .draw_arguments(more)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
    }

    fn draw_arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["draw".into(), self.text("pools.toml")];
        arguments.extend(["--data".into(), self.text("data")]);
        arguments.extend(["--acks".into(), self.text("acks"), "--json".into()]);
        arguments.extend(more.iter().map(ToString::to_string));
        arguments
    }

    /// A draw that goes on until it is ended, at a gentle rate; returns once it has made some.
    pub(crate) fn start_drawing(&self, more: &[&str]) -> Drawing {
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_tombola"))
            .envs(SETTINGS)
            .args(self.draw_arguments(&["--count", "100000000", "--rate", "20000"]))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let drawing = Drawing { child: Some(child) };
        let begun = Instant::now();
        while fs::metadata(self.path("acks")).map_or(0, |found| found.len()) < 20_000 {
            assert!(begun.elapsed() < LIMIT, "no draw is acknowledged");
            thread::sleep(Duration::from_millis(5));
        }
        drawing
    }

    /// A directory as a crash leaves it: nothing closed, no snapshot.
    pub(crate) fn crash(&self, more: &[&str]) {
        self.start_drawing(more).kill();
    }

    /// The whole lines of the file of acknowledgements; a kill may leave half a line.
    #[track_caller]
    pub(crate) fn acks(&self) -> Vec<Value> {
        let acks = self.read("acks");
        let whole = acks.rfind('\n').map_or("", |end| &acks[..end]);
        json_lines(whole)
    }

    /// Every file of the data directory, with what is in it.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path("data"), &mut files);
        files.sort();
        files
    }

    /// The file of a segment.
    pub(crate) fn segment(&self, shard: usize, number: u64) -> PathBuf {
        self.path("data")
            .join(format!("shard-{shard:03}/segment-{number:012}.log"))
    }
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).expect("a file");
            files.push((path, bytes));
        }
    }
}

/// A draw in a process of its own. It is killed at the end of the test if it still runs.
pub(crate) struct Drawing {
    child: Option<Child>,
}

impl Drawing {
    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .output()
            .expect("a shell");
        assert!(sent.status.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Said {
        let child = self.child.take().expect("it runs");
        let output = child.wait_with_output().expect("its output");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("it prints UTF-8"),
            err: String::from_utf8(output.stderr).expect("it prints UTF-8"),
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it still runs");
        child.wait().expect("it has ended");
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
