//! Request ids: unique for ever, because ranges of them are reserved in the log before one is used.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{RequestId, RequestIds};

/// Ids that are reserved at once: at 50 million draws a second, 85 seconds' worth. A crash skips
/// what is left of them.
const RESERVED: u64 = 1 << 32;
/// No reservation of request ids that is lost together with what was drawn under it goes further
/// beyond the one before: a new one is made when half of the old one is used.
pub(crate) const RESERVED_AT_MOST: u64 = 2 * RESERVED;
/// Ids that a client takes at once, so that clients seldom meet.
const LEASED: u64 = 1024;

/// Where clients take their ids from.
#[derive(Debug)]
pub(crate) struct RequestIdSource {
    next: AtomicU64,
    limit: AtomicU64,
}

impl RequestIdSource {
    /// A source that goes on at `next`, and may not give anything until it is [allowed](Self::allow).
    pub(crate) fn new(next: RequestId) -> Self {
        Self {
            next: AtomicU64::new(next),
            limit: AtomicU64::new(next),
        }
    }

    /// The first id that was not given.
    pub(crate) fn next(&self) -> RequestId {
        self.next.load(Ordering::Relaxed)
    }

    /// How far to reserve next, if it is time.
    pub(crate) fn wants_more(&self) -> Option<RequestId> {
        let next = self.next();
        let left = self.limit.load(Ordering::Relaxed).saturating_sub(next);
        (left <= RESERVED / 2).then(|| next.saturating_add(RESERVED))
    }

    /// Ids below `upto` are reserved, durably.
    pub(crate) fn allow(&self, upto: RequestId) {
        // Relaxed, here and below: the ids themselves are all that passes.
        self.limit.fetch_max(upto, Ordering::Relaxed);
    }

    fn take(&self, count: u64) -> Option<RequestId> {
        let limit = self.limit.load(Ordering::Relaxed);
        let within = |next: u64| next.checked_add(count).filter(|end| *end <= limit);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .ok()
    }
}

/// A client's own small supply of ids.
#[derive(Debug, Default)]
pub(crate) struct RequestIdLease {
    next: RequestId,
    left: u64,
}

impl RequestIdLease {
    /// `count` consecutive ids, not used until [`used`](Self::used) says so; `None` while no more
    /// are reserved.
    #[inline]
    pub(crate) fn peek(&mut self, source: &RequestIdSource, count: usize) -> Option<RequestId> {
        let count = count as u64;
        if self.left < count {
            let size = count.max(LEASED);
            self.next = source.take(size)?;
            self.left = size;
        }
        Some(self.next)
    }

    /// The first `count` of the ids that were peeked at are used.
    #[inline]
    pub(crate) fn used(&mut self, count: usize, shard: usize) -> RequestIds {
        let first = self.next;
        self.next += count as u64;
        self.left -= count as u64;
        RequestIds {
            first,
            count,
            shard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_that_is_not_reserved() {
        let source = RequestIdSource::new(7);
        let mut lease = RequestIdLease::default();
        assert_eq!(lease.peek(&source, 1), None);
        let upto = source.wants_more().unwrap();
        assert_eq!(upto, 7 + RESERVED);
        source.allow(upto);
        assert_eq!(source.wants_more(), None);
        assert_eq!(lease.peek(&source, 3), Some(7));
        let used = lease.used(2, 3);
        assert_eq!((used.first, used.count, used.shard), (7, 2, 3));
        let mut other = RequestIdLease::default();
        assert_eq!(other.peek(&source, 1), Some(7 + LEASED));
        assert_eq!(lease.peek(&source, 1), Some(9));
    }
}
