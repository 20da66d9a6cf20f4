//! The answer to a request.

use super::{PoolId, RequestId};
use crate::request::CompletionSlot;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// One unit of the item at this place of its pool was handed out, or is held.
    Item(u32),
    /// The draw hit an item that ran out, in a pool that answers so ([`crate::OnExhausted::NoPrize`]).
    NoPrize,
    /// Several draws were asked for: [`Completion::items`] tells what they brought.
    Items,
    /// Nothing is left in the whole pool. The log does not hold it.
    Exhausted,
    /// Fewer units are left than were asked for, and the request does not take
    /// [a part](crate::Request::partial). Nothing was drawn.
    TooFew,
    /// The engine has no such pool. The log does not hold it.
    UnknownPool,
    /// The pool is closed, for now or for good. The log does not hold it.
    Closed,
    /// The pool's window has not begun. The log does not hold it.
    NotYetOpen,
    /// The request's key is remembered for another pool or count. Nothing was drawn.
    KeyConflict,
    /// The request is a [retry](crate::Request::retry), its key is not remembered, and the shard has
    /// forgotten keys: this may be one of them, or one that never was there. Nothing was drawn. A
    /// request that is not marked as a retry is never answered like this: it is drawn for.
    Forgotten,
    /// As many holds are open as there may be ([`holds_max`](crate::Config::holds_max)). Nothing was
    /// drawn.
    TooManyHolds,
    /// The pool lives on all shards, and the item that was chosen is on one that has stopped.
    /// Nothing was drawn.
    Unavailable,
}

/// The answer to one request. It is given when its record is as durable as the engine was asked to
/// make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The request this answers.
    pub request: RequestId,
    /// The shard that made the draw.
    pub shard: usize,
    /// The record's sequence number in the shard's log; `None` for what the log does not hold.
    pub seq: Option<u64>,
    /// The pool.
    pub pool: PoolId,
    /// What came of it.
    pub outcome: Outcome,
    /// What a plain draw has none of.
    more: Option<Box<More>>,
}

impl Default for Completion {
    /// Answers nothing: it fills the slice that [`poll`](crate::Client::poll) puts answers into.
    fn default() -> Self {
        Self {
            request: 0,
            shard: 0,
            seq: None,
            pool: PoolId(0),
            outcome: Outcome::UnknownPool,
            more: None,
        }
    }
}

/// What is told of a request for several draws or with a hold, and of one that was answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct More {
    original: RequestId,
    held_until_ms: Option<u64>,
    /// None where the outcome tells the only one.
    items: Vec<u32>,
}

impl Completion {
    /// What was drawn, in the order of the draws: the items' places in their pool, `None` for a
    /// draw that answered "no prize". Nothing where the request was refused.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Option<u32>> + '_ {
        let one = match self.outcome {
            Outcome::Item(item) => Some(item),
            Outcome::NoPrize => Some(CompletionSlot::NO_PRIZE),
            _ => None,
        };
        let several = self.more.as_ref().map_or(&[][..], |more| &more.items);
        // Either the one or the others.
        let count = one.map_or(several.len(), |_| 1);
        (0..count).map(move |at| {
            let item = one.unwrap_or_else(|| several[at]);
            (item != CompletionSlot::NO_PRIZE).then_some(item)
        })
    }

    /// Whether this is what an earlier request with the same key got.
    pub fn is_replay(&self) -> bool {
        self.original() != self.request
    }

    /// The request that drew: an earlier one if this [is a replay](Self::is_replay).
    pub fn original(&self) -> RequestId {
        self.more
            .as_ref()
            .map_or(self.request, |more| more.original)
    }

    /// Until when the units are held, in milliseconds since 1970; `None` if they were handed out.
    pub fn held_until_ms(&self) -> Option<u64> {
        self.more.as_ref()?.held_until_ms
    }

    /// Takes one completion out of the slots of a ring.
    #[inline]
    pub(crate) fn read(
        slots: &mut impl Iterator<Item = CompletionSlot>,
        shard: usize,
    ) -> Option<Self> {
        let slot = slots.next()?;
        let mut completion = Self {
            request: slot.request,
            shard,
            seq: (slot.seq != 0).then_some(slot.seq),
            pool: slot.pool,
            outcome: slot.outcome(),
            more: None,
        };
        if slot.item == CompletionSlot::MORE {
            completion.read_more(slots);
        }
        Some(completion)
    }

    #[cold]
    fn read_more(&mut self, slots: &mut impl Iterator<Item = CompletionSlot>) {
        let Some(head) = slots.next() else { return };
        let items = if head.is_several() {
            self.outcome = Outcome::Items;
            read_items(head.count(), slots)
        } else {
            self.outcome = match head.only_item() {
                CompletionSlot::NO_PRIZE => Outcome::NoPrize,
                item => Outcome::Item(item),
            };
            Vec::new()
        };
        self.more = Some(Box::new(More {
            original: head.original(),
            held_until_ms: head.held_until_ms(),
            items,
        }));
    }
}

fn read_items(count: usize, slots: &mut impl Iterator<Item = CompletionSlot>) -> Vec<u32> {
    let mut items = Vec::with_capacity(count);
    while items.len() < count {
        let Some(slot) = slots.next() else { break };
        let left = count - items.len();
        items.extend(slot.unpack().into_iter().take(left));
    }
    items
}
