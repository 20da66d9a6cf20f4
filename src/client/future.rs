//! Draws as futures, for any runtime.
//!
//! One thread of its own takes the requests of all tasks to the engine's rings, and wakes the
//! tasks when the answers are there. So a waker never runs on a shard's thread.

#[cfg(all(test, loom))]
mod models;

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
};

use crate::{
    client::Client,
    config::Idle,
    error::{Error, Stopped, SubmitError},
    request::{Completion, PoolId, Request},
    ring::Sleeper,
    sync::{
        Arc, ArrayQueue, AtomicBool, AtomicU8, AtomicWaker,
        thread::{self, JoinHandle},
    },
};

/// Why an asynchronous draw has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AsyncDrawError {
    /// As many draws as the client was made for are under way; nothing was drawn.
    #[error("{capacity} draws are under way already, which is the most; await some of them")]
    Full {
        /// How many there may be.
        capacity: usize,
    },
    /// The engine has no such pool; nothing was drawn.
    #[error("the engine has no such pool; use a PoolId that it gave")]
    UnknownPool,
    /// The request has a mistake; nothing was drawn.
    #[error("the request was not taken: {0}")]
    Mistake(&'static str),
    /// The shard stopped, or the engine or this client was closed; the draw may or may not have
    /// been made.
    #[error("there is no answer, the draw may or may not have been made: {0}")]
    Stopped(Stopped),
}

/// A handle whose draws are futures. Clones share it; it is `Send` and `Sync`.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = pin!(future);
/// #     loop {
/// #         if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) { return out; }
/// #         std::thread::yield_now();
/// #     }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tombola::{AsyncClient, Engine, Outcome, PoolDefinition};
///
/// let engine = Engine::in_memory().open()?;
/// let pool = engine.register(PoolDefinition::new("banner").unlimited("dust", 1))?;
/// let client = AsyncClient::new(engine.client()?, 1024)?;
/// let completion = block_on(client.draw(pool.id()))?;
/// assert_eq!(completion.outcome, Outcome::Item(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncClient {
    shared: Arc<Shared>,
    _driver: Arc<Driver>,
}

/// The thread between tasks and rings; ends when the last client is dropped.
struct Driver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    slots: Box<[Slot]>,
    free: ArrayQueue<u32>,
    submitted: ArrayQueue<(u32, Request)>,
    sleeper: Sleeper,
    closing: AtomicBool,
}

type Answer = Result<Completion, AsyncDrawError>;

/// One draw under way; `state` says who has it.
struct Slot {
    state: AtomicU8,
    waker: AtomicWaker,
    /// Room for the one answer.
    answer: ArrayQueue<Answer>,
}

/// The driver has the slot.
const PENDING: u8 = 0;
/// The answer is there; the future has the slot.
const ANSWERED: u8 = 1;
/// The future is gone; the driver has the slot and frees it.
const ABANDONED: u8 = 2;

impl AsyncClient {
    /// Makes an asynchronous client out of a client, with at most `capacity` (1 to 2^20) draws
    /// under way at once. It starts one thread, which sleeps while there are none.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn new(client: Client, capacity: usize) -> Result<Self, Error> {
        let capacity = capacity.clamp(1, 1 << 20);
        let free = ArrayQueue::new(capacity);
        for slot in 0..capacity as u32 {
            let _ = free.push(slot);
        }
        let shared = Arc::new(Shared {
            slots: (0..capacity).map(|_| Slot::new()).collect(),
            free,
            submitted: ArrayQueue::new(capacity),
            sleeper: Sleeper::new(Idle::Park),
            closing: AtomicBool::new(false),
        });
        let driven = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("tombola-async".into())
            .spawn(move || drive(&driven, client))
            .map_err(Error::io("start", "the thread of an asynchronous client"))?;
        let keeper = Driver {
            shared: Arc::clone(&shared),
            thread: Some(thread),
        };
        Ok(Self {
            shared,
            _driver: Arc::new(keeper),
        })
    }

    /// Draws once. The request is submitted now, whether the future is awaited or not; dropping
    /// the future does not take it back.
    pub fn draw(&self, request: impl Into<Request>) -> DrawFuture {
        let request = request.into();
        let slot = self.shared.free.pop();
        if let Some(slot) = slot {
            // Relaxed: the queue hands the slot over.
            self.shared.slots[slot as usize]
                .state
                .store(PENDING, Ordering::Relaxed);
            let _ = self.shared.submitted.push((slot, request));
            self.shared.sleeper.wake();
        }
        DrawFuture {
            shared: Arc::clone(&self.shared),
            pool: request.pool,
            slot,
        }
    }
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.shared.slots.len();
        f.debug_struct("AsyncClient")
            .field("capacity", &capacity)
            .finish_non_exhaustive()
    }
}

