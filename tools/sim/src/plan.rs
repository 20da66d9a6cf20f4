//! What a seed stands for: an engine's settings, and what goes wrong with it.

use tombola::{Durability, Idle, LogFormat, StorageKind};
use tombola::{Engine, EngineBuilder};

use crate::{
    dice::Dice,
    disk::{Crash, Faults, Rates},
};

/// Enough for all keys, holds and settlements of a run: what is forgotten is the matter of other
/// tests.
const REMEMBERED: usize = 100_000;

/// What happens in a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The engine's settings.
    pub engine: Settings,
    /// What happens from one start to the next.
    pub lives: Vec<Life>,
    /// Whether between the last lives something durable is damaged.
    pub rots: bool,
    /// Whether blocks go to other places than theirs.
    pub misdirects: bool,
}

/// An engine's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many shards.
    pub shards: usize,
    /// When a draw is acknowledged.
    pub durability: Durability,
    /// Blocks on their way at once.
    pub blocks_in_flight: usize,
    /// And how many before a block that is not full waits for them.
    pub partial_blocks_in_flight: usize,
    /// Records after which a snapshot is made.
    pub snapshot_records: u64,
    /// Slots between two shards.
    pub exchange_slots: usize,
    /// Slots between a client and a shard.
    pub ring_slots: usize,
}

/// From one start to the next.
#[derive(Debug, Clone)]
pub struct Life {
    /// How records are written.
    pub format: LogFormat,
    /// What goes wrong meanwhile.
    pub faults: Faults,
    /// How often the client does something.
    pub actions: u64,
    /// After how many steps the machine goes down, if it does before all is done.
    pub crash_in: Option<u64>,
    /// How it goes down, then or at the end; `None` is a clean end.
    pub crash: Option<Crash>,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let durability = if dice.happens(850) {
            Durability::Device
        } else {
            Durability::Kernel
        };
        let mut engine = Settings {
            shards: dice.choose(&[1, 2, 2, 3]),
            durability,
            blocks_in_flight: dice.within(1, 4) as usize,
            partial_blocks_in_flight: 64,
            snapshot_records: dice.choose(&[5, 50, 500, 100_000]),
            exchange_slots: dice.choose(&[1, 2, 64]),
            ring_slots: dice.choose(&[32, 64, 256]),
        };
        let kinds = dice.any();
        let lives = dice.within(2, 7);
        let life = |dice: &mut Dice| Life::new(dice, kinds, durability);
        let mut lives: Vec<Life> = (0..lives).map(|_| life(&mut dice)).collect();
        let rots = dice.happens(250);
        let misdirects = durability == Durability::Device && dice.happens(100);
        if misdirects {
            for life in &mut lives {
                life.faults.rates.misdirected = dice.choose(&[0, 5, 50]);
            }
        }
        // Drawn last, so that what a seed was kept for stays as it was.
        engine.partial_blocks_in_flight = dice.choose(&[1, 64]);
        Self {
            seed,
            engine,
            lives,
            rots,
            misdirects,
        }
    }

    /// The engine of one life, on what it runs apart.
    pub fn builder(&self, builder: EngineBuilder, life: &Life) -> EngineBuilder {
        let Settings {
            shards,
            durability,
            blocks_in_flight,
            partial_blocks_in_flight,
            snapshot_records,
            exchange_slots,
            ring_slots,
        } = self.engine;
        builder
            .shards(shards)
            .durability(durability)
            .format(life.format)
            .storage(StorageKind::Uring)
            .segment_bytes(64 << 10)
            .block_bytes(16 << 10)
            .blocks_in_flight(blocks_in_flight)
            .partial_blocks_in_flight(partial_blocks_in_flight)
            .snapshot_records(snapshot_records)
            .exchange_slots(exchange_slots)
            .ring_slots(ring_slots)
            .remember_keys(REMEMBERED)
            .remember_settled(REMEMBERED)
            .clients_max(4)
            .pin(false)
            .idle(Idle::Yield)
            .seed(self.seed)
    }

    /// The directory of segments that are not needed any more, so that every record stays readable.
    pub const ARCHIVE: &'static str = "/archive";
    /// The data directory.
    pub const DATA: &'static str = "/data";

    /// The builder of an engine in the data directory among these files.
    pub fn begin(directory: tombola::machine::Directory) -> EngineBuilder {
        Engine::builder(directory).archive_dir(Self::ARCHIVE.into())
    }
}

impl Life {
    fn new(dice: &mut Dice, kinds: u64, durability: Durability) -> Self {
        let crash = match dice.below(10) {
            0 | 1 => None,
            2..=4 => Some(Crash::Kill),
            // What only the kernel has does not survive a power cut, and nobody says so.
            _ if durability == Durability::Kernel => Some(Crash::Kill),
            _ => Some(Crash::PowerCut),
        };
        let steps = dice.choose(&[50, 300, 1_500, 6_000]);
        Self {
            format: dice.choose(&[LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line]),
            faults: faults(dice, kinds),
            actions: dice.within(10, 250),
            crash_in: crash.and_then(|_| dice.happens(800).then(|| dice.below(steps))),
            crash,
        }
    }
}

/// The faults of one life, of the kinds that the seed has chosen.
fn faults(dice: &mut Dice, kinds: u64) -> Faults {
    // A quarter of the seeds have a kind at all, and then half of their lives.
    let mut is_on = |kind: u32| (kinds >> kind).is_multiple_of(4) && dice.happens(500);
    let (reads, writes, short) = (is_on(0), is_on(2), is_on(4));
    let (flushes, slow, full) = (is_on(6), is_on(8), is_on(10));
    let mut rate = |is_on, high| if is_on { dice.within(1, high) } else { 0 };
    Faults {
        rates: Rates {
            open_error: if (kinds >> 12).is_multiple_of(4) {
                20
            } else {
                0
            },
            read_error: rate(reads, 15),
            write_error: rate(writes, 8),
            short_write: rate(short, 15),
            flush_error: rate(flushes, 15),
            slow: rate(slow, 400),
            misdirected: 0,
        },
        capacity_bytes: full.then(|| dice.within(2, 30) * (64 << 10)),
    }
}
