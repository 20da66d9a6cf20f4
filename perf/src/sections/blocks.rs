//! What the size of a block and the number of blocks on their way do to saturation.

use tombola::Config;

use super::{DEPTHS, Section, no_goals};
use crate::{
    case::Case,
    engines::{ITEMS, Opened, durable},
    saturate::{Ask, saturate},
};

pub(super) const SECTION: Section = Section {
    name: "blocks",
    about: "Saturation with other sizes of blocks and other numbers of them in flight",
    cases,
    goals: no_goals,
};

/// Bytes of a block.
pub(crate) const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// The case of a size and a depth.
pub(crate) fn name(bytes: usize, depth: usize) -> String {
    format!("blocks/{}KiB/in flight {depth}", bytes >> 10)
}

fn cases() -> Vec<Case> {
    let case = |block_bytes: usize, blocks_in_flight: usize| {
        Case::durable(name(block_bytes, blocks_in_flight), move |bench| {
            let config = Config {
                block_bytes,
                blocks_in_flight,
                ..durable()
            };
            let opened = Opened::new(bench.directory, config, ITEMS)?;
            saturate(bench, &opened, 1, Ask::SINGLE)
        })
    };
    SIZES
        .into_iter()
        .flat_map(|bytes| DEPTHS.map(|depth| case(bytes, depth)))
        .collect()
}
