//! SQLite: a row an item, in a write-ahead log that every commit flushes.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::{
    drum::Distinct,
    failure::Failure,
    kept::{Kept, Store},
    peer::{Answer, System},
    pool::Pool,
};

struct Sqlite {
    connection: Connection,
    distinct: Distinct,
}

pub(super) fn open(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    let mut connection = Connection::open(directory.join("pool.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let making = connection.transaction()?;
    making.execute(
        "CREATE TABLE IF NOT EXISTS item (place INTEGER PRIMARY KEY, units INTEGER NOT NULL)",
        [],
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
    let distinct = Distinct::new(left.len());
    Kept::boxed(
        Sqlite {
            connection,
            distinct,
        },
        pool,
        left,
    )
}

impl Store for Sqlite {
    fn commit(&mut self, answers: &[Answer], left: &[u64]) -> Result<(), Failure> {
        let commit = self.connection.transaction()?;
        {
            let mut update = commit.prepare_cached("UPDATE item SET units = ? WHERE place = ?")?;
            for &place in self.distinct.of(answers) {
                update.execute(params![left[place as usize], place])?;
            }
        }
        Ok(commit.commit()?)
    }

    fn close(self) -> Result<(), Failure> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}
