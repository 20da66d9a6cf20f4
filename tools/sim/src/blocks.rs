//! Where an engine's blocks go: past the page cache, several at once, finished in any order.

use std::{io, path::Path};

use tombola::{
    Durability,
    storage::{Storage, StorageOptions, WRITE_UNIT},
};

use crate::disk::Disk;

/// A block that takes long takes up to so many looks more.
const SLOW_LOOKS_MAX: u64 = 400;

/// A shard's storage on a simulated disk.
pub struct Blocks {
    disk: Disk,
    durability: Durability,
    buffers: Vec<Vec<u8>>,
    /// The attached file's node, and its length.
    attached: Option<(u64, u64)>,
    under_way: Vec<UnderWay>,
    tickets: u64,
    has_failed: bool,
}

struct UnderWay {
    slot: usize,
    ticket: u64,
    node: u64,
    offset: u64,
    length: u64,
    /// Looks until it has arrived.
    looks: u64,
}

impl Blocks {
    /// The storage of one shard.
    pub fn new(disk: Disk, options: StorageOptions) -> Self {
        Self {
            disk,
            durability: options.durability,
            buffers: vec![vec![0; options.buffer_bytes]; options.slots],
            attached: None,
            under_way: Vec::new(),
            tickets: 0,
            has_failed: false,
        }
    }

    fn fail<T>(&mut self, error: io::Error) -> io::Result<T> {
        self.has_failed = true;
        Err(error)
    }

    fn healthy(&self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("the storage has failed before"));
        }
        Ok(())
    }
}

impl Storage for Blocks {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.healthy()?;
        let mut state = self.disk.state();
        state.tick(20)?;
        let node = state.names().file(path).ok_or(io::ErrorKind::NotFound)?;
        assert_eq!(state.node(node)?.length(), length, "a segment is whole");
        self.attached = Some((node, length));
        Ok(())
    }

    fn buffer(&mut self, slot: usize) -> &mut [u8] {
        let mut under_way = self.under_way.iter();
        assert!(under_way.all(|block| block.slot != slot));
        &mut self.buffers[slot]
    }

    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        self.healthy()?;
        let (node, file_bytes) = self.attached.expect("a file is attached");
        assert!(offset.is_multiple_of(WRITE_UNIT as u64) && length.is_multiple_of(WRITE_UNIT));
        assert!(length > 0 && offset + length as u64 <= file_bytes);
        let mut state = self.disk.state();
        if let Err(error) = state.tick(21 + offset) {
            drop(state);
            return self.fail(error);
        }
        let rates = state.faults.rates;
        if state.dice.happens(rates.write_error) {
            state.counts.write_errors += 1;
            drop(state);
            return self.fail(io::Error::other("the device cannot write this"));
        }
        self.tickets += 1;
        let ticket = self.tickets << 8 | (node & 0xff);
        state
            .node(node)?
            .launch(ticket, offset as usize, &self.buffers[slot][..length]);
        let is_slow = state.dice.happens(rates.slow);
        state.counts.slow += u64::from(is_slow);
        let looks = if is_slow { SLOW_LOOKS_MAX } else { 12 };
        let looks = state.dice.below(looks);
        drop(state);
        self.under_way.push(UnderWay {
            slot,
            ticket,
            node,
            offset,
            length: length as u64,
            looks,
        });
        Ok(())
    }

    fn reap(&mut self, _wait: bool) -> io::Result<Option<usize>> {
        self.healthy()?;
        for block in &mut self.under_way {
            block.looks = block.looks.saturating_sub(1);
        }
        let Some(at) = self.under_way.iter().position(|block| block.looks == 0) else {
            return Ok(None);
        };
        let mut state = self.disk.state();
        if let Err(error) = state.tick(22) {
            drop(state);
            return self.fail(error);
        }
        let block = self.under_way.remove(at);
        let rates = state.faults.rates;
        let is_durable = self.durability == Durability::Device;
        if state.dice.happens(rates.flush_error) {
            // It may be there or not; nobody will ever know.
            state.counts.flush_errors += 1;
            let stays = state.dice.happens(500);
            state.node(block.node)?.arrive(block.ticket, stays, None);
            drop(state);
            return self.fail(io::Error::other("the device cannot flush this"));
        }
        let mut elsewhere = None;
        if state.dice.happens(rates.misdirected) {
            let length = state.node(block.node)?.length();
            let units = (length - block.length) / WRITE_UNIT as u64 + 1;
            let offset = state.dice.below(units) * WRITE_UNIT as u64;
            elsewhere = Some(offset).filter(|offset| *offset != block.offset);
            state.counts.misdirected += u64::from(elsewhere.is_some());
        }
        let elsewhere = elsewhere.map(|offset| offset as usize);
        state
            .node(block.node)?
            .arrive(block.ticket, is_durable, elsewhere);
        Ok(Some(block.slot))
    }
}
