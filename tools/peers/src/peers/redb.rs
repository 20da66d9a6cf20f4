//! redb: a copy-on-write B-tree whose commits are flushed (`Durability::Immediate`, the default).

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Kept, Store},
    peer::{Answer, System},
    pool::Pool,
};

/// The units left, by place.
const UNITS: TableDefinition<'_, u32, u64> = TableDefinition::new("units");

struct Redb {
    database: Database,
    distinct: Distinct,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
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
    making.commit()?;
    let mut left = Vec::new();
    for entry in database.begin_read()?.open_table(UNITS)?.iter()? {
        left.push(entry?.1.value());
    }
    let distinct = Distinct::new(left.len());
    Kept::boxed(Redb { database, distinct }, pool, left)
}

impl Store for Redb {
    fn commit(&mut self, answers: &[Answer], left: &[u64]) -> Result<(), Failure> {
        let commit = self.database.begin_write()?;
        {
            let mut table = commit.open_table(UNITS)?;
            for &place in self.distinct.of(answers) {
                table.insert(place, left[place as usize])?;
            }
        }
        Ok(commit.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        Ok(self.database.close()?)
    }
}
