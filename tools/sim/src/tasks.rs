//! Who runs an engine's shards and its housekeeper: one thread, which brings on one task after the
//! other, as the dice fall.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tombola::machine::{MakeTask, Progress, Running, Task, Tasks, Waiting};

use crate::{dice::Dice, disk::Disk};

/// So many steps without an answer are a hang.
const STEPS_MAX: u64 = 500_000;
/// After so many somebody makes room on a full disk: then everything has to go on.
const PATIENCE_STEPS: u64 = 20_000;
/// When no task had anything to do for so many steps, time passes.
const IDLE_STEPS: u32 = 6;
/// It passes also while one of them looks busily for something.
const BUSY_STEPS: u64 = 400;

thread_local! {
    /// Tasks stay on their thread: what a shard is made of cannot go to another one.
    /// By number; `None` while one is being brought on.
    static TASKS: RefCell<BTreeMap<u64, Option<Box<dyn Task>>>> =
        const { RefCell::new(BTreeMap::new()) };
    static NEXT: RefCell<u64> = const { RefCell::new(0) };
}

/// The tasks of one engine.
#[derive(Debug)]
pub struct Turns {
    disk: Disk,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    tasks: Vec<u64>,
    idle: u32,
    waited: u64,
}

impl Turns {
    /// Nobody's tasks yet.
    pub fn new(disk: Disk, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            disk,
            state: Mutex::new(State {
                dice,
                tasks: Vec::new(),
                idle: 0,
                waited: 0,
            }),
        })
    }

    /// Brings some task on by a step.
    pub fn turn(&self) {
        self.lock().waited = 0;
        self.step();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in between is told as the failure of its run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self) {
        let mut state = self.lock();
        if state.tasks.is_empty() || self.disk.is_down() {
            return;
        }
        let count = state.tasks.len();
        let at = state.dice.index(count);
        let task = state.tasks[at];
        drop(state);
        self.disk.step();
        let progress = bring_on(task);
        let mut state = self.lock();
        match progress {
            Progress::Worked => state.idle = 0,
            Progress::Idle => state.idle += 1,
            Progress::Done => {
                state.tasks.retain(|other| *other != task);
                remove(task);
            }
        }
        if state.idle > IDLE_STEPS * count as u32 {
            state.idle = 0;
            self.disk.pass_ms(1);
        }
    }
}

fn bring_on(id: u64) -> Progress {
    let taken = TASKS.with_borrow_mut(|tasks| tasks.get_mut(&id).and_then(Option::take));
    let Some(mut task) = taken else {
        return Progress::Done;
    };
    let progress = task.step();
    TASKS.with_borrow_mut(|tasks| {
        if let Some(slot) = tasks.get_mut(&id) {
            *slot = Some(task);
        }
    });
    progress
}

fn remove(id: u64) {
    // Dropped outside of the borrow: a task's end may look at others.
    let removed = TASKS.with_borrow_mut(|tasks| tasks.remove(&id));
    drop(removed);
}

impl Tasks for Turns {
    fn start(&self, _name: String, make: MakeTask) -> io::Result<Box<dyn Running>> {
        let task = make();
        let id = NEXT.with_borrow_mut(|next| {
            *next += 1;
            *next
        });
        TASKS.with_borrow_mut(|tasks| tasks.insert(id, Some(task)));
        let mut state = self.lock();
        state.tasks.push(id);
        Ok(Box::new(Started {
            id,
            disk: self.disk.clone(),
        }))
    }

    fn wait(&self) -> Waiting {
        let mut state = self.lock();
        state.waited += 1;
        assert!(
            state.waited < STEPS_MAX,
            "no answer in {STEPS_MAX} steps: it hangs"
        );
        if state.waited.is_multiple_of(BUSY_STEPS) {
            self.disk.pass_ms(1);
        }
        if state.waited.is_multiple_of(PATIENCE_STEPS) {
            self.disk.make_room();
        }
        drop(state);
        if self.disk.is_down() {
            return Waiting::GiveUp;
        }
        self.step();
        Waiting::LookAgain
    }
}

#[derive(Debug)]
struct Started {
    id: u64,
    disk: Disk,
}

impl Running for Started {
    fn wake(&self) {}

    fn join(self: Box<Self>) {
        while !self.disk.is_down() && bring_on(self.id) != Progress::Done {}
        remove(self.id);
    }
}
