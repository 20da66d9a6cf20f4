//! A caller's handle: submit, poll, or draw and wait. One for each thread.

pub mod future;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    config::Idle,
    error::{DrawError, Stopped, SubmitError},
    request::{Completion, Request, RequestId, RequestIdLease, RequestIdSource, RequestIds},
    ring::{Backoff, ClientEnd, Place},
    shard::control::ShardHandle,
};

/// A handle to an engine, with a pair of rings to every shard.
///
/// It is `Send` but not `Sync`: make one for each thread ([`crate::Engine::client`]).
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<tombola::Client>();
/// ```
///
/// Each ring has [`ring_slots`](crate::Config::ring_slots) slots. A client that submits and never
/// polls fills its own rings, and stops only itself. Dropping a client abandons what it has not
/// been answered: such a draw may or may not be made. What is not answered when the engine goes
/// away is unknown in the same way.
#[derive(Debug)]
pub struct Client {
    ports: Vec<Port>,
    ids: RequestIdLease,
    source: Arc<RequestIdSource>,
    idle: Idle,
    /// Completions that came while `draw` waited for another.
    stash: VecDeque<Completion>,
    first: usize,
    /// Turns of the shards in pools that live on all of them.
    next: usize,
    _place: Place,
}

#[derive(Debug)]
pub(crate) struct Port {
    /// The shard's.
    pub(crate) index: usize,
    pub(crate) shard: Arc<ShardHandle>,
    pub(crate) end: ClientEnd,
    /// Requests without an answer.
    pub(crate) open: usize,
}

impl Client {
    pub(crate) fn new(
        ports: Vec<Port>,
        source: Arc<RequestIdSource>,
        idle: Idle,
        place: Place,
    ) -> Self {
        Self {
            ports,
            ids: RequestIdLease::default(),
            source,
            idle,
            stash: VecDeque::new(),
            first: 0,
            next: 0,
            _place: place,
        }
    }

    /// Asks for one draw and returns its id. The answer comes by [`poll`](Self::poll).
    ///
    /// # Errors
    /// [`SubmitError`] hands the request back: the ring is full, the shard has stopped, or there
    /// is no such shard. Nothing is drawn then.
    #[inline]
    pub fn try_submit(&mut self, request: impl Into<Request>) -> Result<RequestId, SubmitError> {
        let request = request.into();
        Ok(self.submit(request)?.0)
    }

    /// Asks for one draw; returns its id, and the shard that will answer.
    #[inline]
    pub(crate) fn submit(&mut self, request: Request) -> Result<(RequestId, usize), SubmitError> {
        let Some(id) = self.ids.peek(&self.source, 1) else {
            return Err(SubmitError::Full(request));
        };
        let (_, shard) = self.push(&[request], id)?;
        self.ids.used(1, shard);
        Ok((id, shard))
    }

    /// Asks for several draws. Returns the ids of those that were taken: the first of the batch,
    /// as many as found room, perhaps none. The ids are consecutive.
    ///
    /// # Errors
    /// [`SubmitError`] if the first request cannot be taken for another reason than a full ring.
    pub fn submit_batch(&mut self, requests: &[Request]) -> Result<RequestIds, SubmitError> {
        let Some(first) = self.ids.peek(&self.source, requests.len()) else {
            return Ok(self.ids.used(0, 0));
        };
        let (mut count, mut shard) = (0, 0);
        while count < requests.len() {
            let id = first + count as u64;
            match self.push(&requests[count..], id) {
                Ok((taken, taker)) => {
                    count += taken;
                    shard = taker;
                }
                Err(SubmitError::Full(_)) => break,
                Err(error) if count == 0 => return Err(error),
                // What was taken before is told; this one is tried again with the next batch.
                Err(_) => break,
            }
        }
        Ok(self.ids.used(count, shard))
    }

    /// Puts the first request into its shard's ring, and with it those behind it that go the same way, as
    /// far as there is room: if it is plain, the plain ones up to one that is not, and the other way round.
    /// Returns how many, at least one, and the shard.
    #[inline]
    fn push(&mut self, requests: &[Request], id: RequestId) -> Result<(usize, usize), SubmitError> {
        let request = requests[0];
        let shard = if request.pool.is_on_all_shards() {
            self.shard_for(&request)
        } else {
            request.pool.shard()
        };
        let Some(port) = self.ports.get_mut(shard) else {
            return Err(SubmitError::UnknownPool(request));
        };
        if let Some(stopped) = port.shard.stopped() {
            return Err(SubmitError::Stopped(request, stopped));
        }
        let taken = if request.is_plain() {
            port.push_plain(requests, id)
        } else {
            port.push_asked(requests, id)?
        };
        if taken == 0 {
            return Err(SubmitError::Full(request));
        }
        port.open += taken;
        port.shard.sleeper.wake();
        Ok((taken, shard))
    }

