//! Requests and completions as they lie in the rings. A plain draw takes one slot each way; what
//! asks for more takes more slots, which are written and published together.

use super::{HOLD_MS_MAX, Outcome, PoolId, Refusal, Request, RequestId};

/// What kind of request it is: the count in the low byte, flags above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape(u32);

impl Shape {
    /// One draw, and nothing else.
    pub(crate) const PLAIN: Self = Self(1);
    pub(crate) const PARTIAL: u32 = 1 << 8;
    pub(crate) const KEY: u32 = 1 << 9;
    pub(crate) const RETRY: u32 = 1 << 10;
    pub(crate) const HOLD: u32 = 1 << 11;

    pub(crate) fn count(self) -> u8 {
        self.0 as u8
    }

    pub(crate) fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    pub(super) fn with(self, flag: u32, on: bool) -> Self {
        Self(if on { self.0 | flag } else { self.0 & !flag })
    }

    pub(super) fn with_count(self, count: u8) -> Self {
        Self((self.0 & !0xFF) | u32::from(count))
    }

    /// Slots that a request takes.
    pub(crate) fn request_slots(self) -> usize {
        1 + usize::from(self.has(Self::KEY)) + usize::from(self.has(Self::HOLD))
    }

    /// Slots that its completion takes, at most.
    pub(crate) fn completion_slots(self) -> usize {
        match self.count() {
            _ if self == Self::PLAIN => 1,
            1 => 2,
            count => 2 + usize::from(count).div_ceil(CompletionSlot::ITEMS),
        }
    }
}

/// A request as it lies in a ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSlot {
    pub(crate) request: RequestId,
    pub(crate) pool: PoolId,
    pub(crate) shape: Shape,
}

/// A request that is not plain, taken out of its slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) pool: PoolId,
    pub(crate) shape: Shape,
    pub(crate) key: Option<u128>,
    pub(crate) hold_ms: Option<u64>,
}

impl Request {
    /// Whether one slot says it all.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.shape == Shape::PLAIN
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Tells keys apart, evenly; `None` without one. The same for ever, for it says where a key is
    /// remembered.
    pub(crate) fn key_hash(&self) -> Option<u64> {
        let mixed = (self.key as u64 ^ (self.key >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.shape.has(Shape::KEY).then_some(mixed >> 32)
    }

    /// The first slot, which for a plain request is the only one.
    #[inline]
    pub(crate) fn slot(&self, request: RequestId) -> RequestSlot {
        RequestSlot {
            request,
            pool: self.pool,
            shape: self.shape,
        }
    }

    /// All its slots.
    #[inline]
    pub(crate) fn slots(&self, request: RequestId) -> impl Iterator<Item = RequestSlot> {
        (0..self.shape.request_slots()).map(move |at| match at {
            0 => self.slot(request),
            1 if self.shape.has(Shape::KEY) => RequestSlot {
                request: self.key as u64,
                pool: PoolId((self.key >> 64) as u32),
                shape: Shape((self.key >> 96) as u32),
            },
            _ => RequestSlot {
                request: self.hold_ms,
                pool: PoolId(0),
                shape: Shape(0),
            },
        })
    }
}

impl Asked {
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.shape == Shape::PLAIN
    }

    /// Takes a request out of its slots; `None` where there are too few.
    pub(crate) fn read(slots: &mut impl Iterator<Item = RequestSlot>) -> Option<Self> {
        let RequestSlot {
            request,
            pool,
            shape,
        } = slots.next()?;
        let key = if shape.has(Shape::KEY) {
            let slot = slots.next()?;
            let high = u128::from(slot.pool.0) | (u128::from(slot.shape.0) << 32);
            Some(u128::from(slot.request) | (high << 64))
        } else {
            None
        };
        let hold_ms = if shape.has(Shape::HOLD) {
            Some(slots.next()?.request.min(HOLD_MS_MAX))
        } else {
            None
        };
        Some(Self {
            request,
            pool,
            shape,
            key,
            hold_ms,
        })
    }
}

/// A completion as it lies in a ring: the item, or one of the codes below; seq 0 is "not logged".
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompletionSlot {
    pub(crate) request: RequestId,
    pub(crate) seq: u64,
    pub(crate) pool: PoolId,
    pub(crate) item: u32,
}

impl CompletionSlot {
    pub(crate) const NO_PRIZE: u32 = u32::MAX;
    const EXHAUSTED: u32 = u32::MAX - 1;
    const UNKNOWN_POOL: u32 = u32::MAX - 2;
    const CLOSED: u32 = u32::MAX - 3;
    const NOT_YET_OPEN: u32 = u32::MAX - 4;
    const TOO_FEW: u32 = u32::MAX - 5;
    const KEY_CONFLICT: u32 = u32::MAX - 6;
    const FORGOTTEN: u32 = u32::MAX - 7;
    const TOO_MANY_HOLDS: u32 = u32::MAX - 8;
    /// More slots follow: a head, and the items.
    pub(crate) const MORE: u32 = u32::MAX - 9;
    const UNAVAILABLE: u32 = u32::MAX - 10;

    /// Items that one of the following slots carries.
    pub(super) const ITEMS: usize = 6;
    const SEVERAL: u32 = 1 << 8;

