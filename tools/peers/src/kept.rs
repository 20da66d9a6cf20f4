//! A system made of a drum in memory and a store that keeps what it did: how an embedded store is
//! used for this job.

use std::sync::{Arc, Mutex};

use crate::{
    drum::Drum,
    failure::Failure,
    peer::{Answer, Manner, Peer, System},
    pool::Pool,
};

/// What a store keeps of each draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// How many units are left of each item: one number for all draws of an item in a commit.
    Counts,
    /// That, and a row a draw: which one got what, as in Tombola's log.
    Rows,
}

/// What is to be kept together or not at all.
pub(crate) struct Commit<'a> {
    /// The number of the first draw.
    first: u64,
    pub(crate) answers: &'a [Answer],
    /// What is left of each item afterwards.
    pub(crate) left: &'a [u64],
}

impl Commit<'_> {
    /// The draws with their numbers.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u64, u32)> {
        (self.first..).zip(self.answers.iter().copied().flatten())
    }
}

/// Keeps draws durably.
pub(crate) trait Store: Send + 'static {
    /// Makes one commit.
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure>;

    /// Ends it in order.
    fn close(self) -> Result<(), Failure>;
}

struct Both<S> {
    drum: Drum,
    /// The number of the next draw.
    next: u64,
    store: S,
}

/// A store and its drum. Callers take turns.
pub(crate) struct Kept<S>(Arc<Mutex<Both<S>>>);

impl<S: Store> Kept<S> {
    /// Of a store that has been opened, and told what is left and the number of the next draw.
    pub(crate) fn boxed(
        store: S,
        pool: &Pool,
        left: Vec<u64>,
        next: u64,
    ) -> Result<Box<dyn System>, Failure> {
        let drum = Drum::new(&pool.weights, left)?;
        Ok(Box::new(Self(Arc::new(Mutex::new(Both {
            drum,
            next,
            store,
        })))))
    }
}

impl<S: Store> System for Kept<S> {
    fn connect(&self, _: Manner) -> Result<Box<dyn Peer>, Failure> {
        Ok(Box::new(Caller(Arc::clone(&self.0))))
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let Some(both) = Arc::into_inner(self.0) else {
            return Err(Failure::Failed("somebody still draws".into()));
        };
        both.into_inner()?.store.close()
    }
}

struct Caller<S>(Arc<Mutex<Both<S>>>);

impl<S: Store> Peer for Caller<S> {
    fn draw_batch(&mut self, count: usize, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let Both { drum, next, store } = &mut *self.0.lock()?;
        let first = out.len();
        out.extend((0..count).map(|_| drum.draw()));
        let answers = &out[first..];
        let won = answers.iter().flatten().count();
        // After the last unit there is nothing to keep.
        if won > 0 {
            store.commit(&Commit {
                first: *next,
                answers,
                left: drum.left(),
            })?;
            *next += won as u64;
        }
        Ok(())
    }
}

/// A number of units as the key-value stores keep it.
pub(crate) fn number(bytes: &[u8]) -> Result<u64, Failure> {
    Ok(u64::from_le_bytes(bytes.try_into()?))
}
