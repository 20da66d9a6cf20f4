//! Who runs an engine's tasks: one thread, and only when it is told to. So nobody spins, and no
//! other thread's instructions are counted.

use std::{cell::RefCell, io};

use tombola::machine::{MakeTask, Progress, Running, Task, Tasks, Waiting};

thread_local! {
    /// In the order in which they were started: the shards, then the housekeeper. None for one that
    /// is over, and for the one that is being brought on.
    static TASKS: RefCell<Vec<Option<Box<dyn Task>>>> = const { RefCell::new(Vec::new()) };
}

/// The tasks of one engine, the only one on its thread.
#[derive(Debug, Clone, Copy)]
pub struct Turns;

/// Brings the first `count` tasks on until none has anything to do.
pub fn run(count: usize) {
    let mut worked = true;
    while worked {
        worked = false;
        for task in 0..count {
            worked |= bring_on(task) == Progress::Worked;
        }
    }
}

/// Brings every task on by a step.
pub fn step_all() {
    let count = TASKS.with_borrow(Vec::len);
    (0..count).for_each(|task| {
        bring_on(task);
    });
}

fn bring_on(at: usize) -> Progress {
    let Some(mut task) = TASKS.with_borrow_mut(|tasks| tasks[at].take()) else {
        return Progress::Done;
    };
    let progress = task.step();
    if progress != Progress::Done {
        TASKS.with_borrow_mut(|tasks| tasks[at] = Some(task));
    }
    progress
}

impl Tasks for Turns {
    fn start(&self, _name: String, make: MakeTask) -> io::Result<Box<dyn Running>> {
        let task = make();
        let at = TASKS.with_borrow_mut(|tasks| {
            tasks.push(Some(task));
            tasks.len() - 1
        });
        Ok(Box::new(Started(at)))
    }

    fn wait(&self) -> Waiting {
        step_all();
        Waiting::LookAgain
    }
}

#[derive(Debug)]
struct Started(usize);

impl Running for Started {
    fn wake(&self) {}

    fn join(self: Box<Self>) {
        while bring_on(self.0) != Progress::Done {}
    }
}
