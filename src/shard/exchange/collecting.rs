//! What shards say to each other about turns: who asks, who has it, and when it is over.

use super::{Exchange, Message, Partition};
use crate::selector::Selector;

impl Exchange {
    /// A request wants to collect units of a pool; it says so again at every turn.
    pub(crate) fn want_turn<S: Selector>(
        &mut self,
        partition: &Partition<S>,
        pool: u32,
        place: usize,
    ) {
        if let Some(home) = partition.home(pool)
            && self.turns.want(pool, place)
        {
            self.tell(home, Message::AskTurn { pool });
        }
    }

    /// Whether it is this request's turn to collect, and of what nobody else has any.
    pub(crate) fn turn(&self, pool: u32, place: usize) -> Option<&[u32]> {
        self.turns.of(pool, place)
    }

    /// A request that may have wanted to collect is answered.
    pub(crate) fn leave_turn<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        pool: u32,
        place: usize,
    ) {
        let left = self.turns.leave(pool, place);
        for item in left.absent {
            self.wanted.remove(&(pool, item));
        }
        for item in left.said_empty {
            // What was said then counts no more.
            self.said_empty.remove(&(pool, item));
            partition.stir(pool, item);
        }
        if let Some(home) = partition.home(pool).filter(|_| left.over) {
            self.tell(home, Message::TurnOver { pool });
            if left.asks_again {
                self.tell(home, Message::AskTurn { pool });
            }
        }
    }

    /// What concerns turns, from another shard or from this one.
    pub(super) fn turn_by_turn(&mut self, from: u32, message: Message) {
        match message {
            Message::AskTurn { pool } => {
                self.turns.queue(pool, from);
                self.give_turn(pool);
            }
            Message::Turn { pool } if !self.turns.begin(pool) => {
                self.tell(from, Message::TurnOver { pool });
            }
            Message::Absent { item } if !self.turns.set_absent(item.0, item.1) => {
                // Another draw here may want it still.
                self.wanted.remove(&item);
            }
            Message::TurnOver { pool } => {
                for unsettled in self.turns.end(pool, from) {
                    let item = (pool, unsettled.item);
                    let scarce = self.scarce.entry(item).or_default();
                    if unsettled.is_doubtful {
                        // It may have put back what it had taken; it says so if not.
                        scarce.empty.remove(&from);
                    }
                    if unsettled.was_absent {
                        scarce.wanting.remove(&from);
                    }
                    self.todo.push_back(item);
                }
                self.give_turn(pool);
            }
            _ => {}
        }
    }

    /// The next shard that wants to collect has its turn, if the last one's is over.
    pub(super) fn give_turn(&mut self, pool: u32) {
        while let Some(shard) = self.turns.give(pool) {
            if !self.is_over(shard) {
                self.tell(shard, Message::Turn { pool });
                break;
            }
            self.turns.end(pool, shard);
        }
    }

    /// Says something about turns to a shard, which may be this one.
    pub(super) fn tell(&mut self, shard: u32, message: Message) {
        if shard == self.shard {
            self.turn_by_turn(shard, message);
        } else {
            self.post(shard, 0, message);
        }
    }
}
