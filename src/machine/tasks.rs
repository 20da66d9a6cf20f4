//! The seam between an engine and who runs its shards and its housekeeper.

use std::{
    fmt, io,
    thread::{self, JoinHandle},
};

/// How far a step brought a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There was something to do, and there may be more.
    Worked,
    /// There was nothing to do.
    Idle,
    /// The task is over, and is not called any more.
    Done,
}

/// A task of an engine: a shard, or the housekeeper.
pub trait Task {
    /// Does the next bit of work, without waiting for anything.
    fn step(&mut self) -> Progress;

    /// There was nothing to do: waits a little, or until somebody wakes it.
    fn rest(&mut self);
}

/// Makes a task, where it will run.
pub type MakeTask = Box<dyn FnOnce() -> Box<dyn Task> + Send>;

/// A task that was started.
pub trait Running: fmt::Debug + Send + Sync {
    /// Ends the task's rest, now or the next one.
    fn wake(&self);

    /// Waits until the task is over.
    fn join(self: Box<Self>);
}

/// How whoever needs an answer of a task waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// By sleeping: the tasks run on threads of their own.
    Sleep,
    /// By looking again: some task was brought on.
    LookAgain,
    /// Not at all: no task will ever be brought on.
    GiveUp,
}

/// Who runs tasks.
pub trait Tasks: fmt::Debug + Send + Sync {
    /// Starts a task. Shards are started first, in order, then the housekeeper.
    ///
    /// # Errors
    /// Where it cannot be started.
    fn start(&self, name: String, make: MakeTask) -> io::Result<Box<dyn Running>>;

    /// Called by a thread that needs an answer of a task and has not got it yet.
    fn wait(&self) -> Waiting;
}

/// Runs every task on a thread of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads;

impl Tasks for Threads {
    fn start(&self, name: String, make: MakeTask) -> io::Result<Box<dyn Running>> {
        let run = move || {
            let mut task = make();
            loop {
                match task.step() {
                    Progress::Worked => {}
                    Progress::Idle => task.rest(),
                    Progress::Done => break,
                }
            }
        };
        let thread = thread::Builder::new().name(name).spawn(run)?;
        Ok(Box::new(thread))
    }

    fn wait(&self) -> Waiting {
        Waiting::Sleep
    }
}

impl Running for JoinHandle<()> {
    fn wake(&self) {
        self.thread().unpark();
    }

    fn join(self: Box<Self>) {
        // What a task panicked with was printed when it did.
        let _ = (*self).join();
    }
}