    /// A refused request's only slot.
    pub(crate) fn refused(request: RequestId, pool: PoolId, refusal: Refusal) -> Self {
        let item = match refusal {
            Refusal::Exhausted => Self::EXHAUSTED,
            Refusal::TooFew => Self::TOO_FEW,
            Refusal::UnknownPool => Self::UNKNOWN_POOL,
            Refusal::Closed => Self::CLOSED,
            Refusal::NotYetOpen => Self::NOT_YET_OPEN,
            Refusal::KeyConflict => Self::KEY_CONFLICT,
            Refusal::Forgotten => Self::FORGOTTEN,
            Refusal::TooManyHolds => Self::TOO_MANY_HOLDS,
            Refusal::Unavailable => Self::UNAVAILABLE,
        };
        Self {
            request,
            seq: 0,
            pool,
            item,
        }
    }

    #[inline]
    pub(super) fn outcome(&self) -> Outcome {
        match self.item {
            Self::NO_PRIZE => Outcome::NoPrize,
            Self::EXHAUSTED => Outcome::Exhausted,
            Self::UNKNOWN_POOL => Outcome::UnknownPool,
            Self::CLOSED => Outcome::Closed,
            Self::NOT_YET_OPEN => Outcome::NotYetOpen,
            Self::TOO_FEW => Outcome::TooFew,
            Self::KEY_CONFLICT => Outcome::KeyConflict,
            Self::FORGOTTEN => Outcome::Forgotten,
            Self::TOO_MANY_HOLDS => Outcome::TooManyHolds,
            Self::UNAVAILABLE => Outcome::Unavailable,
            Self::MORE => Outcome::Items,
            item => Outcome::Item(item),
        }
    }

    /// The slot after the first of a completion with more to it. `is_several` if more than one draw
    /// was asked for; otherwise the item is here, and nothing follows.
    pub(crate) fn head(
        original: RequestId,
        held_until_ms: u64,
        items: &[u32],
        is_several: bool,
    ) -> Self {
        let (item, flags) = if is_several {
            (0, Self::SEVERAL)
        } else {
            (items[0], 0)
        };
        Self {
            request: original,
            seq: held_until_ms,
            pool: PoolId(item),
            item: items.len() as u32 | flags,
        }
    }

    pub(super) fn original(&self) -> RequestId {
        self.request
    }

    pub(super) fn held_until_ms(&self) -> Option<u64> {
        (self.seq != 0).then_some(self.seq)
    }

    pub(super) fn count(&self) -> usize {
        usize::from(self.item as u8)
    }

    pub(super) fn is_several(&self) -> bool {
        self.item & Self::SEVERAL != 0
    }

    /// The item of a head that is of one.
    pub(super) fn only_item(&self) -> u32 {
        self.pool.0
    }

    /// Slots that carry items.
    pub(crate) fn pack(items: &[u32]) -> impl Iterator<Item = Self> {
        items.chunks(Self::ITEMS).map(|items| {
            let item = |at: usize| items.get(at).copied().unwrap_or(0);
            let pair = |at| u64::from(item(at)) | (u64::from(item(at + 1)) << 32);
            Self {
                request: pair(0),
                seq: pair(2),
                pool: PoolId(item(4)),
                item: item(5),
            }
        })
    }

    pub(super) fn unpack(&self) -> [u32; Self::ITEMS] {
        [
            self.request as u32,
            (self.request >> 32) as u32,
            self.seq as u32,
            (self.seq >> 32) as u32,
            self.pool.0,
            self.item,
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::request::Completion;

    #[test]
    fn a_request_comes_out_as_it_went_in() {
        let key = 0xFEDC_BA98_7654_3210_0123_4567_89AB_CDEF;
        let request = Request::from(PoolId::new(3, 4))
            .count(10)
            .key(key)
            .hold_for(Duration::from_micros(1500));
        let slots: Vec<_> = request.slots(77).collect();
        assert_eq!(slots.len(), request.shape().request_slots());
        let asked = Asked::read(&mut slots.into_iter()).unwrap();
        assert_eq!((asked.request, asked.pool), (77, PoolId::new(3, 4)));
        assert_eq!((asked.key, asked.hold_ms), (Some(key), Some(2)));
        assert_eq!(asked.shape.count(), 10);
    }

    #[test]
    fn completions_come_out_as_they_went_in() {
        for count in [0u32, 1, 3, 5, 6, 7, 12, 100] {
            let shape = Shape::PLAIN.with(Shape::KEY, true).with_count(count as u8);
            let first = CompletionSlot {
                request: 9,
                seq: 5,
                pool: PoolId::new(1, 2),
                item: CompletionSlot::MORE,
            };
            for no_prize_at in [0, 3] {
                let item = |at: u32| if at == no_prize_at { u32::MAX } else { at * 7 };
                let items: Vec<_> = (0..count).map(item).collect();
                let is_several = count != 1;
                let head = CompletionSlot::head(8, 1234, &items, is_several);
                let packed = CompletionSlot::pack(if is_several { &items } else { &[] });
                let slots: Vec<_> = [first, head].into_iter().chain(packed).collect();
                assert!(slots.len() <= shape.completion_slots());
                let completion = Completion::read(&mut slots.into_iter(), 1).unwrap();
                assert_eq!(completion.outcome == Outcome::Items, is_several);
                assert!(completion.is_replay());
                assert_eq!(completion.held_until_ms(), Some(1234));
                let expected = items
                    .into_iter()
                    .map(|item| (item != u32::MAX).then_some(item));
                assert!(completion.items().eq(expected), "{count} items");
            }
        }
    }
}