    /// The shard for a request that any of them could answer: always the same one for a key, for
    /// that is where the key is remembered, and otherwise the one with the least to do.
    #[cold]
    fn shard_for(&mut self, request: &Request) -> usize {
        let shards = self.ports.len();
        if let Some(hash) = request.key_hash() {
            return (hash % shards as u64) as usize;
        }
        self.next += 1;
        let turn = |at: usize| (self.next + at) % shards;
        (0..shards)
            .map(turn)
            .filter(|shard| self.ports[*shard].shard.stopped().is_none())
            .min_by_key(|shard| self.ports[*shard].open)
            .unwrap_or(0)
    }

    /// Takes completions into `out`, as many as there are and fit; returns how many.
    ///
    /// Completions of one shard ([`Completion::shard`]) come in the order in which this client's
    /// requests went to that shard; nothing is said about those of different shards. So for a pool on
    /// one shard it is the order of submission, and for a pool on all shards, whose requests go to
    /// whichever shard has the least to do, it is not: there [`Completion::request`] tells which
    /// request is answered. Where such a request waits for a unit from another shard, the requests
    /// behind it in the same ring wait too, for whatever pool they are.
    ///
    /// # Errors
    /// [`Stopped`] once there is nothing more to take, and requests are open that will never be
    /// answered. They may or may not have been drawn.
    pub fn poll(&mut self, out: &mut [Completion]) -> Result<usize, Stopped> {
        let mut count = 0;
        let limit = out.len();
        self.take(limit, |completion| {
            out[count] = completion;
            count += 1;
        })
    }

    /// Gives every completion that is there to `each`, on this thread; returns how many.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub fn poll_with(&mut self, each: impl FnMut(Completion)) -> Result<usize, Stopped> {
        self.take(usize::MAX, each)
    }

    fn take(&mut self, limit: usize, mut each: impl FnMut(Completion)) -> Result<usize, Stopped> {
        let stashed = limit.min(self.stash.len());
        self.stash.drain(..stashed).for_each(&mut each);
        let mut count = stashed;
        let ports = self.ports.len();
        for turn in 0..ports {
            let port = &mut self.ports[(self.first + turn) % ports];
            count += port.take(limit - count, &mut each);
        }
        self.first = (self.first + 1) % ports;
        if count == 0 && limit > 0 {
            self.check()
        } else {
            Ok(count)
        }
    }

    /// Nothing is there. Will anything ever be?
    fn check(&self) -> Result<usize, Stopped> {
        self.ports.iter().find_map(Port::is_over).map_or(Ok(0), Err)
    }

    /// Forgets the requests that will never be answered; `each` learns of their shards.
    pub(crate) fn give_up(&mut self, mut each: impl FnMut(usize, Stopped)) {
        for (shard, port) in self.ports.iter_mut().enumerate() {
            if let Some(stopped) = port.is_over() {
                port.open = 0;
                each(shard, stopped);
            }
        }
    }

    pub(crate) fn shards(&self) -> usize {
        self.ports.len()
    }

    /// Requests that have no answer yet.
    pub fn open_requests(&self) -> usize {
        self.ports.iter().map(|port| port.open).sum::<usize>() + self.stash.len()
    }

    /// Draws once and waits for the answer, at most for `limit`. A full ring is waited for too.
    ///
    /// # Errors
    /// [`DrawError::Unknown`] when the time is over: the draw may still be made, and its completion
    /// then comes by [`poll`](Self::poll). [`DrawError::Submit`] if the request was not taken, also
    /// because a ring's worth of other completions waits to be polled.
    /// [`DrawError::Stopped`] if the shard stopped meanwhile: whether it was drawn is unknown.
    pub fn draw(
        &mut self,
        request: impl Into<Request>,
        limit: Duration,
    ) -> Result<Completion, DrawError> {
        let request = request.into();
        if self.stash.len() >= self.stash_max() {
            return Err(SubmitError::Full(request).into());
        }
        let begun = Instant::now();
        let mut backoff = Backoff::new(self.idle);
        let (id, shard) = loop {
            match self.submit(request) {
                Err(SubmitError::Full(_)) if begun.elapsed() < limit => {
                    (0..self.ports.len()).for_each(|shard| {
                        self.stash_port(shard, None);
                    });
                    backoff.wait();
                }
                submitted => break submitted?,
            }
        };
        let mut backoff = Backoff::new(self.idle);
        loop {
            if let Some(completion) = self.stash_port(shard, Some(id)) {
                return Ok(completion);
            }
            if let Some(stopped) = self.ports[shard].is_over() {
                return Err(DrawError::Stopped {
                    request: id,
                    stopped,
                });
            }
            if !backoff.spins() && begun.elapsed() >= limit {
                return Err(DrawError::Unknown { request: id });
            }
            backoff.wait();
        }
    }

    /// Takes what one shard has completed; returns the completion of `wanted` and keeps the others
    /// for the next poll. No draw begins while [`stash_max`](Self::stash_max) are kept, and no more
    /// come meanwhile than the rings hold.
    fn stash_port(&mut self, shard: usize, wanted: Option<RequestId>) -> Option<Completion> {
        let mut found = None;
        let Self { ports, stash, .. } = self;
        ports[shard].take(usize::MAX, |completion| {
            if Some(completion.request) == wanted {
                found = Some(completion);
            } else {
                stash.push_back(completion);
            }
        });
        found
    }

    fn stash_max(&self) -> usize {
        let slots = |port: &Port| port.end.requests.buffer().capacity();
        self.ports.iter().map(slots).sum()
    }
}

