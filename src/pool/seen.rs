//! Which ids stood before.

use std::hash::{BuildHasher, RandomState};

use super::Items;

/// The places of ids by their hashes, in 8 to 16 bytes an id however long it is. It is seeded at
/// random: who names items must not be able to make them collide.
pub(super) struct Seen<'a> {
    items: &'a Items,
    /// One more than a place, or 0: a power of two of them, half of which stay empty.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl<'a> Seen<'a> {
    /// With room for the ids of all these items.
    pub(super) fn among(items: &'a Items) -> Self {
        Self {
            items,
            slots: vec![0; (2 * items.len()).next_power_of_two()],
            hasher: RandomState::new(),
        }
    }

    /// The item at this place stands there. Whether none of those before had its id.
    pub(super) fn insert(&mut self, place: usize) -> bool {
        let id = self.items.at(place).id;
        let mut at = self.hasher.hash_one(id) as usize;
        loop {
            at &= self.slots.len() - 1;
            match self.slots[at] {
                0 => {
                    self.slots[at] = place as u32 + 1;
                    return true;
                }
                other if self.items.at(other as usize - 1).id == id => return false,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::ItemDefinition;

    #[test]
    fn only_what_stood_before_is_known() {
        let ids = (0..1000u32).map(|number| (number % 700).to_string());
        let items: Items = ids
            .map(|id| ItemDefinition {
                id,
                weight: 1,
                stock: None,
            })
            .collect();
        let mut seen = Seen::among(&items);
        let is_new: Vec<bool> = (0..1000).map(|place| seen.insert(place)).collect();
        assert!(
            is_new
                .iter()
                .enumerate()
                .all(|(at, new)| *new == (at < 700))
        );
    }
}
