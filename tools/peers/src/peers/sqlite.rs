//! `SQLite`: a row an item, in a write-ahead log that every commit flushes.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Commit, Keeps, Kept, Store},
    peer::System,
    pool::Pool,
};

struct Sqlite {
    connection: Connection,
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
    let mut connection = Connection::open(directory.join("pool.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let making = connection.transaction()?;
    making.execute_batch(
        "CREATE TABLE IF NOT EXISTS item (place INTEGER PRIMARY KEY, units INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS drawn (number INTEGER PRIMARY KEY, place INTEGER NOT NULL)",
    )?;
    for (place, units) in pool.stock.iter().enumerate() {
        making.execute(
            "INSERT INTO item VALUES (?, ?) ON CONFLICT DO NOTHING",
            params![place, units],
        )?;
    }
    making.commit()?;
    let left = connection
        .prepare("SELECT units FROM item ORDER BY place")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<u64>, _>>()?;
    let number = "SELECT ifnull(max(number) + 1, 0) FROM drawn";
    let next = connection.query_row(number, [], |row| row.get(0))?;
    let store = Sqlite {
        connection,
        distinct: Distinct::new(left.len()),
        keeps,
    };
    Kept::boxed(store, pool, left, next)
}

impl Store for Sqlite {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        let making = self.connection.transaction()?;
        {
            let mut update = making.prepare_cached("UPDATE item SET units = ? WHERE place = ?")?;
            for &place in self.distinct.of(commit.answers) {
                update.execute(params![commit.left[place as usize], place])?;
            }
        }
        if self.keeps == Keeps::Rows {
            let mut insert = making.prepare_cached("INSERT INTO drawn VALUES (?, ?)")?;
            for (number, place) in commit.rows() {
                insert.execute(params![number, place])?;
            }
        }
        Ok(making.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}
