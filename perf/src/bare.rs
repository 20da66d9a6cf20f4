//! The same loop without an engine around it: two rings, a selector, an encoder and a storage, all of
//! them the engine's own, and nothing else. No pools are looked up, nothing is remembered, no log can
//! be read back. What an engine does not reach of this is what it costs to be one.

use std::{
    collections::VecDeque,
    fs::{self, File},
    hint::black_box,
    io,
    path::PathBuf,
    thread,
};

use rtrb::{Consumer, Producer, RingBuffer};
use tempfile::TempDir;
use tombola::{
    Config, Durability, StorageKind,
    ring::StagedProducer,
    selector::{Selector, Stream},
    storage::{self, Storage, StorageOptions},
    wal::{
        format::{Codec, Context},
        record::DrawRecord,
    },
};
use tombola_measure::load::BATCH_MAX;

use crate::{
    case::{Bench, Figures, Meter},
    engines::ITEMS,
    failure::Failure,
};

/// The file is written round and round; it is filled with zeros before, as a log's segments are.
const FILE_BYTES: u64 = 64 << 20;
/// An idle device gets a block that is full to one part in so many, as in the engine.
const IDLE_DEVICE_SHARE: usize = 4;

/// A request, as large as the engine's.
#[derive(Clone, Copy)]
struct Asked {
    request: u64,
    pool: u32,
    #[expect(dead_code, reason = "plain draws are all of one shape")]
    shape: u32,
}

/// An answer, as large as the engine's.
#[derive(Clone, Copy)]
struct Answer {
    request: u64,
    seq: u64,
    #[expect(dead_code, reason = "there is one pool")]
    pool: u32,
    item: u32,
}

/// A block on its way.
struct Flight {
    slot: usize,
    has_arrived: bool,
    /// How many answers may be seen once it has.
    upto: u64,
}

/// What draws: the shard's part of the loop.
struct Loop<S> {
    requests: Consumer<Asked>,
    answers: StagedProducer<Answer>,
    selector: S,
    stock: Vec<u64>,
    stream: Stream,
    storage: Box<dyn Storage>,
    has_log: bool,
    block_bytes: usize,
    offset: u64,
    free: Vec<usize>,
    open: Option<(usize, usize)>,
    flights: VecDeque<Flight>,
    seq: u64,
}

impl<S: Selector> Loop<S> {
    /// One turn; `false` if there was nothing to do.
    fn turn<C: Codec>(&mut self) -> io::Result<bool> {
        let drawn = self.draw::<C>();
        let more_waits = drawn == BATCH_MAX;
        let submitted = self.submit::<C>(more_waits)?;
        let reaped = self.reap()?;
        Ok(drawn > 0 || submitted || reaped)
    }

    fn draw<C: Codec>(&mut self) -> usize {
        let Some((slot, filled)) = self.open.or_else(|| Some((self.free.pop()?, 0))) else {
            return 0;
        };
        let room = (self.block_bytes - filled) / C::DRAW_BYTES_MAX;
        let batch = BATCH_MAX
            .min(self.requests.slots())
            .min(room)
            .min(self.answers.room());
        let chunk = self.requests.read_chunk(batch).expect("so many wait");
        let (first, second) = chunk.as_slices();
        let mut asked = first.iter().chain(second);
        let free = &mut self.storage.buffer(slot)[filled..self.block_bytes];
        let Self {
            selector,
            stock,
            stream,
            seq,
            ..
        } = self;
        // Begun anew with each batch, which costs some bytes and spares a field.
        let mut context = Context::default();
        let mut bytes = 0;
        self.answers.stage(batch, || {
            let asked = asked.next()?;
            let item = selector.pick(stream);
            stock[item] -= 1;
            if stock[item] == 0 {
                selector.strike(item);
            }
            *seq += 1;
            let draw = DrawRecord {
                pool: asked.pool,
                item: item as u32,
                request: asked.request,
            };
            bytes += C::encode_draw(&mut free[bytes..], &mut context, *seq, draw);
            Some(Answer {
                request: asked.request,
                seq: *seq,
                pool: asked.pool,
                item: item as u32,
            })
        });
        chunk.commit_all();
        self.open = Some((slot, filled + bytes));
        batch
    }

