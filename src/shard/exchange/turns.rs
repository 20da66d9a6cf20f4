//! Whose turn it is to collect units of a pool.
//!
//! A request for several units may find some of them here and have to wait for the others. If it
//! kept those meanwhile, two such requests could wait for each other for ever, and one that is
//! refused in the end would have made others believe that the pool is empty. So only one request of
//! a pool at a time keeps what it has, in the order in which they asked the pool's home shard; and
//! while one does, nobody else is told that an item is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a shard knows of turns, by pool.
#[derive(Debug, Default)]
pub(super) struct Turns {
    here: BTreeMap<u32, Collecting>,
    /// Of pools whose home this is.
    given: BTreeMap<u32, Given>,
}

/// Requests of this shard that want to collect. While this is there, a turn was asked for.
#[derive(Debug, Default)]
struct Collecting {
    /// The places of their clients, in order.
    places: VecDeque<usize>,
    has_turn: bool,
    /// Items that nobody has but, perhaps, the request whose turn it is.
    absent: Vec<u32>,
    /// Items of which was said meanwhile that there are none here.
    said_empty: Vec<u32>,
}

/// Turns that were given to shards, and will be.
#[derive(Debug, Default)]
struct Given {
    to: Option<u32>,
    next: VecDeque<u32>,
    /// Items to look at again when the turn is over, each with whether the shard said meanwhile that
    /// it has none.
    unsettled: BTreeMap<u32, bool>,
    /// Those of them of which the shard was told that nobody else has any.
    absent: BTreeSet<u32>,
}

/// What a request leaves behind that needs no turn any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// It had the turn, and it is over.
    pub(super) over: bool,
    /// The next request here asks for the turn.
    pub(super) asks_again: bool,
    /// What it was told to be absent.
    pub(super) absent: Vec<u32>,
    /// What was said to be empty while it may have put something back.
    pub(super) said_empty: Vec<u32>,
}

/// An item that has to be looked at after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsettled {
    pub(super) item: u32,
    /// The shard whose turn it was had been told that nobody else has it.
    pub(super) was_absent: bool,
    /// That shard had said that it has none itself.
    pub(super) is_doubtful: bool,
}

impl Turns {
    /// A request wants to collect; whether the home shard has to be asked.
    pub(super) fn want(&mut self, pool: u32, place: usize) -> bool {
        let is_first = !self.here.contains_key(&pool);
        let here = self.here.entry(pool).or_default();
        if !here.places.contains(&place) {
            here.places.push_back(place);
        }
        is_first
    }

    /// The turn has come to this shard; whether there is still anybody who wants it.
    pub(super) fn begin(&mut self, pool: u32) -> bool {
        let Some(here) = self.here.get_mut(&pool) else {
            return false;
        };
        here.has_turn = !here.places.is_empty();
        if !here.has_turn {
            self.here.remove(&pool);
            return false;
        }
        true
    }

    /// The absent items, if it is this request's turn.
    pub(super) fn of(&self, pool: u32, place: usize) -> Option<&[u32]> {
        let here = self.here.get(&pool)?;
        (here.has_turn && here.places.front() == Some(&place)).then_some(&here.absent)
    }

    /// An item is absent; `false` if nobody here has the turn any more.
    pub(super) fn set_absent(&mut self, pool: u32, item: u32) -> bool {
        let Some(here) = self.here.get_mut(&pool).filter(|here| here.has_turn) else {
            return false;
        };
        here.absent.push(item);
        true
    }

    /// Whether a request of this shard collects.
    pub(super) fn has_turn(&self, pool: u32) -> bool {
        self.here.get(&pool).is_some_and(|here| here.has_turn)
    }

    /// There is none of an item here, was said.
    pub(super) fn say_empty(&mut self, pool: u32, item: u32) {
        if let Some(here) = self.here.get_mut(&pool).filter(|here| here.has_turn) {
            here.said_empty.push(item);
        }
    }

    /// A request needs no turn any more.
    pub(super) fn leave(&mut self, pool: u32, place: usize) -> Left {
        let had_turn = self.of(pool, place).is_some();
        let Some(here) = self.here.get_mut(&pool) else {
            return Left::default();
        };
        here.places.retain(|other| *other != place);
        if !had_turn {
            return Left::default();
        }
        let left = Left {
            over: true,
            asks_again: !here.places.is_empty(),
            absent: std::mem::take(&mut here.absent),
            said_empty: std::mem::take(&mut here.said_empty),
        };
        here.has_turn = false;
        if !left.asks_again {
            self.here.remove(&pool);
        }
        left
    }

    /// A shard asks for the turn.
    pub(super) fn queue(&mut self, pool: u32, shard: u32) {
        self.given.entry(pool).or_default().next.push_back(shard);
    }

    /// The next shard whose turn it is, when the last turn is over and settled.
    pub(super) fn give(&mut self, pool: u32) -> Option<u32> {
        let given = self.given.get_mut(&pool)?;
        if given.to.is_some() || !given.unsettled.is_empty() {
            return None;
        }
        given.to = given.next.pop_front();
        if given.to.is_none() {
            self.given.remove(&pool);
            return None;
        }
        given.to
    }