/// A draw under way, see [`AsyncClient::draw`]. It is not tied to any runtime.
#[must_use = "the answer comes by awaiting it"]
pub struct DrawFuture {
    shared: Arc<Shared>,
    pool: PoolId,
    slot: Option<u32>,
}

impl fmt::Debug for DrawFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawFuture")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

impl Future for DrawFuture {
    type Output = Result<Completion, AsyncDrawError>;

    /// # Panics
    /// If it is polled again after it was ready with an answer.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(index) = self.slot else {
            return Poll::Ready(Err(AsyncDrawError::Full {
                capacity: self.shared.slots.len(),
            }));
        };
        let slot = &self.shared.slots[index as usize];
        slot.waker.register(context.waker());
        // Acquire: with the state comes the completion.
        if slot.state.load(Ordering::Acquire) == PENDING {
            return Poll::Pending;
        }
        let answer = slot.answer.pop().expect("the driver has put it there");
        let _ = self.shared.free.push(index);
        self.slot = None;
        Poll::Ready(answer)
    }
}

impl Drop for DrawFuture {
    fn drop(&mut self) {
        let Some(index) = self.slot else { return };
        let state = &self.shared.slots[index as usize].state;
        // AcqRel: either the driver sees that nobody waits, or this sees that it is done.
        if state
            .compare_exchange(PENDING, ABANDONED, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            let _ = self.shared.free.push(index);
        }
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            state: AtomicU8::new(PENDING),
            waker: AtomicWaker::new(),
            answer: ArrayQueue::new(1),
        }
    }
}

impl Shared {
    /// The driver is done with a slot.
    fn finish(&self, index: u32, answer: Answer) {
        let slot = &self.slots[index as usize];
        // Instead of what a draw before got and nobody took.
        let _ = slot.answer.force_push(answer);
        // AcqRel: the state carries the completion to the future, or takes the slot back from it.
        if slot
            .state
            .compare_exchange(PENDING, ANSWERED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            slot.waker.wake();
        } else {
            let _ = self.free.push(index);
        }
    }

    fn is_closing(&self) -> bool {
        // Acquire: who sees that it closes also sees what was submitted before.
        self.closing.load(Ordering::Acquire)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Release: see `is_closing`.
        self.shared.closing.store(true, Ordering::Release);
        self.shared.sleeper.wake();
        // The last clone may be dropped by a waker, on the driver itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// The driver's life. Answers of one shard come in the order of submission, so that it only has to
/// remember the order.
fn drive(shared: &Shared, mut client: Client) {
    shared.sleeper.moves_in();
    let mut waiting: Vec<VecDeque<u32>> = (0..client.shards())
        .map(|_| VecDeque::with_capacity(shared.slots.len()))
        .collect();
    let mut held = None;
    while !shared.is_closing() {
        let mut worked = false;
        while let Some((slot, request)) = held.take().or_else(|| shared.submitted.pop()) {
            match client.submit(request) {
                Ok((_, shard)) => waiting[shard].push_back(slot),
                Err(SubmitError::Full(_)) => {
                    held = Some((slot, request));
                    break;
                }
                Err(SubmitError::UnknownPool(_)) => {
                    shared.finish(slot, Err(AsyncDrawError::UnknownPool));
                }
                Err(SubmitError::Mistake(_, mistake)) => {
                    shared.finish(slot, Err(AsyncDrawError::Mistake(mistake)));
                }
                Err(SubmitError::Stopped(_, stopped)) => {
                    shared.finish(slot, Err(AsyncDrawError::Stopped(stopped)));
                }
            }
            worked = true;
        }
        let polled = client.poll_with(|completion| {
            let slot = waiting[completion.shard]
                .pop_front()
                .expect("every answer has a request");
            shared.finish(slot, Ok(completion));
        });
        match polled {
            Ok(count) => worked |= count > 0,
            Err(_) => client.give_up(|shard, stopped| {
                for slot in waiting[shard].drain(..) {
                    shared.finish(slot, Err(AsyncDrawError::Stopped(stopped.clone())));
                }
            }),
        }
        if !worked {
            let busy = held.is_some() || client.open_requests() > 0;
            shared
                .sleeper
                .rest(busy, || !shared.submitted.is_empty() || shared.is_closing());
        }
    }
    let submitted = std::iter::from_fn(|| shared.submitted.pop()).map(|(slot, _)| slot);
    for slot in waiting
        .into_iter()
        .flatten()
        .chain(held.map(|(slot, _)| slot))
        .chain(submitted)
    {
        shared.finish(slot, Err(AsyncDrawError::Stopped(Stopped::Closed)));
    }
}
