//! What is measured to the instruction: whole engines on one thread, each path of a draw by itself.
//!
//! `benches/instructions.rs` runs each of them below callgrind, which counts what the processor is
//! told to do and no time, so other programs, caches and clocks are not in the figures. `tombola-budget`
//! starts it and holds what was counted against the budget in `instructions.toml`.

pub mod alone;
pub mod recovery;
pub mod stage;
pub mod turns;

/// How many draws each path makes: enough that what is done once does not count.
pub const DRAWS: usize = 100_000;

/// How many they are where each is made alone: then each has a block to itself, and one segment has
/// to hold them all.
pub const DRAWS_ALONE: usize = 10_000;

/// How many draws a path of this function makes.
pub fn draws(function: &str) -> usize {
    if function == "there_and_back" {
        DRAWS_ALONE
    } else {
        DRAWS
    }
}

/// The items of the pool that is drawn from.
pub const ITEMS: u64 = 1_000;

/// An item's weight.
pub const fn weight(item: u64) -> u64 {
    item % 97 + 1
}
