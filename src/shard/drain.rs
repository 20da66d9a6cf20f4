//! From the clients' rings into the open block: requests are taken, drawn, written down and
//! answered in slots that nobody sees until their block is durable.

mod asked;

use std::io;

use super::{
    Parts, Shard,
    partition::{Begun, Elsewhere, Staged},
};
use crate::{
    request::{CompletionSlot, Refusal, Shape},
    wal::{
        format::Codec,
        record::{DrawsRecord, NO_PRIZE, Record},
    },
};

/// Requests taken from one client before the next one's turn comes.
const BATCH_MAX: usize = 256;

/// What one round over the rings did.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// Something was taken.
    pub(super) any: bool,
    /// Something that could be taken was left for the next round.
    pub(super) more_waits: bool,
}

impl Parts {
    /// The client is gone whose request had begun.
    pub(super) fn abandon(&mut self, place: usize, begun: &mut Begun) {
        self.partition.abandon(begun);
        self.exchange
            .leave_turn(&mut self.partition, begun.pool, place);
    }
}

impl Shard {
    /// Takes requests from every client's ring and draws.
    pub(super) fn drain<C: Codec>(&mut self) -> io::Result<Drained> {
        let mut drained = Drained::default();
        for turn in 0..self.ports.len() {
            let Some(port) = self.ports.in_turn(turn) else {
                continue;
            };
            let waiting = port.requests.slots();
            if waiting == 0 {
                continue;
            }
            if !self.parts.wal.ensure_open()? {
                break;
            }
            let limit = waiting.min(BATCH_MAX);
            let mut taken = 0;
            while taken < limit {
                let slots = if self.ports.begun_in_turn(turn).is_some() {
                    self.draw_begun::<C>(turn, limit - taken)?
                } else {
                    let run = self.draw_plain::<C>(turn, limit - taken);
                    taken += run.taken;
                    match run.end {
                        RunEnd::Full => None,
                        RunEnd::OtherKind => self.draw_asked::<C>(turn, limit - taken)?,
                        RunEnd::Elsewhere(pool, elsewhere) => {
                            self.wait(turn, Begun::chosen(pool, elsewhere));
                            None
                        }
                    }
                };
                match slots {
                    Some(slots) => taken += slots,
                    None => break,
                }
            }
            drained.any |= taken > 0;
            drained.more_waits |= taken > 0 && taken < waiting;
        }
        self.ports.next_turn();
        Ok(drained)
    }

    /// Draws for the plain requests at the head of a client's ring, up to `limit` of them.
    #[inline]
    fn draw_plain<C: Codec>(&mut self, turn: usize, limit: usize) -> Run {
        let Parts {
            partition,
            stream,
            wal,
            clock,
            ..
        } = &mut self.parts;
        let counts = &mut self.counts;
        let Some(port) = self.ports.in_turn(turn) else {
            return Run::default();
        };
        let batch = limit.min(wal.room::<C>()).min(port.completions.room());
        let requests = port
            .requests
            .read_chunk(batch)
            .expect("so many requests wait");
        let (first, second) = requests.as_slices();
        let mut slots = first.iter().chain(second);
        let cursor = wal.cursor();
        let (free, context, first_seq) = (cursor.free, cursor.context, cursor.next_seq);
        let (mut filled, mut seq) = (0, first_seq);
        let mut end = RunEnd::Full;
        let taken = port.completions.stage(batch, || {
            let slot = slots.next()?;
            if slot.shape != Shape::PLAIN {
                end = RunEnd::OtherKind;
                return None;
            }
            match partition.stage(slot.pool.index(), slot.request, stream, clock) {
                Staged::Draw(draw) => {
                    filled += C::encode_draw(&mut free[filled..], context, seq, draw);
                    counts.no_prizes += u64::from(draw.item == NO_PRIZE);
                    seq += 1;
                    Some(CompletionSlot {
                        request: slot.request,
                        seq: seq - 1,
                        pool: slot.pool,
                        item: draw.item,
                    })
                }
                Staged::Refused(refusal) => {
                    Some(CompletionSlot::refused(slot.request, slot.pool, refusal))
                }
                Staged::Elsewhere(elsewhere) => {
                    end = RunEnd::Elsewhere(slot.pool.index(), elsewhere);
                    None
                }
            }
        });
        let drawn = (seq - first_seq) as usize;
        requests.commit(taken);
        wal.advance(filled, drawn);
        counts.draws += drawn as u64;
        counts.refusals += (taken - drawn) as u64;
        Run { taken, end }
    }

