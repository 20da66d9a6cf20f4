//! One file on a disk.

use crate::dice::Dice;

/// The least that a device writes as a whole.
const SECTOR_BYTES: usize = 512;

/// A file's content, as reads see it and as a power cut would leave it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What was written and not flushed, in order.
    pending: Vec<Pending>,
    /// Blocks on their way past the page cache, by ticket.
    flights: Vec<Flight>,
}

#[derive(Debug)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug)]
struct Flight {
    ticket: u64,
    offset: usize,
    bytes: Vec<u8>,
}

/// How much of a block became what.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Landed {
    pub(crate) torn: u64,
    pub(crate) garbled: u64,
}

impl Node {
    pub(crate) fn content(&self) -> &[u8] {
        &self.now
    }

    pub(crate) fn length(&self) -> u64 {
        self.now.len() as u64
    }

    pub(crate) fn read(&self, buffer: &mut [u8], offset: usize) -> bool {
        match self.now.get(offset..offset + buffer.len()) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    /// Writes through the page cache.
    pub(crate) fn write(&mut self, bytes: &[u8], offset: usize) {
        put(&mut self.now, bytes, offset);
        let bytes = bytes.to_vec();
        self.pending.push(Pending::Write { offset, bytes });
    }

    pub(crate) fn set_length(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.pending.push(Pending::Length(length));
    }

    pub(crate) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.pending.clear();
    }

    /// A flush that failed: pieces of what it was for are on the disk, the others are forgotten, and
    /// the next flush knows of none.
    pub(crate) fn fail_sync(&mut self, dice: &mut Dice) {
        for pending in std::mem::take(&mut self.pending) {
            if dice.happens(500) {
                settle(&mut self.durable, &pending);
            }
        }
    }

    /// A block begins its way past the page cache.
    pub(crate) fn launch(&mut self, ticket: u64, offset: usize, bytes: &[u8]) {
        self.flights.push(Flight {
            ticket,
            offset,
            bytes: bytes.to_vec(),
        });
    }

    /// A block has arrived, durably or in the page cache; `elsewhere` is where it went, if not to
    /// its place.
    pub(crate) fn arrive(&mut self, ticket: u64, is_durable: bool, elsewhere: Option<usize>) {
        let at = self
            .flights
            .iter()
            .position(|flight| flight.ticket == ticket);
        let Some(at) = at else {
            return;
        };
        let Flight { offset, bytes, .. } = self.flights.remove(at);
        let offset = elsewhere.unwrap_or(offset);
        put(&mut self.now, &bytes, offset);
        if is_durable {
            put(&mut self.durable, &bytes, offset);
        } else {
            self.pending.push(Pending::Write { offset, bytes });
        }
    }

    /// The machine goes down while blocks are on their way: each is written sector by sector as far
    /// as it came, in whatever order, and where the power was cut a sector may have become something
    /// else.
    pub(crate) fn land(&mut self, dice: &mut Dice, luck: u64, is_power_cut: bool) -> Landed {
        let mut landed = Landed::default();
        for flight in std::mem::take(&mut self.flights) {
            let garbles = is_power_cut && dice.happens(50);
            let mut written = 0;
            let sectors = flight.bytes.len().div_ceil(SECTOR_BYTES);
            for (number, sector) in flight.bytes.chunks(SECTOR_BYTES).enumerate() {
                if !dice.happens(luck) {
                    continue;
                }
                written += 1;
                let offset = flight.offset + number * SECTOR_BYTES;
                let garbled = garbles && dice.happens(300);
                let mut sector = sector.to_vec();
                if garbled {
                    let zeros = dice.happens(500);
                    let fill = if zeros { 0 } else { dice.any() as u8 };
                    sector.fill(fill);
                    landed.garbled += 1;
                }
                put(&mut self.now, &sector, offset);
                put(&mut self.durable, &sector, offset);
            }
            landed.torn += u64::from(written > 0 && written < sectors);
        }
        landed
    }

    /// The power is cut: of what was not flushed some pieces are there. Returns how many are not.
    pub(crate) fn crash(&mut self, dice: &mut Dice, luck: u64) -> u64 {
        let mut lost = 0;
        for pending in std::mem::take(&mut self.pending) {
            if dice.happens(luck) {
                settle(&mut self.durable, &pending);
            } else {
                lost += 1;
            }
        }
        self.now.clone_from(&self.durable);
        lost
    }

    /// A durable bit flips, or a sector becomes zeros; returns where.
    pub(crate) fn rot(&mut self, dice: &mut Dice) -> u64 {
        let offset = dice.index(self.now.len().max(1));
        for content in [&mut self.now, &mut self.durable] {
            if let Some(byte) = content.get_mut(offset) {
                *byte ^= 1 << (offset % 8);
            }
        }
        offset as u64
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: usize) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn settle(content: &mut Vec<u8>, pending: &Pending) {
    match pending {
        Pending::Write { offset, bytes } => put(content, bytes, *offset),
        Pending::Length(length) => content.resize(*length, 0),
    }
}
