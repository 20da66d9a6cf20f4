//! Waiting until the other shards know what this one has done.
//!
//! Units that come back are told of behind the draws, so a caller whose void was answered could
//! still be told by another shard that there are none. A fence is passed when everything that had
//! come before it is dealt with, and everything that was to be said then is in the others' rings.
//! Fences one after the other, at the shard where something happened, at the pool's home and at the
//! others, make it known everywhere.

use super::Exchange;
use crate::ring::Reply;

/// Who waits, and for what.
pub(super) struct Fence {
    reply: Reply<()>,
    /// By the other shard: how many of its messages have to be handled.
    heard: Vec<u64>,
    /// How many messages have to be sent to it, once that is known.
    said: Option<Vec<u64>>,
}

impl Exchange {
    /// Answers when what has come up to now is handled, and what follows from it is sent.
    pub(crate) fn fence(&mut self, reply: Reply<()>) {
        let heard = (0..).zip(&self.posts).map(|(peer, post)| {
            let waiting = self.mesh.waiting(peer) + usize::from(post.stuck.is_some());
            post.handled + waiting as u64
        });
        let heard = heard.collect();
        self.fences.push(Fence {
            reply,
            heard,
            said: None,
        });
    }

    /// Nobody is answered any more.
    pub(crate) fn drop_fences(&mut self) {
        self.fences.clear();
    }

    pub(super) fn pass_fences(&mut self) {
        for at in (0..self.fences.len()).rev() {
            let fence = &self.fences[at];
            let mut heard = self.posts.iter().zip(&fence.heard);
            if fence.said.is_none() && heard.all(|(post, heard)| post.handled >= *heard) {
                let said = |post: &super::Post| post.sent + post.outgoing.len() as u64;
                self.fences[at].said = Some(self.posts.iter().map(said).collect());
            }
            let Some(said) = &self.fences[at].said else {
                continue;
            };
            let mut said = (0..).zip(self.posts.iter().zip(said));
            // Who has stopped hears nothing more.
            if said.all(|(peer, (post, said))| post.sent >= *said || self.is_over(peer)) {
                self.fences.swap_remove(at).reply.send(());
            }
        }
    }
}
