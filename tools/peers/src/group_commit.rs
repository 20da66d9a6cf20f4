//! Group commit for a system that has none between its callers: a worker takes what has arrived,
//! draws for all of it in one commit, and answers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    failure::Failure,
    peer::{Answer, Peer, Stream},
};

/// The most requests without an answer.
pub(crate) const SLOTS: usize = 1 << 16;

/// What the caller and its worker have in common.
#[derive(Debug, Default)]
struct Desk {
    submitted: AtomicU64,
    is_over: AtomicBool,
    failure: Mutex<Option<Failure>>,
}

/// The caller's end. The worker ends with it.
pub(crate) struct GroupCommit {
    desk: Arc<Desk>,
    answers: Consumer<Answer>,
    open: usize,
    worker: Option<JoinHandle<()>>,
}

impl GroupCommit {
    /// Starts a worker that commits at most so many draws at once.
    pub(crate) fn start(peer: Box<dyn Peer>, batch_max: usize) -> Result<Self, Failure> {
        let (producer, answers) = RingBuffer::new(SLOTS);
        let desk = Arc::new(Desk::default());
        let its_desk = Arc::clone(&desk);
        let work = move || {
            if let Err(failure) = work(peer, &its_desk, producer, batch_max) {
                *its_desk.failure.lock().expect("nobody panics with it") = Some(failure);
            }
            its_desk.is_over.store(true, Ordering::Release);
        };
        let worker = thread::Builder::new().name("worker".into()).spawn(work)?;
        Ok(Self {
            desk,
            answers,
            open: 0,
            worker: Some(worker),
        })
    }
}

fn work(
    mut peer: Box<dyn Peer>,
    desk: &Desk,
    mut answers: Producer<Answer>,
    batch_max: usize,
) -> Result<(), Failure> {
    let mut taken = 0;
    let mut batch = Vec::with_capacity(batch_max);
    while !desk.is_over.load(Ordering::Acquire) {
        let waiting = desk.submitted.load(Ordering::Acquire) - taken;
        let count = batch_max.min(waiting as usize);
        if count == 0 {
            // As Tombola's shards do by default: nobody has to be woken, and who needs the core
            // gets it.
            thread::yield_now();
            continue;
        }
        taken += count as u64;
        batch.clear();
        peer.draw_batch(count, &mut batch)?;
        let chunk = answers.write_chunk_uninit(count);
        chunk
            .expect("no more are open than there are slots")
            .fill_from_iter(batch.drain(..));
    }
    Ok(())
}

impl Stream for GroupCommit {
    fn submit(&mut self, count: usize) -> Result<usize, Failure> {
        let count = count.min(SLOTS - self.open);
        self.open += count;
        self.desk
            .submitted
            .fetch_add(count as u64, Ordering::Release);
        Ok(count)
    }

    fn poll(&mut self, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let there = self.answers.slots();
        if there == 0 {
            if self.desk.is_over.load(Ordering::Acquire) {
                let failure = self.desk.failure.lock().expect("nobody panics with it");
                let gone = || Failure::Failed("its worker is gone".into());
                return Err({ failure }.take().unwrap_or_else(gone));
            }
            return Ok(());
        }
        let chunk = self.answers.read_chunk(there).expect("so many are there");
        out.extend(chunk);
        self.open -= there;
        Ok(())
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.desk.is_over.store(true, Ordering::Release);
        if let Some(worker) = self.worker.take() {
            // A panic has been told on the standard error.
            let _ = worker.join();
        }
    }
}
