//! What happened on a disk.

use serde::Serialize;

/// Faults and other events, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Steps of the machine.
    pub steps: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Pieces of unflushed writes that a power cut lost.
    pub lost: u64,
    /// Blocks under way that were written in part.
    pub torn: u64,
    /// Blocks under way that became garbage or zeros where they were to be.
    pub garbled: u64,
    /// Names that a power cut put back to what they had been.
    pub names_undone: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Writes that failed after a part.
    pub short_writes: u64,
    /// Files that could not be opened.
    pub open_errors: u64,
    /// Reads that failed.
    pub read_errors: u64,
    /// Flushes that failed.
    pub flush_errors: u64,
    /// Writes for which there was no room.
    pub full: u64,
    /// Full disks on which room was made under a waiting engine.
    pub room_made: u64,
    /// Writes that took long.
    pub slow: u64,
    /// Writes that went to another place.
    pub misdirected: u64,
    /// Durable bytes that changed by themselves.
    pub rotten: u64,
}

impl Counts {
    /// Adds another disk's.
    pub fn add(&mut self, other: &Self) {
        let Self {
            steps,
            kills,
            power_cuts,
            lost,
            torn,
            garbled,
            names_undone,
            write_errors,
            short_writes,
            open_errors,
            read_errors,
            flush_errors,
            full,
            room_made,
            slow,
            misdirected,
            rotten,
        } = other;
        self.steps += steps;
        self.kills += kills;
        self.power_cuts += power_cuts;
        self.lost += lost;
        self.torn += torn;
        self.garbled += garbled;
        self.names_undone += names_undone;
        self.write_errors += write_errors;
        self.short_writes += short_writes;
        self.open_errors += open_errors;
        self.read_errors += read_errors;
        self.flush_errors += flush_errors;
        self.full += full;
        self.room_made += room_made;
        self.slow += slow;
        self.misdirected += misdirected;
        self.rotten += rotten;
    }
}
