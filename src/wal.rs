//! A shard's log: records go into the open block, blocks go to the storage, and what has come back
//! from there in order is durable.
//!
//! Group commit falls out of it: while some blocks are on their way, the next one fills. A block is
//! closed when the storage has a place for it, or when it is full; nothing waits on a timer unless
//! `commit_delay` asks for it.

pub mod block;
mod close;
pub mod format;
mod open;
mod options;
pub mod reader;
pub mod record;
pub(crate) mod run;
pub(crate) mod sealed;
pub mod segment;

pub(crate) use options::{Position, WalOptions, WalStats};

use std::{collections::VecDeque, io, path::Path, sync::Arc, time::Duration};

use self::{
    block::BlockKind,
    close::Closing,
    format::{Codec, Context, with_codec},
    open::{Flight, OpenBlock, OpenSegment},
    record::Record,
    segment::{Identity, SegmentSupply},
};
use crate::{
    config::LogFormat,
    machine::Clock,
    stats::latency_histogram,
    storage::{Storage, WRITE_UNIT},
};

/// A block is never opened with room for less, so that every record fits into an empty one.
const BLOCK_BYTES_MIN: usize = 16 << 10;

/// An idle device gets a block that is full to one part in so many, even if more records wait.
const IDLE_DEVICE_SHARE: usize = 4;

/// The writing end of a shard's log.
pub(crate) struct Wal {
    storage: Box<dyn Storage>,
    options: WalOptions,
    identity: Identity,
    supply: Arc<SegmentSupply>,
    salts: Box<dyn FnMut() -> u64>,
    clock: Clock,
    segment: Option<OpenSegment>,
    block: Option<OpenBlock>,
    free: Vec<usize>,
    flights: VecDeque<Flight>,
    scratch: Vec<u8>,
    next_seq: u64,
    durable_seq: u64,
    /// The greatest `durable_upto` that was written.
    witness: u64,
    chain: u32,
    last_sealed: u64,
    waits_for_segment: bool,
    stats: WalStats,
}

/// The free part of the open block, for draws of whatever kind.
pub(crate) struct Cursor<'a> {
    pub(crate) free: &'a mut [u8],
    pub(crate) context: &'a mut Context,
    pub(crate) next_seq: u64,
}

impl Wal {
    /// A log that goes on at `position`, in the next segment of the supply.
    pub(crate) fn new(
        storage: Box<dyn Storage>,
        options: WalOptions,
        identity: Identity,
        position: Position,
        supply: Arc<SegmentSupply>,
        salts: Box<dyn FnMut() -> u64>,
        clock: Clock,
    ) -> io::Result<Self> {
        let mut wal = Self {
            storage,
            options,
            identity,
            last_sealed: supply.sealed_upto(),
            supply,
            salts,
            clock,
            segment: None,
            block: None,
            free: (0..options.slots()).collect(),
            flights: VecDeque::with_capacity(options.slots()),
            scratch: Vec::with_capacity(BLOCK_BYTES_MIN),
            next_seq: position.next_seq,
            durable_seq: position.next_seq - 1,
            witness: position.next_seq - 1,
            chain: position.chain,
            waits_for_segment: false,
            stats: WalStats {
                commits: 0,
                bytes: 0,
                segment_waits: 0,
                latency_us: latency_histogram(),
            },
        };
        if !options.keeps_log {
            let bytes = u64::MAX - (WRITE_UNIT as u64 - 1);
            wal.storage.attach(Path::new(""), bytes)?;
            wal.segment = Some(OpenSegment {
                number: 1,
                salt: 0,
                bytes,
                position: 0,
                blocks: 0,
            });
        }
        Ok(wal)
    }

    pub(crate) fn format(&self) -> LogFormat {
        self.options.format
    }

