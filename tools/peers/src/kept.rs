//! A system made of a drum in memory and a store that keeps what it did: how an embedded store is
//! used for this job.

use std::sync::{Arc, Mutex};

use crate::{
    drum::Drum,
    failure::Failure,
    peer::{Answer, Manner, Peer, System},
    pool::Pool,
};

/// Keeps draws durably.
pub(crate) trait Store: Send + 'static {
    /// Makes one commit of these draws. `left` is what is left of each item after them.
    fn commit(&mut self, answers: &[Answer], left: &[u64]) -> Result<(), Failure>;

    /// Ends it in order.
    fn close(self) -> Result<(), Failure>;
}

struct Both<S> {
    drum: Drum,
    store: S,
}

/// A store and its drum. Callers take turns.
pub(crate) struct Kept<S>(Arc<Mutex<Both<S>>>);

impl<S: Store> Kept<S> {
    /// Of a store that has been opened and told what is left.
    pub(crate) fn boxed(store: S, pool: &Pool, left: Vec<u64>) -> Result<Box<dyn System>, Failure> {
        let drum = Drum::new(&pool.weights, left)?;
        Ok(Box::new(Self(Arc::new(Mutex::new(Both { drum, store })))))
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
        let Both { drum, store } = &mut *self.0.lock()?;
        let first = out.len();
        out.extend((0..count).map(|_| drum.draw()));
        let answers = &out[first..];
        // After the last unit there is nothing to keep.
        if answers.iter().any(Option::is_some) {
            store.commit(answers, drum.left())?;
        }
        Ok(())
    }
}

/// A number of units as the key-value stores keep it.
pub(crate) fn number(bytes: &[u8]) -> Result<u64, Failure> {
    Ok(u64::from_le_bytes(bytes.try_into()?))
}
