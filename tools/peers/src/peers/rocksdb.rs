//! `RocksDB`: a log-structured merge tree whose log is flushed with every batch (`sync`).

use std::path::Path;

use rocksdb::{ColumnFamily, DB, IteratorMode, Options, WriteBatch, WriteOptions};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Commit, Keeps, Kept, Store, number},
    peer::System,
    pool::Pool,
};

/// The rows' column family.
const DRAWN: &str = "drawn";

struct Rocks {
    database: DB,
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
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    let path = directory.join("pool.rocksdb");
    let database = DB::open_cf(&options, path, ["default", DRAWN])?;
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
    let last = database
        .iterator_cf(drawn(&database), IteratorMode::End)
        .next();
    let next = match last {
        Some(row) => u64::from_be_bytes(row?.0.as_ref().try_into()?) + 1,
        None => 0,
    };
    let store = Rocks {
        database,
        distinct: Distinct::new(left.len()),
        keeps,
    };
    Kept::boxed(store, pool, left, next)
}

/// Where the rows are; the counts are in the default column family.
fn drawn(database: &DB) -> &ColumnFamily {
    database.cf_handle(DRAWN).expect("it is made at opening")
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

impl Store for Rocks {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        let mut making = WriteBatch::default();
        for &place in self.distinct.of(commit.answers) {
            making.put(
                place.to_be_bytes(),
                commit.left[place as usize].to_le_bytes(),
            );
        }
        if self.keeps == Keeps::Rows {
            let drawn = drawn(&self.database);
            for (number, place) in commit.rows() {
                making.put_cf(drawn, number.to_be_bytes(), place.to_le_bytes());
            }
        }
        Ok(self.database.write_opt(making, &synced())?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.flush_wal(true)?)
    }
}
