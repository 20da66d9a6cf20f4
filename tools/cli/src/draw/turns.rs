//! Whose turn it is: the pools one after the other, some draws each.

/// The most draws that one pool gets before it is the next one's turn. They are one batch to one
/// shard, which is what makes submitting them cheap.
pub(super) const RUN_MAX: u64 = 256;

/// The pools of one client, by their place in the plan.
#[derive(Debug)]
pub(super) struct Turns {
    open: Vec<bool>,
    current: usize,
    run: u64,
    left: u64,
}

impl Turns {
    /// `share` is about how many draws each pool will get from this client; with few of them the
    /// turns are short, so that every pool gets some.
    pub(super) fn new(pools: usize, share: u64) -> Self {
        let run = share.clamp(1, RUN_MAX);
        Self {
            open: vec![true; pools],
            current: 0,
            run,
            left: run,
        }
    }

    /// The pool whose turn it is, and how many draws its turn still has. `None`: none gives anything.
    pub(super) fn current(&self) -> Option<(usize, u64)> {
        self.open[self.current].then_some((self.current, self.left))
    }

    /// The pool whose turn it is got `count` draws.
    pub(super) fn used(&mut self, count: u64) {
        self.left -= count;
        if self.left == 0 {
            self.next();
        }
    }

    /// A pool gives nothing any more; it gets no more turns.
    pub(super) fn ends(&mut self, pool: usize) {
        self.open[pool] = false;
        if pool == self.current {
            self.next();
        }
    }

    fn next(&mut self) {
        let pools = self.open.len();
        let mut places = (1..=pools).map(|step| (self.current + step) % pools);
        self.current = places
            .find(|place| self.open[*place])
            .unwrap_or(self.current);
        self.left = self.run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_take_turns_until_they_are_sold_out() {
        let mut turns = Turns::new(3, 2);
        assert_eq!(turns.current(), Some((0, 2)));
        turns.used(1);
        assert_eq!(turns.current(), Some((0, 1)));
        turns.used(1);
        assert_eq!(turns.current(), Some((1, 2)));
        turns.ends(2);
        turns.used(2);
        assert_eq!(turns.current(), Some((0, 2)));
        turns.ends(0);
        assert_eq!(turns.current(), Some((1, 2)));
        turns.ends(1);
        assert_eq!(turns.current(), None);
    }
}
