//! What the clients asked for, and what they were told.

use std::collections::{BTreeMap, BTreeSet};

use tombola::{Completion, Outcome, PoolId, Request, RequestId};

/// A request that was submitted.
#[derive(Debug, Clone, Copy)]
pub struct Submitted {
    /// Its pool.
    pub pool: PoolId,
    /// How many draws.
    pub count: u8,
    /// Its key.
    pub key: Option<u128>,
}

/// Everything that the clients know.
#[derive(Debug, Default)]
pub struct Book {
    /// By id.
    pub submitted: BTreeMap<RequestId, Submitted>,
    /// Draws that were acknowledged, by id.
    pub acknowledged: BTreeMap<RequestId, Completion>,
    /// The first acknowledged answer of each key.
    pub keys: BTreeMap<u128, Completion>,
    /// Requests whose void was acknowledged.
    pub voided: BTreeSet<RequestId>,
    /// Holds whose confirmation was acknowledged.
    pub confirmed: BTreeSet<RequestId>,
    /// Changes that were acknowledged, and that were asked for, by pool.
    pub edits: BTreeMap<PoolId, (u64, u64)>,
    /// Answers that were no draws.
    pub refused: u64,
    /// Draws that were acknowledged in all chapters.
    pub acknowledged_ever: u64,
}

impl Book {
    /// Requests with these ids were submitted.
    pub fn submit(&mut self, first: RequestId, requests: &[(Request, Submitted)]) {
        for (id, (_, submitted)) in (first..).zip(requests) {
            let before = self.submitted.insert(id, *submitted);
            assert!(before.is_none(), "request id {id} was given twice");
        }
    }

    /// Something was lost: what was acknowledged before may be gone. A change that was asked for may
    /// still come.
    pub fn begin_chapter(&mut self) {
        self.acknowledged.clear();
        self.keys.clear();
        self.voided.clear();
        self.confirmed.clear();
        self.edits.values_mut().for_each(|edits| *edits = (0, 1));
    }

    /// An answer came.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn answer(&mut self, completion: &Completion) -> Result<(), String> {
        let id = completion.request;
        let Some(submitted) = self.submitted.get(&id) else {
            return Err(format!("request {id} was answered and never submitted"));
        };
        let is_draw = matches!(
            completion.outcome,
            Outcome::Item(_) | Outcome::Items | Outcome::NoPrize
        );
        if !is_draw {
            self.refused += 1;
            return Ok(());
        }
        if let Some(key) = submitted.key {
            match self.keys.get(&key) {
                Some(first) if !is_same(first, completion) => {
                    return Err(format!(
                        "key {key} was answered with {first:?}, and then with {completion:?}"
                    ));
                }
                Some(_) if !completion.is_replay() => {
                    return Err(format!("key {key} was drawn for twice: {completion:?}"));
                }
                Some(_) => {}
                None => {
                    self.keys.insert(key, completion.clone());
                }
            }
        }
        if completion.is_replay() {
            return Ok(());
        }
        if self.acknowledged.insert(id, completion.clone()).is_some() {
            return Err(format!("request {id} was answered twice"));
        }
        self.acknowledged_ever += 1;
        Ok(())
    }
}

fn is_same(one: &Completion, other: &Completion) -> bool {
    one.original() == other.original() && one.items().eq(other.items()) && one.seq == other.seq
}
