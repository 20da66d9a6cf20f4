//! A deterministic simulator: whole engines, with shards, clients, housekeeper and recovery, on one
//! thread under a seed, with a simulated disk, clock and scheduler.
//!
//! A seed draws an engine's settings, a number of lives, what the clients do and what goes wrong:
//! blocks that are torn and finish in any order, writes that a power cut loses, garbage and zeros where
//! blocks were to be, failing and short writes, reads and flushes, full and slow disks, and crashes
//! at any step, also of rotation, snapshots and recovery. After every end everything has to hold that
//! `verdict` lists, or the engine has to refuse for a reason. The same seed does the same again,
//! step by step.

pub mod blocks;
pub mod book;
mod damage;
pub mod dice;
pub mod disk;
pub mod evidence;
mod files;
pub mod history;
pub mod life;
pub mod many;
pub mod plan;
#[cfg(test)]
mod quiet;
pub mod run;
pub mod tasks;
pub mod verdict;
