//! How an engine is opened that will be killed, on both sides of the kill.

use std::path::PathBuf;

use tombola::Engine;

use crate::common::{DURABILITIES, FORMATS, STORAGES, builder};

/// The kinds are places in the lists of all of them, which are easily given to another process.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) format: usize,
    pub(crate) storage: usize,
    pub(crate) durability: usize,
    /// Whether snapshots are made meanwhile, so that the log does not hold everything.
    pub(crate) snapshots: bool,
    pub(crate) data: PathBuf,
    /// Where the process writes down what it was told.
    pub(crate) told: PathBuf,
}

impl Setting {
    pub(crate) fn open(&self) -> Engine {
        builder(&self.data)
            .format(FORMATS[self.format])
            .storage(STORAGES[self.storage])
            .durability(DURABILITIES[self.durability])
            .open()
            .unwrap()
    }

    /// For another process, with the number of its life.
    pub(crate) fn write(&self, life: u64) -> String {
        let Self {
            format,
            storage,
            durability,
            snapshots,
            data,
            told,
        } = self;
        let (data, told) = (data.display(), told.display());
        format!("{life} {format} {storage} {durability} {snapshots} {data} {told}")
    }

    pub(crate) fn read(text: &str) -> (Self, u64) {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse().unwrap();
        let setting = Self {
            format: number(1),
            storage: number(2),
            durability: number(3),
            snapshots: words[4] == "true",
            data: words[5].into(),
            told: words[6].into(),
        };
        (setting, words[0].parse().unwrap())
    }
}
