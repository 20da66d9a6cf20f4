//! An answer as a line of JSON, for requests that are more than one plain draw.

use serde::Serialize;
use tombola::{Completion, Outcome, PoolHandle};

use crate::output;

/// What is told of a request.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    request: u64,
    shard: usize,
    seq: Option<u64>,
    /// The line of the input that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    pool: &'a str,
    key: Option<String>,
    replay: bool,
    /// The request that drew, where this one is a replay of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<u64>,
    items: Vec<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

impl<'a> Answer<'a> {
    /// The answer to any request; `pool` is the one that it named.
    pub(super) fn new(completion: &Completion, pool: &'a PoolHandle) -> Self {
        let pool = pool.definition();
        let id = |place: u32| Some(pool.items.get(place as usize)?.id);
        let is_replay = completion.is_replay();
        Self {
            request: completion.request,
            shard: completion.shard,
            seq: completion.seq,
            line: None,
            pool: &pool.name,
            key: None,
            replay: is_replay,
            original: is_replay.then(|| completion.original()),
            items: completion.items().map(|item| item.and_then(id)).collect(),
            held_until_ms: completion.held_until_ms(),
            outcome: refusal(completion.outcome),
        }
    }

    /// Says what was asked: in which line, with which key.
    pub(super) fn to(mut self, line: u64, key: Option<u128>) -> Self {
        self.line = Some(line);
        self.key = key.map(|key| format!("{key:#x}"));
        self
    }

    /// Adds the line, with its end.
    pub(super) fn write(&self, lines: &mut Vec<u8>) {
        lines.extend_from_slice(output::json(self).as_bytes());
        lines.push(b'\n');
    }
}

/// What a refusal is called; `None` for what was drawn.
pub(crate) fn refusal(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::Item(_) | Outcome::Items | Outcome::NoPrize => return None,
        Outcome::Exhausted => "exhausted",
        Outcome::TooFew => "too_few",
        Outcome::UnknownPool => "unknown_pool",
        Outcome::Closed => "closed",
        Outcome::NotYetOpen => "not_yet_open",
        Outcome::KeyConflict => "key_conflict",
        Outcome::Forgotten => "forgotten",
        Outcome::TooManyHolds => "too_many_holds",
        Outcome::Unavailable => "unavailable",
        _ => "refused",
    })
}
