//! Power cuts, full disks and failing devices under a real file system.
//!
//! This crate has what the tests beside it need of Linux, and nothing of the engine: file systems
//! of their own on loop devices ([`Disk`]), which are cut off from their device at any moment, filled
//! up or made read-only; and a device of our own below one ([`Device`]), that records every write and
//! flush, so that every state can be made in which a power cut could have left it ([`Recording`]), and
//! that fails or is slow when it is told to. It needs root, loop devices and FUSE; where a machine has
//! none, a test says so by its name ([`or_skip`]) and is counted.
//!
//! # Clean at any end
//!
//! Every test that mounts something does so in a mount namespace of its own thread, and a loop
//! device is told to detach itself once it is not used any more. So whatever becomes of the test's
//! process, `kill -9` included, the kernel takes back all of it but a few temporary files.
//!
//! # What a virtual disk hides
//!
//! - The medium: a loop device's flush is an `fsync` of the file below it, which in turn believes
//!   the (perhaps virtual) disk below that. A device that lies about flushes cannot be told here.
//! - Writes that were under way: the shutdown of a file system stops what comes after it, whole
//!   requests at a time. It tears no sector, reorders nothing, and what has reached the loop device
//!   stays, flushed or not. A [`Recording`] does lose, reorder and tear such writes, but it takes each
//!   call for finished before the next begins, tears at 512 bytes and nowhere else, and a sector holds
//!   the old bytes or the new ones, never others. A superblock of ext4 is never torn ([`Fate::Torn`]):
//!   then it could not be mounted any more, whatever is on it.
//! - Caches that spill: whatever was flushed once is there for ever, and no block rots.
//! - Time: there are no seeks, no full write cache, no pauses of a device that cleans up. A slow
//!   [`Device`] is evenly slow.

mod device;
mod disk;
mod namespace;
mod recording;
mod shutdown;
mod skip;

pub use device::{Call, Device, Fault};
pub use disk::{Disk, MIB, empty_image};
pub use recording::{Chance, Event, Fate, OnlyFlushed, Recording};
pub use skip::{long_form, or_skip};
