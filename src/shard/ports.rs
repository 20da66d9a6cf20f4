//! A shard's ends of its clients' rings, and which completions each block makes public.

use super::partition::Begun;
use crate::ring::ShardEnd;

/// The clients of one shard.
pub(crate) struct Ports {
    /// By the client's place.
    ends: Vec<Option<ShardEnd>>,
    /// By the client's place: its first request, if that was begun and waits for another shard.
    begun: Vec<Option<Begun>>,
    /// The places that are taken, in the order in which they have their turns.
    active: Vec<usize>,
    first: usize,
    /// For each block slot and client: how many completions were staged when the block was closed.
    marks: Vec<u64>,
}

impl Ports {
    pub(crate) fn new(slots: usize, clients_max: usize) -> Self {
        Self {
            ends: (0..clients_max).map(|_| None).collect(),
            begun: (0..clients_max).map(|_| None).collect(),
            active: Vec::with_capacity(clients_max),
            first: 0,
            marks: vec![0; slots * clients_max],
        }
    }

    pub(crate) fn add(&mut self, index: usize, end: ShardEnd) {
        // Blocks in flight may carry marks of whoever had this place before.
        let clients_max = self.ends.len();
        self.marks
            .iter_mut()
            .skip(index)
            .step_by(clients_max)
            .for_each(|mark| *mark = 0);
        debug_assert!(self.ends[index].is_none(), "a place is one client's");
        self.ends[index] = Some(end);
        self.active.push(index);
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    /// The client whose turn is the `turn`th of this round.
    #[inline]
    pub(crate) fn in_turn(&mut self, turn: usize) -> Option<&mut ShardEnd> {
        let place = self.place_in_turn(turn);
        self.ends[place].as_mut()
    }

    /// What that client's first request has begun.
    #[inline]
    pub(crate) fn begun_in_turn(&mut self, turn: usize) -> &mut Option<Begun> {
        let place = self.place_in_turn(turn);
        &mut self.begun[place]
    }

    /// That client's place.
    #[inline]
    pub(crate) fn place_in_turn(&self, turn: usize) -> usize {
        let mut at = self.first + turn;
        if at >= self.active.len() {
            at -= self.active.len();
        }
        self.active[at]
    }

    /// The next round begins with the next client.
    #[inline]
    pub(crate) fn next_turn(&mut self) {
        self.first += 1;
        if self.first >= self.active.len() {
            self.first = 0;
        }
    }

    /// The block in this slot is closed: what is staged now becomes public with it.
    pub(crate) fn mark(&mut self, slot: usize) {
        let row = slot * self.ends.len();
        for &index in &self.active {
            let end = self.ends[index].as_ref().expect("active places are taken");
            self.marks[row + index] = end.completions.staged_total();
        }
    }

    /// The block in this slot is durable, and all before it.
    pub(crate) fn publish_marked(&mut self, slot: usize) {
        let row = slot * self.ends.len();
        for &index in &self.active {
            let end = self.ends[index].as_mut().expect("active places are taken");
            end.completions.publish_upto(self.marks[row + index]);
        }
    }

    /// Everything that is staged becomes public.
    #[inline]
    pub(crate) fn publish_all(&mut self) {
        for &index in &self.active {
            let end = self.ends[index].as_mut().expect("active places are taken");
            end.completions.publish_upto(end.completions.staged_total());
        }
    }

    /// Lets go of the clients that are gone. What they had asked for and was not drawn yet is not
    /// drawn any more; `abandon` gets what was begun.
    pub(crate) fn let_go(&mut self, mut abandon: impl FnMut(usize, &mut Begun)) {
        let (ends, begun) = (&mut self.ends, &mut self.begun);
        let before = self.active.len();
        self.active.retain(|&index| {
            let gone = ends[index]
                .as_ref()
                .is_some_and(|end| end.completions.is_abandoned());
            if gone {
                ends[index] = None;
                if let Some(mut begun) = begun[index].take() {
                    abandon(index, &mut begun);
                }
            }
            !gone
        });
        if self.active.len() != before {
            self.first = 0;
        }
    }

    /// Requests that wait.
    pub(crate) fn depth(&self) -> usize {
        self.active
            .iter()
            .filter_map(|&index| self.ends[index].as_ref())
            .map(|end| end.requests.slots())
            .sum()
    }

    /// Whether a request waits whose answer has room.
    pub(crate) fn any_can_be_answered(&mut self) -> bool {
        let Self { ends, active, .. } = self;
        active.iter().any(|&index| {
            let end = ends[index].as_mut().expect("active places are taken");
            let slots = end
                .requests
                .peek()
                .map(|slot| slot.shape.completion_slots());
            slots.is_ok_and(|slots| end.completions.room() >= slots)
        })
    }
}
