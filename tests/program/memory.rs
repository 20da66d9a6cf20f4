//! What is remembered of requests: two lists, the oldest first.

use std::collections::BTreeMap;

use super::step::Settings;

/// What a request drew.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) request: u64,
    pub(crate) shard: usize,
    pub(crate) seq: Option<u64>,
    pub(crate) pool: usize,
    pub(crate) count: u8,
    pub(crate) at_ms: u64,
    pub(crate) held_until_ms: Option<u64>,
    pub(crate) items: Vec<Option<u32>>,
}

/// What one shard knows of the requests that it answered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) keys: Keys,
    pub(crate) holds: BTreeMap<u64, Drawn>,
    pub(crate) ends: Ends,
    /// The newest time in its log.
    pub(crate) latest_ms: u64,
    pub(crate) last_seq: u64,
}

/// What requests with a key got.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    remembered: Vec<(u128, Drawn)>,
    pub(crate) has_forgotten: bool,
    most: usize,
    for_ms: u64,
}

impl Keys {
    pub(crate) fn get(&self, key: u128) -> Option<&Drawn> {
        let mut answers = self.remembered.iter();
        answers
            .find(|(other, _)| *other == key)
            .map(|(_, drawn)| drawn)
    }

    pub(crate) fn find(&self, request: u64) -> Option<&Drawn> {
        let mut answers = self.remembered.iter().map(|(_, drawn)| drawn);
        answers.find(|drawn| drawn.request == request)
    }

    pub(crate) fn len(&self) -> usize {
        self.remembered.len()
    }

    pub(crate) fn remember(&mut self, key: u128, drawn: Drawn) {
        let is_old = |answer: &Drawn| self.for_ms > 0 && answer.at_ms + self.for_ms <= drawn.at_ms;
        let mut answers = self.remembered.iter();
        let old = answers.position(|(_, answer)| !is_old(answer));
        self.forget(old.unwrap_or(self.remembered.len()));
        self.remembered.push((key, drawn));
        self.forget(self.remembered.len().saturating_sub(self.most));
    }

    pub(crate) fn set(&mut self, settings: &Settings) {
        (self.most, self.for_ms) = (settings.remember_keys, settings.remember_for_ms);
        self.forget(self.remembered.len().saturating_sub(self.most));
    }

    fn forget(&mut self, count: usize) {
        self.has_forgotten |= count > 0;
        self.remembered.drain(..count);
    }
}

/// How a request's units were settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    Confirmed,
    Voided,
    Expired,
}

impl End {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "Confirmed",
            Self::Voided => "Voided",
            Self::Expired => "Expired",
        }
    }
}

/// How holds ended, and what was voided.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    how: BTreeMap<u64, End>,
    order: Vec<u64>,
    forgotten_upto: u64,
    most: usize,
}

impl Ends {
    pub(crate) fn get(&self, request: u64) -> Option<End> {
        self.how.get(&request).copied()
    }

    /// Whether it may have been settled, and nobody knows any more.
    pub(crate) fn is_forgotten(&self, request: u64) -> bool {
        self.get(request).is_none() && request <= self.forgotten_upto
    }

    pub(crate) fn insert(&mut self, request: u64, how: End) {
        if self.how.insert(request, how).is_none() {
            self.order.push(request);
        }
        self.set(self.most);
    }

    pub(crate) fn set(&mut self, most: usize) {
        self.most = most;
        while self.order.len() > most {
            let oldest = self.order.remove(0);
            self.how.remove(&oldest);
            self.forgotten_upto = self.forgotten_upto.max(oldest);
        }
    }
}
