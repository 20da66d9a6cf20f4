//! A simulated disk: what the engine sees of its files, what would be there after a power cut, and
//! the faults in between.
//!
//! A file has two contents: what reads return, and what is durable. A flush makes them one. At a power
//! cut each piece of what was not flushed is there or not, as the dice fall; names that were made,
//! changed or removed are there up to some point in the order in which that happened in their
//! directory. Blocks that are on their way to the device are written in part, in whole or not at all.

mod counts;
mod faults;
mod names;
mod node;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use counts::Counts;
pub use faults::{Faults, Rates};
use names::Names;
use node::Node;

use crate::dice::Dice;

/// What files hold.
pub type Image = BTreeMap<PathBuf, Vec<u8>>;

/// How a machine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: what reached the page cache stays.
    Kill,
    /// The power is cut.
    PowerCut,
}

/// A disk that outlives the engines on it. Cheap to clone: clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct State {
    nodes: BTreeMap<u64, Node>,
    next_node: u64,
    names: Names,
    locks: Vec<PathBuf>,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
    /// Steps until the machine goes down; `None` for never.
    crash_in: Option<u64>,
    is_down: bool,
    /// The time, in milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Everything that happened, as one number: two runs are the same if theirs are.
    trace: u64,
}

impl Disk {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes: BTreeMap::new(),
            next_node: 0,
            names: Names::default(),
            locks: Vec::new(),
            dice: Dice::new(seed),
            faults: Faults::default(),
            counts: Counts::default(),
            crash_in: None,
            is_down: false,
            now_ms: 1_700_000_000_000,
            trace: 0,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these faults may happen.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The machine goes down after so many more steps, if it is not told otherwise.
    pub fn crash_in(&self, steps: Option<u64>) {
        self.state().crash_in = steps;
    }

    /// Whether the machine is down.
    pub fn is_down(&self) -> bool {
        self.state().is_down
    }

    /// Nothing of what runs on the machine does anything more.
    pub fn take_down(&self) {
        self.state().is_down = true;
    }

    /// A full disk has room again.
    pub fn make_room(&self) {
        let mut state = self.state();
        if state.faults.capacity_bytes.take().is_some() {
            state.counts.room_made += 1;
        }
    }

    /// Random bits.
    pub fn random(&self) -> u64 {
        self.state().dice.any()
    }

    /// One step of the machine passes.
    pub fn step(&self) {
        let _ = self.state().tick(0);
    }

    /// Time passes.
    pub fn pass_ms(&self, time_ms: u64) {
        self.state().now_ms += time_ms;
    }

    /// The time of day.
    pub fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    /// Everything that happened, as one number.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// The machine goes down now, and up again: what is there then is what such a crash leaves. A
    /// process that had come to its end by itself is not counted as killed.
    pub fn crash(&self, how: Crash) {
        let mut state = self.state();
        match how {
            Crash::Kill => state.counts.kills += u64::from(state.is_down),
            Crash::PowerCut => state.counts.power_cuts += 1,
        }
        drop(state);
        self.come_up(how);
    }

    /// What is there after a crash.
    pub(crate) fn come_up(&self, how: Crash) {
        let mut state = self.state();
        let State {
            nodes,
            names,
            dice,
            counts,
            ..
        } = &mut *state;
        if how == Crash::PowerCut {
            counts.names_undone += names.crash(dice);
        }
        // How much of what was not flushed gets through differs from crash to crash.
        let luck = dice.choose(&[0, 100, 500, 900, 1000]);
        for node in nodes.values_mut() {
            let landed = node.land(dice, luck, how == Crash::PowerCut);
            counts.torn += landed.torn;
            counts.garbled += landed.garbled;
            if how == Crash::PowerCut {
                counts.lost += node.crash(dice, luck);
            }
        }
        let kept = names.nodes();
        nodes.retain(|node, _| kept.contains(node));
        state.locks.clear();
        state.is_down = false;
        state.crash_in = None;
    }

    /// Whether there is a file at a path.
    pub fn has_file(&self, path: &Path) -> bool {
        self.state().names.file(path).is_some()
    }

    /// All files with what they hold, but the locks.
    pub fn image(&self) -> Image {
        let state = self.state();
        let files = state.names.files();
        files
            .filter(|(path, _)| !path.ends_with("lock"))
            .map(|(path, node)| (path, state.nodes[&node].content().to_vec()))
            .collect()
    }

    /// Damages something durable in one of the files whose names `is_meant` accepts; returns what
    /// and where.
    pub fn rot(&self, is_meant: impl Fn(&Path) -> bool) -> Option<(PathBuf, u64)> {
        let mut state = self.state();
        let State {
            nodes,
            names,
            dice,
            counts,
            ..
        } = &mut *state;
        let files: Vec<(PathBuf, u64)> = names
            .files()
            .filter(|(path, node)| is_meant(path) && nodes[node].length() > 0)
            .collect();
        if files.is_empty() {
            return None;
        }
        let (path, node) = files[dice.index(files.len())].clone();
        let offset = nodes.get_mut(&node)?.rot(dice);
        counts.rotten += 1;
        Some((path, offset))
    }
}

impl State {
    /// One step passes; what is done in it goes into the trace.
    pub(crate) fn tick(&mut self, what: u64) -> io::Result<()> {
        if self.is_down {
            return Err(down());
        }
        self.counts.steps += 1;
        self.trace = (self.trace ^ what)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(23);
        if let Some(left) = &mut self.crash_in {
            if *left == 0 {
                self.is_down = true;
                return Err(down());
            }
            *left -= 1;
        }
        Ok(())
    }

    pub(crate) fn new_node(&mut self) -> u64 {
        self.next_node += 1;
        self.nodes.insert(self.next_node, Node::default());
        self.next_node
    }

    pub(crate) fn node(&mut self, node: u64) -> io::Result<&mut Node> {
        self.nodes
            .get_mut(&node)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Makes room for more bytes, or says that the disk is full.
    pub(crate) fn take_room(&mut self, more: u64) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity_bytes else {
            return Ok(());
        };
        let files = self.names.files();
        let used: u64 = files.map(|(_, node)| self.nodes[&node].length()).sum();
        if used + more > capacity {
            self.counts.full += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(crate) fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    pub(crate) fn locks(&mut self) -> &mut Vec<PathBuf> {
        &mut self.locks
    }
}

pub(crate) fn down() -> io::Error {
    io::Error::other("the machine is down")
}