impl Port {
    /// Why open requests will never be answered, if that is so.
    fn is_over(&self) -> Option<Stopped> {
        // The order matters: what was published before the end is visible once the end is.
        let over = self.shard.over()?;
        (self.open > 0 && self.end.completions.is_empty()).then_some(over)
    }

    /// Puts the plain requests at the head of a batch into the ring, as many as there is room for.
    #[inline]
    fn push_plain(&mut self, requests: &[Request], first_id: RequestId) -> usize {
        let room = requests.len().min(self.end.requests.slots());
        let chunk = self
            .end
            .requests
            .write_chunk_uninit(room)
            .expect("so many slots are free");
        let pool = requests[0].pool;
        let alike = |request: &&Request| request.is_plain() && request.pool.goes_with(pool);
        let slots = requests.iter().take_while(alike).zip(first_id..);
        chunk.fill_from_iter(slots.map(|(request, id)| request.slot(id)))
    }

    /// Puts the requests at the head of a batch that are not plain into the ring, each of them whole,
    /// as many as there is room for.
    #[cold]
    fn push_asked(&mut self, requests: &[Request], first: RequestId) -> Result<usize, SubmitError> {
        let room = self.end.requests.slots();
        let pool = requests[0].pool;
        // For a pool on all shards, each of them may go another way.
        let most = if pool.is_on_all_shards() {
            1
        } else {
            usize::MAX
        };
        let (mut count, mut slots) = (0, 0);
        for request in requests.iter().take(most) {
            if request.is_plain() || !request.pool.goes_with(pool) {
                break;
            }
            if let Some(mistake) = self.mistake(request) {
                if count > 0 {
                    break;
                }
                return Err(SubmitError::Mistake(*request, mistake));
            }
            let with_it = slots + request.shape().request_slots();
            if with_it > room {
                break;
            }
            count += 1;
            slots = with_it;
        }
        let chunk = self.end.requests.write_chunk_uninit(slots);
        let chunk = chunk.expect("so many slots are free");
        let requests = requests[..count].iter().zip(first..);
        chunk.fill_from_iter(requests.flat_map(|(request, id)| request.slots(id)));
        Ok(count)
    }

    /// What is wrong with a request that is not plain.
    #[inline]
    fn mistake(&self, request: &Request) -> Option<&'static str> {
        let ring = self.end.completions.buffer().capacity();
        let shape = request.shape();
        request.mistake().or_else(|| {
            let slots = shape.completion_slots().max(shape.request_slots());
            (slots > ring).then_some("its answer is larger than the ring; raise ring_slots")
        })
    }

    #[inline]
    fn take(&mut self, limit: usize, mut each: impl FnMut(Completion)) -> usize {
        let there = self.end.completions.slots();
        if there == 0 || limit == 0 {
            return 0;
        }
        let chunk = self
            .end
            .completions
            .read_chunk(there)
            .expect("so many slots are there");
        // What is taken out of the iterator is taken out of the ring when it is dropped.
        let mut slots = chunk.into_iter();
        let mut count = 0;
        while count < limit
            && let Some(completion) = Completion::read(&mut slots, self.index)
        {
            each(completion);
            count += 1;
        }
        drop(slots);
        self.open -= count;
        // A shard may be waiting for this room.
        self.shard.sleeper.wake();
        count
    }
}
