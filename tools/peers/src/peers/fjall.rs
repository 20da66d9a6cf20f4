//! fjall: a log-structured merge tree whose journal is flushed with every batch (`SyncAll`).

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Kept, Store, number},
    peer::{Answer, System},
    pool::Pool,
};

struct Fjall {
    database: Database,
    units: Keyspace,
    distinct: Distinct,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let database = Database::builder(directory.join("pool.fjall")).open()?;
    let units = database.keyspace("units", KeyspaceCreateOptions::default)?;
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
    let distinct = Distinct::new(left.len());
    let store = Fjall {
        database,
        units,
        distinct,
    };
    Kept::boxed(store, pool, left)
}

impl Store for Fjall {
    fn commit(&mut self, answers: &[Answer], left: &[u64]) -> Result<(), Failure> {
        let mut commit = self.database.batch().durability(Some(PersistMode::SyncAll));
        for &place in self.distinct.of(answers) {
            let units = left[place as usize].to_le_bytes();
            commit.insert(&self.units, place.to_be_bytes(), units);
        }
        Ok(commit.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
