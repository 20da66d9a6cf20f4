//! redb: a copy-on-write B-tree whose commits are flushed (`Durability::Immediate`, the default).

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Commit, Keeps, Kept, Store},
    peer::System,
    pool::Pool,
};

/// The units left, by place.
const UNITS: TableDefinition<'_, u32, u64> = TableDefinition::new("units");
/// What was drawn, by number.
const DRAWN: TableDefinition<'_, u64, u32> = TableDefinition::new("drawn");

struct Redb {
    database: Database,
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
    let database = Database::create(directory.join("pool.redb"))?;
    let making = database.begin_write()?;
    {
        let mut table = making.open_table(UNITS)?;
        if table.first()?.is_none() {
            for (place, &units) in (0..).zip(&pool.stock) {
                table.insert(place, units)?;
            }
        }
    }
    let last = making.open_table(DRAWN)?.last()?.map(|row| row.0.value());
    making.commit()?;
    let mut left = Vec::new();
    for entry in database.begin_read()?.open_table(UNITS)?.iter()? {
        left.push(entry?.1.value());
    }
    let store = Redb {
        database,
        distinct: Distinct::new(left.len()),
        keeps,
    };
    Kept::boxed(store, pool, left, last.map_or(0, |last| last + 1))
}

impl Store for Redb {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        let making = self.database.begin_write()?;
        {
            let mut table = making.open_table(UNITS)?;
            for &place in self.distinct.of(commit.answers) {
                table.insert(place, commit.left[place as usize])?;
            }
        }
        if self.keeps == Keeps::Rows {
            let mut table = making.open_table(DRAWN)?;
            for (number, place) in commit.rows() {
                table.insert(number, place)?;
            }
        }
        Ok(making.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.close()?)
    }
}
