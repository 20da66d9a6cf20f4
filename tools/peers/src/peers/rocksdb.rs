//! `RocksDB`: a log-structured merge tree whose log is flushed with every batch (`sync`).

use std::path::Path;

use rocksdb::{DB, IteratorMode, WriteBatch, WriteOptions};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Kept, Store, number},
    peer::{Answer, System},
    pool::Pool,
};

struct Rocks {
    database: DB,
    distinct: Distinct,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let database = DB::open_default(directory.join("pool.rocksdb"))?;
    if database.iterator(IteratorMode::Start).next().is_none() {
        let mut making = WriteBatch::default();
        for (place, units) in (0u32..).zip(&pool.stock) {
            making.put(place.to_be_bytes(), units.to_le_bytes());
        }
        database.write_opt(making, &synced())?;
    }
    let left = database
        .iterator(IteratorMode::Start)
        .map(|entry| number(&entry?.1))
        .collect::<Result<Vec<_>, Failure>>()?;
    let distinct = Distinct::new(left.len());
    Kept::boxed(Rocks { database, distinct }, pool, left)
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

impl Store for Rocks {
    fn commit(&mut self, answers: &[Answer], left: &[u64]) -> Result<(), Failure> {
        let mut commit = WriteBatch::default();
        for &place in self.distinct.of(answers) {
            commit.put(place.to_be_bytes(), left[place as usize].to_le_bytes());
        }
        Ok(self.database.write_opt(commit, &synced())?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.flush_wal(true)?)
    }
}
