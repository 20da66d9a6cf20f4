//! Everything that is compared, in the order of the table: a file each.

mod fjall;
mod okaywal;
pub(crate) mod pipe;
mod postgres;
mod redb;
mod redis;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sqlite;
mod tombola;

use crate::{
    peer::{Manner, Open},
    shape::Shape,
};

/// A system as it is set up for the comparison.
pub(crate) struct Candidate {
    /// What `--only` calls it; what stands before the first `-` calls its family.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What has happened to a draw when it is answered.
    pub(crate) durable: &'static str,
    pub(crate) open: Open,
    /// How it is asked. Rates come from the command line.
    pub(crate) shapes: Vec<Shape>,
    /// The most draws in one commit where a worker collects them; `None` where nobody uses it so.
    pub(crate) collects_max: Option<usize>,
}

const FLUSHED: &str = "written and flushed to the device (fdatasync or fsync) before the answer";
const CLIENTS: usize = 50;

fn commits(batches: &[usize]) -> Vec<Shape> {
    let shape = |&batch| Shape::Commits {
        callers: 1,
        batch,
        manner: Manner::Together,
    };
    batches.iter().map(shape).collect()
}

fn server(batch: usize) -> Vec<Shape> {
    let mut shapes = commits(&[1]);
    shapes.push(Shape::Commits {
        callers: CLIENTS,
        batch: 1,
        manner: Manner::Together,
    });
    shapes.extend(commits(&[batch]));
    shapes
}

fn redis_shapes() -> Vec<Shape> {
    let mut shapes = server(1000);
    shapes.push(Shape::Commits {
        callers: 1,
        batch: 1000,
        manner: Manner::Pipelined,
    });
    shapes
}

fn tombola_shapes() -> Vec<Shape> {
    let mut shapes = commits(&[1, 1000, 16_384]);
    shapes.extend([Shape::Window(CLIENTS), Shape::SATURATED]);
    shapes
}

/// All of them.
pub(crate) fn all() -> Vec<Candidate> {
    let embedded = |name, title, open| Candidate {
        name,
        title,
        durable: FLUSHED,
        open,
        shapes: commits(&[1, 10_000]),
        collects_max: Some(10_000),
    };
    vec![
        Candidate {
            name: "tombola",
            title: "Tombola, library",
            durable: "written past the page cache and flushed to the device before the answer",
            open: tombola::open,
            shapes: tombola_shapes(),
            collects_max: Some(usize::MAX),
        },
        Candidate {
            name: "tombola-pipe",
            title: "Tombola, pipe",
            durable: "as through the library",
            open: pipe::open,
            shapes: [
                commits(&[1]),
                vec![Shape::Window(CLIENTS), Shape::SATURATED],
            ]
            .concat(),
            collects_max: Some(usize::MAX),
        },
        Candidate {
            shapes: commits(&[1, 1000, 16_384]),
            collects_max: Some(16_384),
            ..embedded("okaywal", "OkayWAL and a selector", okaywal::open)
        },
        #[cfg(feature = "rocksdb")]
        embedded("rocksdb-rows", "RocksDB, a row a draw", rocksdb::rows),
        #[cfg(feature = "rocksdb")]
        embedded("rocksdb-counts", "RocksDB, counts", rocksdb::counts),
        embedded("fjall-rows", "fjall, a row a draw", fjall::rows),
        embedded("fjall-counts", "fjall, counts", fjall::counts),
        embedded("redb-rows", "redb, a row a draw", redb::rows),
        embedded("redb-counts", "redb, counts", redb::counts),
        embedded("sqlite-rows", "SQLite, a row a draw", sqlite::rows),
        embedded("sqlite-counts", "SQLite, counts", sqlite::counts),
        Candidate {
            name: "redis-always",
            title: "Redis, fsync always",
            durable: "appended to the file and flushed before the answer",
            open: redis::always,
            shapes: redis_shapes(),
            collects_max: Some(1000),
        },
        Candidate {
            name: "redis-everysec",
            title: "Redis, fsync everysec",
            durable: "in the page cache; flushed within one or two seconds: a power cut loses those",
            open: redis::everysec,
            shapes: redis_shapes(),
            collects_max: Some(1000),
        },
        Candidate {
            name: "postgres-on",
            title: "PostgreSQL, commit on",
            durable: FLUSHED,
            open: postgres::on,
            shapes: server(1000),
            collects_max: Some(1000),
        },
        Candidate {
            name: "postgres-off",
            title: "PostgreSQL, commit off",
            durable: "in the server's memory; flushed within 0.6 s: even a crash of the server loses those",
            open: postgres::off,
            shapes: server(1000),
            collects_max: None,
        },
    ]
}
