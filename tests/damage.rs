//! Files that are damaged, cut, lost, swapped or brought in from elsewhere: an engine opens with
//! everything that was acknowledged, or says what is wrong and changes nothing. What it refuses
//! opens once the loss is accepted, and that is the loss that was told.

mod common;

#[path = "common/place.rs"]
mod place;

#[path = "damage/astray.rs"]
mod astray;
#[path = "damage/brought.rs"]
mod brought;
#[path = "damage/every_byte.rs"]
mod every_byte;
#[path = "damage/fault.rs"]
mod fault;
#[path = "damage/gaps.rs"]
mod gaps;
#[path = "damage/misdirected.rs"]
mod misdirected;
#[path = "damage/numbers.rs"]
mod numbers;
#[path = "damage/small.rs"]
mod small;
#[path = "damage/told.rs"]
mod told;
#[path = "damage/torn.rs"]
mod torn;
#[path = "damage/two_on_all_shards.rs"]
mod two_on_all_shards;
#[path = "damage/verdict.rs"]
mod verdict;