    /// The first request of a client's ring waits for another shard.
    #[cold]
    fn wait(&mut self, turn: usize, begun: Begun) {
        let place = self.ports.place_in_turn(turn);
        let Parts {
            exchange,
            partition,
            ..
        } = &mut self.parts;
        match begun.wanted {
            Some(item) => exchange.want(partition, (begun.pool, item)),
            None => exchange.want_turn(partition, begun.pool, place),
        }
        *self.ports.begun_in_turn(turn) = Some(begun);
    }

    /// Goes on with a request that was begun. Returns the slots it took, if it is done now; where it is
    /// no plain draw, up to `limit` with those that follow it.
    #[cold]
    fn draw_begun<C: Codec>(&mut self, turn: usize, limit: usize) -> io::Result<Option<usize>> {
        let Parts {
            partition,
            stream,
            wal,
            clock,
            exchange,
            ..
        } = &mut self.parts;
        let Some(port) = self.ports.in_turn(turn) else {
            return Ok(None);
        };
        let Ok(slot) = port.requests.peek().copied() else {
            return Ok(None);
        };
        if slot.shape != Shape::PLAIN {
            return self.draw_asked::<C>(turn, limit);
        }
        if port.completions.room() == 0 || !wal.make_room(DrawsRecord::bytes_max(1))? {
            return Ok(None);
        }
        let Some((begun, chosen)) = self
            .ports
            .begun_in_turn(turn)
            .take()
            .and_then(|begun| begun.choice().map(|chosen| (begun, chosen)))
        else {
            return Ok(Some(0));
        };
        let pool = begun.pool;
        let staged = if exchange.is_cut_off(partition, pool, begun.wanted) {
            Staged::Refused(Refusal::Unavailable)
        } else {
            partition.stage_chosen(pool, slot.request, chosen, stream, clock)
        };
        let counts = &mut self.counts;
        let completion = match staged {
            Staged::Draw(draw) => {
                let seq = wal.append(&Record::Draw(draw))?;
                counts.draws += 1;
                counts.no_prizes += u64::from(draw.item == NO_PRIZE);
                CompletionSlot {
                    request: slot.request,
                    seq: seq.expect("there was room for it"),
                    pool: slot.pool,
                    item: draw.item,
                }
            }
            Staged::Refused(refusal) => {
                counts.refusals += 1;
                CompletionSlot::refused(slot.request, slot.pool, refusal)
            }
            Staged::Elsewhere(elsewhere) => {
                self.wait(turn, Begun::chosen(pool, elsewhere));
                return Ok(None);
            }
        };
        if let Some(port) = self.ports.in_turn(turn) {
            let _ = port.requests.pop();
            let mut completion = Some(completion);
            port.completions.stage(1, || completion.take());
        }
        Ok(Some(1))
    }
}

/// How far a run of plain requests went.
#[derive(Debug, Default)]
struct Run {
    taken: usize,
    end: RunEnd,
}

/// What ended a run.
#[derive(Debug, Default)]
enum RunEnd {
    /// There are no more requests, or there is no more room.
    #[default]
    Full,
    /// The next request is not plain.
    OtherKind,
    /// The next request has chosen this item of this pool, which another shard may have.
    Elsewhere(u32, Elsewhere),
}
