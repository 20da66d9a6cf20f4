//! A stream as a caller that waits: the other way round than group commit.

use std::thread;

use crate::{
    failure::Failure,
    peer::{Answer, Peer, Stream},
};

/// Asks for a batch and waits until all of it is answered.
pub(crate) struct Waiting(pub(crate) Box<dyn Stream>);

impl Peer for Waiting {
    fn draw_batch(&mut self, count: usize, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let all = out.len() + count;
        let mut unasked = count;
        while out.len() < all {
            unasked -= self.0.submit(unasked)?;
            let before = out.len();
            self.0.poll(out)?;
            if out.len() == before {
                thread::yield_now();
            }
        }
        Ok(())
    }
}