    fn submit<C: Codec>(&mut self, more_waits: bool) -> io::Result<bool> {
        let Some((slot, filled)) = self.open.filter(|(_, filled)| *filled > 0) else {
            return Ok(false);
        };
        let is_full = self.block_bytes - filled < C::DRAW_BYTES_MAX;
        let is_enough = filled >= self.block_bytes / IDLE_DEVICE_SHARE && self.flights.is_empty();
        if !(is_full || is_enough || !more_waits) {
            return Ok(false);
        }
        let length = filled.next_multiple_of(storage::WRITE_UNIT);
        if self.has_log {
            let block = self.storage.buffer(slot);
            black_box(crc32c::crc32c(&block[..filled]));
        }
        if self.offset + length as u64 > FILE_BYTES {
            self.offset = 0;
        }
        self.storage.write(slot, self.offset, length)?;
        self.offset += length as u64;
        self.open = None;
        self.flights.push_back(Flight {
            slot,
            has_arrived: false,
            upto: self.answers.staged_total(),
        });
        Ok(true)
    }

    fn reap(&mut self) -> io::Result<bool> {
        if self.flights.is_empty() {
            return Ok(false);
        }
        while let Some(slot) = self.storage.reap(false)? {
            let flight = self.flights.iter_mut().find(|flight| flight.slot == slot);
            flight.expect("it was written").has_arrived = true;
        }
        let mut any = false;
        while let Some(flight) = self.flights.pop_front_if(|flight| flight.has_arrived) {
            self.free.push(flight.slot);
            self.answers.publish_upto(flight.upto);
            any = true;
        }
        Ok(any)
    }
}

/// Runs it with a selector and a format.
pub(crate) fn run<S: Selector + Send, C: Codec>(
    bench: &Bench<'_>,
    kind: StorageKind,
) -> Result<Figures, Failure> {
    let config = Config::default();
    let options = StorageOptions {
        durability: Durability::Device,
        slots: config.blocks_in_flight + 2,
        buffer_bytes: config.block_bytes,
    };
    let (request_producer, request_consumer) = RingBuffer::new(config.ring_slots);
    let (answer_producer, answer_consumer) = RingBuffer::new(config.ring_slots);
    let directory = tempfile::tempdir_in(bench.directory)?;
    let path = file(&directory)?;
    let weights: Vec<u64> = (0..ITEMS).map(|item| item % 97 + 1).collect();
    let selector = S::new(&weights)?;
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let draws_per_second = thread::scope(|scope| {
        let shard = scope.spawn(move || {
            if let [_, .., last] = cores[..] {
                core_affinity::set_for_current(last);
            }
            let opened = storage::open(kind, options)?;
            let mut storage = opened.storage;
            storage.attach(&path, FILE_BYTES)?;
            let mut work = Loop {
                requests: request_consumer,
                answers: StagedProducer::new(answer_producer),
                selector,
                stock: vec![1 << 40; weights.len()],
                stream: Stream::for_shard(1, 0),
                storage,
                has_log: kind != StorageKind::None,
                block_bytes: options.buffer_bytes,
                offset: 0,
                free: (0..options.slots).collect(),
                open: None,
                flights: VecDeque::with_capacity(options.slots),
                seq: 0,
            };
            while !work.answers.is_abandoned() {
                if !work.turn::<C>()? {
                    thread::yield_now();
                }
            }
            Ok::<_, io::Error>(())
        });
        let per_second = ask(bench, request_producer, answer_consumer);
        shard.join().expect("the loop does not panic")?;
        Ok::<_, Failure>(per_second)
    })?;
    Ok(Figures::from([
        ("draws_per_second", draws_per_second),
        ("draw_ns", 1e9 / draws_per_second),
    ]))
}

fn file(directory: &TempDir) -> io::Result<PathBuf> {
    let path = directory.path().join("bare");
    fs::write(&path, vec![0; FILE_BYTES as usize])?;
    File::open(&path)?.sync_all()?;
    Ok(path)
}

/// The client's part: keeps the rings full, and counts what is answered.
fn ask(bench: &Bench<'_>, mut requests: Producer<Asked>, mut answers: Consumer<Answer>) -> f64 {
    let mut meter = Meter::start(bench);
    let (mut request, mut answered) = (0, 0);
    // What is never looked at need not be read.
    let mut seen = 0;
    loop {
        let room = requests.slots().min(BATCH_MAX);
        let chunk = requests.write_chunk_uninit(room).expect("there is room");
        chunk.fill_from_iter((request..).map(|request| Asked {
            request,
            pool: 0,
            shape: 1,
        }));
        request += room as u64;
        let there = answers.slots();
        let chunk = answers.read_chunk(there).expect("so many are there");
        for answer in chunk {
            seen ^= answer.request ^ answer.seq ^ u64::from(answer.item);
        }
        answered += there as u64;
        if room + there == 0 {
            thread::yield_now();
        }
        if let Some(per_second) = meter.per_second(answered) {
            black_box(seen);
            return per_second;
        }
    }
}
