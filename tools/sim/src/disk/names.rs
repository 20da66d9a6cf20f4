//! The names on a disk, as they are and as a power cut would leave them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::dice::Dice;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Directory,
    File(u64),
}

/// A change that its directory has not been flushed since.
#[derive(Debug, Clone)]
struct Change {
    path: PathBuf,
    entry: Option<Entry>,
    /// What goes with it when it happens: the other half of a rename.
    also: Option<Box<Also>>,
}

#[derive(Debug, Clone)]
struct Also {
    path: PathBuf,
    entry: Option<Entry>,
}

#[derive(Debug, Default)]
pub(crate) struct Names {
    now: BTreeMap<PathBuf, Entry>,
    durable: BTreeMap<PathBuf, Entry>,
    /// By directory, in order.
    changes: BTreeMap<PathBuf, Vec<Change>>,
}

impl Names {
    pub(crate) fn file(&self, path: &Path) -> Option<u64> {
        match self.now.get(path) {
            Some(Entry::File(node)) => Some(*node),
            _ => None,
        }
    }

    /// A directory that nobody has to make: the top of everything.
    pub(crate) fn is_directory(&self, path: &Path) -> bool {
        path.parent().is_none() || self.now.get(path) == Some(&Entry::Directory)
    }

    pub(crate) fn in_directory(&self, directory: &Path) -> Vec<PathBuf> {
        let names = self.now.keys();
        names
            .filter(|path| path.parent() == Some(directory))
            .cloned()
            .collect()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (PathBuf, u64)> + '_ {
        self.now.iter().filter_map(|(path, entry)| match entry {
            Entry::File(node) => Some((path.clone(), *node)),
            Entry::Directory => None,
        })
    }

    /// Every file that has a name, or would have one after a power cut.
    pub(crate) fn nodes(&self) -> BTreeSet<u64> {
        let entries = self.now.values().chain(self.durable.values());
        // What was made and removed again may be there once more.
        let changes = self.changes.values().flatten();
        let entries = entries.chain(changes.filter_map(|change| change.entry.as_ref()));
        entries
            .filter_map(|entry| match entry {
                Entry::File(node) => Some(*node),
                Entry::Directory => None,
            })
            .collect()
    }

    pub(crate) fn make_directory(&mut self, path: &Path) {
        self.change(path, Some(Entry::Directory), None);
    }

    pub(crate) fn make_file(&mut self, path: &Path, node: u64) {
        self.change(path, Some(Entry::File(node)), None);
    }

    pub(crate) fn remove(&mut self, path: &Path) {
        self.change(path, None, None);
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) {
        let Some(entry) = self.now.get(from).copied() else {
            return;
        };
        let also = |path: &Path, entry| {
            let path = path.to_path_buf();
            Some(Box::new(Also { path, entry }))
        };
        if from.parent() == to.parent() {
            self.now.remove(from);
            self.change(to, Some(entry), also(from, None));
        } else {
            // Into another directory: it is never nowhere.
            self.change(to, Some(entry), None);
            self.change(from, None, also(to, Some(entry)));
        }
    }

    fn change(&mut self, path: &Path, entry: Option<Entry>, also: Option<Box<Also>>) {
        match entry {
            Some(entry) => self.now.insert(path.to_path_buf(), entry),
            None => self.now.remove(path),
        };
        let directory = path.parent().unwrap_or(path).to_path_buf();
        self.changes.entry(directory).or_default().push(Change {
            path: path.to_path_buf(),
            entry,
            also,
        });
    }

    pub(crate) fn sync(&mut self, directory: &Path) {
        for change in self.changes.remove(directory).into_iter().flatten() {
            self.settle(&change);
        }
    }

    fn settle(&mut self, change: &Change) {
        let also = change.also.as_deref().map(|also| (&also.path, also.entry));
        for (path, entry) in also.into_iter().chain([(&change.path, change.entry)]) {
            match entry {
                Some(entry) => self.durable.insert(path.clone(), entry),
                None => self.durable.remove(path),
            };
        }
    }

    /// Of each directory's changes the first few are there, and the others are not; returns how many
    /// are not.
    pub(crate) fn crash(&mut self, dice: &mut Dice) -> u64 {
        let mut undone = 0;
        for changes in std::mem::take(&mut self.changes).into_values() {
            let kept = dice.index(changes.len() + 1);
            undone += (changes.len() - kept) as u64;
            for change in &changes[..kept] {
                self.settle(change);
            }
        }
        // What is in a directory that is not there is gone with it.
        let durable = std::mem::take(&mut self.durable);
        let is_there = |path: &Path| {
            let mut above = path.ancestors().skip(1);
            above
                .all(|part| part.parent().is_none() || durable.get(part) == Some(&Entry::Directory))
        };
        let there = durable.iter().filter(|(path, _)| is_there(path));
        self.durable = there.map(|(path, entry)| (path.clone(), *entry)).collect();
        self.now = self.durable.clone();
        undone
    }
}