    /// Which shard has the turn.
    pub(super) fn given_to(&self, pool: u32) -> Option<u32> {
        self.given.get(&pool)?.to
    }

    /// The pools of which this shard has the turn.
    pub(super) fn given_pools(&self, shard: u32) -> Vec<u32> {
        let given = self.given.iter();
        given
            .filter(|(_, given)| given.to == Some(shard))
            .map(|(pool, _)| *pool)
            .collect()
    }

    /// This item has to be looked at again after the turn.
    pub(super) fn unsettle(&mut self, pool: u32, item: u32) {
        if let Some(given) = self.given.get_mut(&pool).filter(|given| given.to.is_some()) {
            given.unsettled.entry(item).or_default();
        }
    }

    /// A shard said that it has none of an item; if it is its turn, it may have some again after it.
    pub(super) fn doubt(&mut self, pool: u32, item: u32, shard: u32) {
        if let Some(given) = self.given.get_mut(&pool)
            && given.to == Some(shard)
        {
            given.unsettled.insert(item, true);
        }
    }

    /// The shard that has the turn is told that nobody else has this item; whether it is news.
    pub(super) fn tell_absent(&mut self, pool: u32, item: u32) -> bool {
        let given = self.given.get_mut(&pool);
        given.is_some_and(|given| given.absent.insert(item))
    }

    /// A shard's turn is over: the items to look at.
    pub(super) fn end(&mut self, pool: u32, shard: u32) -> Vec<Unsettled> {
        let Some(given) = self.given.get_mut(&pool) else {
            return Vec::new();
        };
        if given.to != Some(shard) {
            return Vec::new();
        }
        given.to = None;
        let absent = std::mem::take(&mut given.absent);
        let unsettled = given.unsettled.iter();
        unsettled
            .map(|(item, doubtful)| Unsettled {
                item: *item,
                was_absent: absent.contains(item),
                is_doubtful: *doubtful,
            })
            .collect()
    }

    /// Nobody waits for this item any more.
    pub(super) fn settle(&mut self, pool: u32, item: u32) -> bool {
        let given = self.given.get_mut(&pool).filter(|given| given.to.is_none());
        given.is_some_and(|given| given.unsettled.remove(&item).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round_in_the_order_of_asking() {
        let mut home = Turns::default();
        home.queue(7, 1);
        home.queue(7, 2);
        home.queue(8, 3);
        assert_eq!((home.give(7), home.give(8)), (Some(1), Some(3)));
        assert_eq!(home.give(7), None, "one at a time");
        assert_eq!(home.given_pools(3), [8]);
        assert_eq!(home.end(7, 2), [], "it is not its turn");
        assert_eq!(home.end(7, 1), []);
        assert_eq!(home.give(7), Some(2));
        assert_eq!(home.end(7, 2), []);
        assert_eq!((home.give(7), home.given_to(7)), (None, None));
        assert_eq!(home.given.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn the_next_turn_waits_until_what_was_said_is_settled() {
        let mut home = Turns::default();
        home.queue(7, 1);
        home.queue(7, 2);
        home.give(7);
        home.unsettle(7, 5);
        home.doubt(7, 6, 1);
        home.doubt(7, 8, 2);
        assert!(home.tell_absent(7, 5));
        assert!(!home.tell_absent(7, 5));
        assert!(!home.settle(7, 5), "the turn is not over");
        let unsettled = [(5, true, false), (6, false, true)];
        let unsettled = unsettled.map(|(item, was_absent, is_doubtful)| Unsettled {
            item,
            was_absent,
            is_doubtful,
        });
        assert_eq!(home.end(7, 1), unsettled);
        assert_eq!(home.give(7), None);
        assert!(home.settle(7, 5));
        assert_eq!(home.give(7), None);
        assert!(home.settle(7, 6));
        assert_eq!(home.give(7), Some(2));
    }

    #[test]
    fn one_request_of_a_shard_has_the_turn() {
        let mut here = Turns::default();
        assert!(here.want(7, 10));
        assert!(!here.want(7, 10) && !here.want(7, 11), "asked already");
        assert_eq!(here.of(7, 10), None);
        assert!(!here.set_absent(7, 3));
        assert!(here.begin(7));
        assert!(here.set_absent(7, 3) && here.has_turn(7));
        here.say_empty(7, 4);
        assert_eq!((here.of(7, 10), here.of(7, 11)), (Some(&[3][..]), None));
        let left = here.leave(7, 10);
        assert!(left.over && left.asks_again && left.absent == [3] && left.said_empty == [4]);
        assert!(!here.want(7, 12), "asked again");
        // Its client went away before the turn came.
        assert_eq!(here.leave(7, 11), Left::default());
        assert_eq!(here.leave(7, 12), Left::default());
        assert!(!here.begin(7), "nobody wants it");
        assert!(here.want(7, 13));
    }
}
