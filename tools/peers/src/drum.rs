//! The pool in memory, beside a store that knows nothing of odds: Tombola's own selector over the
//! units that the store has.

use std::hash::{BuildHasher, RandomState};

use tombola::selector::{Fenwick, Selector, Stream, below};

use crate::{failure::Failure, peer::Answer};

/// Random numbers that differ from one start to the next.
pub(crate) fn random() -> Stream {
    Stream::for_shard(RandomState::new().hash_one("seed"), 0)
}

/// Draws exactly: every item in stock with its weight over the weights of all in stock.
#[derive(Debug)]
pub(crate) struct Drum {
    selector: Fenwick,
    left: Vec<u64>,
    stream: Stream,
}

impl Drum {
    /// With so many units left of each item.
    pub(crate) fn new(weights: &[u64], left: Vec<u64>) -> Result<Self, Failure> {
        let in_stock: Vec<_> = weights
            .iter()
            .zip(&left)
            .map(|(&weight, &left)| if left > 0 { weight } else { 0 })
            .collect();
        Ok(Self {
            selector: Fenwick::new(&in_stock)?,
            left,
            stream: random(),
        })
    }

    /// The units left of each item.
    pub(crate) fn left(&self) -> &[u64] {
        &self.left
    }

    /// Takes one unit.
    pub(crate) fn draw(&mut self) -> Answer {
        let total = self.selector.total();
        if total == 0 {
            return None;
        }
        let place = self.selector.select(below(&mut self.stream, total));
        self.left[place] -= 1;
        if self.left[place] == 0 {
            let less = self.selector.set_weight(place, 0);
            less.expect("a sum that falls does not overflow");
        }
        Some(place as u32)
    }
}

/// The places among answers, each once.
#[derive(Debug)]
pub(crate) struct Distinct {
    is_there: Vec<bool>,
    places: Vec<u32>,
}

impl Distinct {
    /// Of a pool with so many items.
    pub(crate) fn new(items: usize) -> Self {
        Self {
            is_there: vec![false; items],
            places: Vec::with_capacity(items),
        }
    }

    /// The places among these answers, in the order of their first appearance.
    pub(crate) fn of(&mut self, answers: &[Answer]) -> &[u32] {
        for place in self.places.drain(..) {
            self.is_there[place as usize] = false;
        }
        for &place in answers.iter().flatten() {
            if !std::mem::replace(&mut self.is_there[place as usize], true) {
                self.places.push(place);
            }
        }
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_comes_once() {
        let mut distinct = Distinct::new(4);
        let answers = [Some(3), None, Some(1), Some(3)];
        assert_eq!(distinct.of(&answers), [3, 1]);
        assert_eq!(distinct.of(&answers[..1]), [3]);
    }
}