    pub(crate) fn storage_name(&self) -> &'static str {
        self.storage.name()
    }

    pub(crate) fn stats(&self) -> &WalStats {
        &self.stats
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The last sequence number that is durable.
    pub(crate) fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    /// Whether everything that was appended is durable.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.flights.is_empty() && self.block.as_ref().is_none_or(|block| block.count == 0)
    }

    /// How long the oldest block that is on its way has been, if one is.
    pub(crate) fn oldest_flight(&self) -> Option<Duration> {
        let oldest = self.flights.front()?;
        Some(self.clock.passed_since(oldest.since))
    }

    /// Sleeps until a block on its way may be durable, at most for `limit`; `false` where it cannot.
    pub(crate) fn sleep(&mut self, limit: Duration) -> bool {
        self.storage.sleep(limit)
    }

    /// Makes sure there is an open block; `false` while the storage or the housekeeper is behind.
    #[inline]
    pub(crate) fn ensure_open(&mut self) -> io::Result<bool> {
        if self.block.is_some() {
            Ok(true)
        } else {
            self.open_block()
        }
    }

    fn open_block(&mut self) -> io::Result<bool> {
        if self.segment.as_ref().is_some_and(OpenSegment::is_full) && !self.write_seal()? {
            return Ok(false);
        }
        if self.segment.is_none() && !self.next_segment()? {
            return Ok(false);
        }
        let Some(slot) = self.free.pop() else {
            return Ok(false);
        };
        let segment = self.segment.as_ref().expect("there is an open segment");
        let prefix = if segment.blocks == 0 && self.options.keeps_log {
            WRITE_UNIT
        } else {
            0
        };
        let room = segment.room().min(self.options.buffer_bytes() as u64) as usize;
        let limit = room.min(prefix + self.options.block_bytes);
        let filled = prefix + self.header_bytes();
        self.block = Some(OpenBlock {
            slot,
            prefix,
            filled,
            limit,
            count: 0,
            context: Context::default(),
            since: None,
        });
        Ok(true)
    }

    fn next_segment(&mut self) -> io::Result<bool> {
        let Some(prepared) = self.supply.prepared.pop() else {
            if !self.waits_for_segment {
                self.waits_for_segment = true;
                self.stats.segment_waits += 1;
                self.supply.hurry();
            }
            return Ok(false);
        };
        self.waits_for_segment = false;
        self.supply.use_up(0);
        self.supply.wake();
        self.storage.attach(&prepared.path, prepared.bytes)?;
        let segment::PreparedSegment { number, bytes, .. } = prepared;
        let salt = (self.salts)();
        self.segment = Some(OpenSegment {
            number,
            salt,
            bytes,
            position: 0,
            blocks: 0,
        });
        Ok(true)
    }

    fn header_bytes(&self) -> usize {
        with_codec!(self.options.format, C => C::BLOCK_HEADER_BYTES)
    }

    /// How many draws certainly fit into the open block, whichever items they choose: whether a
    /// draw is made must not depend on what it chose.
    #[inline]
    pub(crate) fn room<C: Codec>(&self) -> usize {
        self.block
            .as_ref()
            .map_or(0, |block| (block.limit - block.filled) / C::DRAW_BYTES_MAX)
    }

    /// The free part of the open block. [`advance`](Self::advance) says what was put there.
    ///
    /// # Panics
    /// If no block is open.
    #[inline]
    pub(crate) fn cursor(&mut self) -> Cursor<'_> {
        let block = self.block.as_mut().expect("a block is open");
        let free = &mut self.storage.buffer(block.slot)[block.filled..block.limit];
        Cursor {
            free,
            context: &mut block.context,
            next_seq: self.next_seq,
        }
    }

    /// `records` records were put into the first `bytes` bytes of the cursor.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize, records: usize) {
        let block = self.block.as_mut().expect("a block is open");
        block.filled += bytes;
        block.count += records as u32;
        self.next_seq += records as u64;
        debug_assert!(block.filled <= block.limit);
        if records > 0 && block.since.is_none() && !self.options.commit_delay.is_zero() {
            block.since = Some(self.clock.passed());
        }
    }

    /// Makes sure that the open block has room for a record of so many bytes; `false` while it has
    /// not. What a record chose must not decide whether it fits.
    pub(crate) fn make_room(&mut self, bytes: usize) -> io::Result<bool> {
        if !self.ensure_open()? {
            return Ok(false);
        }
        let block = self.block.as_mut().expect("a block is open");
        let fits = block.limit - block.filled >= bytes;
        if !fits {
            // It fits into the next block; this one is as good as full.
            assert!(block.count > 0, "every record fits into an empty block");
            block.limit = block.filled;
        }
        Ok(fits)
    }

    /// Appends any record and returns its sequence number; `None` while there is no room for it.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<Option<u64>> {
        let seq = self.next_seq;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        with_codec!(self.options.format, C => C::encode(&mut scratch, seq, record));
        let fits = self.make_room(scratch.len())?;
        if fits {
            let cursor = self.cursor();
            cursor.free[..scratch.len()].copy_from_slice(&scratch);
            // It may have been a draw, of which the next one knows nothing.
            cursor.context.forget();
            self.advance(scratch.len(), 1);
        }
        self.scratch = scratch;
        Ok(fits.then_some(seq))
    }

    /// Hands the open block to the storage if it is due and there is a place for it; returns its
    /// slot. With `more_waits` there are more records to come at once.
    #[inline]
    pub(crate) fn submit(&mut self, more_waits: bool) -> io::Result<Option<usize>> {
        match &self.block {
            Some(block)
                if block.count > 0
                    && self.flights.len() < self.options.blocks_in_flight
                    && self.is_due(block, more_waits) =>
            {
                self.write_block(BlockKind::Records, None).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn is_due(&self, block: &OpenBlock, more_waits: bool) -> bool {
        let options = &self.options;
        if with_codec!(options.format, C => self.room::<C>() == 0) {
            return true;
        }
        if self.flights.len() >= options.partial_blocks_in_flight {
            // A device works through one flush after the other: what comes meanwhile had better go
            // together than one by one behind each other.
            return false;
        }
        if more_waits {
            // Under load a few large blocks are written faster than many small ones; but the
            // device should not stand still for that.
            let enough = block.filled >= block.limit / IDLE_DEVICE_SHARE;
            return enough && self.flights.is_empty() && options.commit_delay.is_zero();
        }
        let enough = options.commit_records > 0 && block.count as usize >= options.commit_records;
        enough
            || block
                .since
                .is_none_or(|since| self.clock.passed_since(since) >= options.commit_delay)
    }

    /// Takes back what is durable, in order; returns the slot of the newest block that now is.
    #[inline]
    pub(crate) fn reap(&mut self) -> io::Result<Option<usize>> {
        if self.flights.is_empty() {
            return Ok(None);
        }
        while let Some(slot) = self.storage.reap(false)? {
            let flight = self.flights.iter_mut().find(|flight| flight.slot == slot);
            flight.expect("only what was written comes back").arrived = true;
        }
        let mut newest = None;
        while let Some(flight) = self.flights.pop_front_if(|flight| flight.arrived) {
            if flight.holds_records {
                newest = Some(flight.slot);
            }
            self.free.push(flight.slot);
            self.durable_seq = flight.next_seq - 1;
            self.stats.commits += 1;
            self.stats.bytes += flight.bytes;
            self.stats
                .latency_us
                .saturating_record(self.clock.passed_since(flight.since).as_micros() as u64);
            if let Some(number) = flight.seals {
                self.supply.seal(number);
            }
        }
        Ok(newest)
    }

    /// Whether the next segment is not ready, so that nothing can be appended.
    pub(crate) fn waits_for_segment(&self) -> bool {
        self.waits_for_segment
    }

    /// Whether a marker would tell more than the blocks before it do.
    pub(crate) fn wants_marker(&self) -> bool {
        self.options.keeps_log && self.witness < self.durable_seq && self.is_drained()
    }

    /// Writes a block without records that tells how far the log is durable.
    pub(crate) fn write_marker(&mut self) -> io::Result<()> {
        if self.ensure_open()? {
            self.write_block(BlockKind::Marker, None)?;
        }
        Ok(())
    }

    /// Ends the open segment, if anything is in it; the next record begins a new one. Returns the
    /// number of the last segment that is or will be sealed; `None` while there is no place for
    /// the seal. Everything must be drained.
    pub(crate) fn seal(&mut self) -> io::Result<Option<u64>> {
        debug_assert!(self.is_drained());
        if self.options.keeps_log
            && self
                .segment
                .as_ref()
                .is_some_and(|segment| segment.blocks > 0)
        {
            if let Some(empty) = self.block.take() {
                self.free.push(empty.slot);
            }
            if !self.write_seal()? {
                return Ok(None);
            }
        }
        Ok(Some(self.last_sealed))
    }

    fn write_seal(&mut self) -> io::Result<bool> {
        let Some(slot) = self.free.pop() else {
            return Ok(false);
        };
        let filled = self.header_bytes();
        let number = self
            .segment
            .as_ref()
            .expect("there is a segment to seal")
            .number;
        self.block = Some(OpenBlock {
            slot,
            prefix: 0,
            filled,
            limit: WRITE_UNIT,
            count: 0,
            context: Context::default(),
            since: None,
        });
        self.write_block(BlockKind::Seal, Some(number))?;
        self.last_sealed = number;
        self.segment = None;
        Ok(true)
    }

    fn write_block(&mut self, kind: BlockKind, seals: Option<u64>) -> io::Result<usize> {
        let block = self.block.take().expect("a block is open");
        let segment = self.segment.as_mut().expect("a block has a segment");
        let mut length = block.prefix + WRITE_UNIT;
        if self.options.keeps_log {
            let buffer = self.storage.buffer(block.slot);
            let closed = Closing {
                wal: &self.options,
                identity: self.identity,
                segment,
                block: &block,
                kind,
            };
            let first_seq = self.next_seq - u64::from(block.count);
            (length, self.chain) = with_codec!(self.options.format, C => {
                closed.close::<C>(buffer, first_seq, self.durable_seq, self.chain)
            });
            self.witness = self.durable_seq;
        }
        let since = self.clock.passed();
        self.storage.write(block.slot, segment.position, length)?;
        segment.position += length as u64;
        segment.blocks += 1;
        self.supply.use_up(segment.position);
        self.flights.push_back(Flight {
            slot: block.slot,
            arrived: false,
            next_seq: self.next_seq,
            bytes: length as u64,
            holds_records: kind == BlockKind::Records,
            seals,
            since,
        });
        Ok(block.slot)
    }
}
