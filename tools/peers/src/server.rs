//! Servers of our own: on a loopback port that was free, with a data directory of their own, and
//! gone when we are.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::failure::Failure;

/// So long a server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. It is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts it with what it says going to a file in `directory`. It ends with us even if we are
    /// killed, but not at a Ctrl-C that is meant for us.
    pub(crate) fn start(
        program: &Path,
        directory: &Path,
        command: &Setup,
    ) -> Result<Self, Failure> {
        let log = directory.join("server.log");
        let said = File::create(&log)?;
        let mut child = Command::new("setpriv");
        if let Some(user) = &command.user {
            child.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        let child = child
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(&command.arguments)
            .current_dir(directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| Failure::io("start", program.display(), &error))?;
        Ok(Self { child, log })
    }

    /// Tries until it answers.
    pub(crate) fn wait_for<T, E: std::error::Error>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        loop {
            let error = match attempt() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if self.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                return Err(Failure::Failed(format!(
                    "the server does not answer ({error}); it said last: {last}"
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        Ok(self.end()?)
    }

    fn end(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // For both servers that we know, this is the end without waiting for their clients.
        let process = self.child.id().to_string();
        // The shell has a `kill` of its own, which is there on the smallest machine.
        let kill = Command::new("sh")
            .args(["-c", "kill -INT \"$0\"", &process])
            .status();
        kill?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                return Err(io::Error::other("the server did not stop and was killed"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where somebody wants to know, they stop it.
        let _ = self.end();
    }
}

/// With what, and as whom, a server is started.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) user: Option<String>,
    pub(crate) arguments: Vec<String>,
}

/// A port of this machine that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
