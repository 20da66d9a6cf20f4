//! fjall: a log-structured merge tree whose journal is flushed with every batch (`SyncAll`).

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Commit, Keeps, Kept, Store, number},
    peer::System,
    pool::Pool,
};

struct Fjall {
    database: Database,
    units: Keyspace,
    drawn: Keyspace,
    distinct: Distinct,
    keeps: Keeps,
}

pub(super) fn counts(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, Keeps::Counts)
}

pub(super) fn rows(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, Keeps::Rows)
}

fn open(directory: &Path, pool: &Pool, keeps: Keeps) -> Result<Box<dyn System>, Failure> {
    let database = Database::builder(directory.join("pool.fjall")).open()?;
    let units = database.keyspace("units", KeyspaceCreateOptions::default)?;
    let drawn = database.keyspace("drawn", KeyspaceCreateOptions::default)?;
    if units.is_empty()? {
        let mut making = database.batch().durability(Some(PersistMode::SyncAll));
        for (place, left) in (0u32..).zip(&pool.stock) {
            making.insert(&units, place.to_be_bytes(), left.to_le_bytes());
        }
        making.commit()?;
    }
    let left = units
        .iter()
        .map(|entry| number(&entry.value()?))
        .collect::<Result<Vec<_>, Failure>>()?;
    let next = match drawn.last_key_value() {
        Some(last) => u64::from_be_bytes(last.key()?.as_ref().try_into()?) + 1,
        None => 0,
    };
    let store = Fjall {
        database,
        units,
        drawn,
        distinct: Distinct::new(left.len()),
        keeps,
    };
    Kept::boxed(store, pool, left, next)
}

impl Store for Fjall {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        let mut making = self.database.batch().durability(Some(PersistMode::SyncAll));
        for &place in self.distinct.of(commit.answers) {
            let units = commit.left[place as usize].to_le_bytes();
            making.insert(&self.units, place.to_be_bytes(), units);
        }
        if self.keeps == Keeps::Rows {
            for (number, place) in commit.rows() {
                making.insert(&self.drawn, number.to_be_bytes(), place.to_le_bytes());
            }
        }
        Ok(making.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
