//! Lives without any fault, for tests of the checks themselves.

use tombola::{
    Durability,
    LogFormat::{Bincode, Jsonl, Line},
};

use crate::{
    book::Book,
    dice::Dice,
    disk::{Disk, Faults},
    history::History,
    life,
    plan::{Life, Plan},
};

/// A quiet life in each format: its disk, and what its clients know.
pub(crate) fn lives() -> impl Iterator<Item = (Disk, Book)> {
    [Bincode, Jsonl, Line].into_iter().map(|format| {
        let mut plan = Plan::new(3);
        plan.engine.durability = Durability::Device;
        let life = Life {
            format,
            faults: Faults::default(),
            actions: 250,
            crash_in: None,
            crash: None,
        };
        let (disk, mut book, mut history) = (Disk::new(3), Book::default(), History::default());
        life::live(&disk, &plan, &life, &mut book, &mut history, Dice::new(3)).unwrap();
        assert!(!book.acknowledged.is_empty());
        (disk, book)
    })
}
