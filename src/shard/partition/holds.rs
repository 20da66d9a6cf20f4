//! Units that are reserved and not handed out yet, and how holds and voided requests ended.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
};

use bincode::{Decode, Encode};

use super::Misfit;
use crate::wal::record::Settlement;

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Hold {
    pub(crate) pool: u32,
    pub(crate) until_ms: u64,
    pub(crate) items: Vec<u32>,
}

/// The open holds, by request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds {
    open: HashMap<u64, Hold>,
    /// When which hold ends; those that have ended otherwise are skipped.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Holds {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn get(&self, request: u64) -> Option<&Hold> {
        self.open.get(&request)
    }

    pub(super) fn insert(&mut self, request: u64, hold: Hold) {
        self.ends.push(Reverse((hold.until_ms, request)));
        self.open.insert(request, hold);
    }

    pub(super) fn remove(&mut self, request: u64) -> Option<Hold> {
        let hold = self.open.remove(&request);
        if self.ends.len() > 64 + 2 * self.open.len() {
            let open = &self.open;
            self.ends
                .retain(|Reverse((_, request))| open.contains_key(request));
        }
        hold
    }

    /// A hold that has ended by `now_ms`, the one that ended first.
    pub(crate) fn expired(&mut self, now_ms: u64) -> Option<u64> {
        while let Some(Reverse((until_ms, request))) = self.ends.peek().copied() {
            if !self.open.contains_key(&request) {
                self.ends.pop();
            } else if until_ms <= now_ms {
                return Some(request);
            } else {
                break;
            }
        }
        None
    }

    /// What a snapshot holds.
    pub(super) fn image(&self) -> impl Encode + '_ {
        self.open.iter().collect::<BTreeMap<_, _>>()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.open.values()
    }
}

impl PartialEq for Holds {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

impl Eq for Holds {}

impl From<BTreeMap<u64, Hold>> for Holds {
    fn from(back: BTreeMap<u64, Hold>) -> Self {
        let mut holds = Self::default();
        for (request, hold) in back {
            holds.insert(request, hold);
        }
        holds
    }
}

/// How the newest holds ended, and which requests were voided: so that nothing comes back twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SettledMemory {
    ends: HashMap<u64, Settlement>,
    /// The oldest first.
    order: VecDeque<u64>,
    /// No request up to this one can be voided any more: nothing tells whether it was.
    forgotten_upto: u64,
}

impl SettledMemory {
    pub(crate) fn get(&self, request: u64) -> Option<Settlement> {
        self.ends.get(&request).copied()
    }

    /// Whether it is not known any more what became of this request.
    pub(crate) fn is_forgotten(&self, request: u64) -> bool {
        request <= self.forgotten_upto
    }

    pub(super) fn insert(&mut self, request: u64, how: Settlement, limit: u64) {
        if self.ends.insert(request, how).is_none() {
            self.order.push_back(request);
        }
        self.limit(limit);
    }

    /// Forgets the oldest until there are no more than the limit.
    pub(super) fn limit(&mut self, limit: u64) {
        while self.order.len() as u64 > limit {
            if let Some(oldest) = self.order.pop_front() {
                self.ends.remove(&oldest);
                self.forgotten_upto = self.forgotten_upto.max(oldest);
            }
        }
    }

    /// What a snapshot holds.
    pub(super) fn image(&self) -> impl Encode + '_ {
        let ends: Vec<_> = self
            .order
            .iter()
            .map(|request| (*request, self.ends[request]))
            .collect();
        (self.forgotten_upto, ends)
    }
}

impl TryFrom<(u64, Vec<(u64, Settlement)>)> for SettledMemory {
    type Error = Misfit;

    fn try_from((forgotten_upto, back): (u64, Vec<(u64, Settlement)>)) -> Result<Self, Misfit> {
        let order: VecDeque<u64> = back.iter().map(|(request, _)| *request).collect();
        let ends: HashMap<u64, Settlement> = back.into_iter().collect();
        if ends.len() != order.len() {
            return Err(Misfit("a request has ended twice".into()));
        }
        Ok(Self {
            ends,
            order,
            forgotten_upto,
        })
    }
}
