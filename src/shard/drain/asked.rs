//! Requests for more than a plain draw: for several, with a key, or for a hold.

use std::io;

use super::super::{
    Parts, Shard,
    partition::{StagedDraws, Terms},
};
use crate::{
    request::{Asked, CompletionSlot, Refusal},
    ring::Staging,
    wal::{
        format::{Codec, Context},
        record::DrawsRecord,
    },
};

impl Shard {
    /// Answers the requests at the head of a client's ring that ask for more than a plain draw, until
    /// `limit` slots are taken. Returns how many were; `None` if none, while there is no room in the
    /// block or for the answer, or the first has to wait for another shard.
    pub(super) fn draw_asked<C: Codec>(
        &mut self,
        turn: usize,
        limit: usize,
    ) -> io::Result<Option<usize>> {
        let Parts {
            partition,
            stream,
            wal,
            clock,
            holds_max,
            exchange,
            ..
        } = &mut self.parts;
        let Some(port) = self.ports.in_turn(turn) else {
            return Ok(None);
        };
        let Ok(shape) = port.requests.peek().map(|slot| slot.shape) else {
            return Ok(None);
        };
        if !wal.make_room(DrawsRecord::bytes_max(shape.count()))? {
            return Ok(None);
        }
        let place = self.ports.place_in_turn(turn);
        let begun = self.ports.begun_in_turn(turn).take();
        let mut has_waited = begun.is_some();
        let mut begun = begun.unwrap_or_default();
        let Some(port) = self.ports.in_turn(turn) else {
            return Ok(None);
        };
        let waiting = port.requests.slots();
        let requests = port
            .requests
            .read_chunk(waiting)
            .expect("so many slots wait");
        let (first, second) = requests.as_slices();
        let mut slots = first.iter().chain(second).copied();
        let room = port.completions.room();
        let mut answers = port.completions.begin(room);
        let mut record = self.record.take().unwrap_or_default();
        let mut terms = Terms {
            seq: wal.next_seq(),
            holds_max: *holds_max,
            now_ms: clock.now_ms(),
        };
        let cursor = wal.cursor();
        let (mut taken, mut filled, mut records, mut waits) = (0, 0, 0, false);
        while taken < limit {
            // The slots of a request are written together, so all of them are there.
            let mut after = slots.clone();
            let Some(asked) = Asked::read(&mut after) else {
                break;
            };
            if asked.is_plain() {
                break;
            }
            let free = &mut cursor.free[filled..];
            if answers.room() < asked.shape.completion_slots()
                || free.len() < DrawsRecord::bytes_max(asked.shape.count())
            {
                break;
            }
            let pool = asked.pool.index();
            let staged = if has_waited && exchange.is_cut_off(partition, pool, begun.wanted) {
                partition.abandon(&mut begun);
                StagedDraws::Refused(Refusal::Unavailable)
            } else {
                let collects = exchange.turn(pool, place);
                partition.stage_draws(&asked, &terms, &mut begun, collects, stream, &mut record)
            };
            match staged {
                StagedDraws::Waits => {
                    waits = true;
                    break;
                }
                StagedDraws::Drawn => {
                    filled += C::encode_draws(free, terms.seq, &record);
                    self.counts.count_draws(&record.items);
                    records += 1;
                }
                StagedDraws::Replay(_) => self.counts.replays += 1,
                StagedDraws::Refused(_) => self.counts.refusals += 1,
            }
            if has_waited {
                exchange.leave_turn(partition, pool, place);
                has_waited = false;
            }
            answer(&mut answers, &asked, &staged, terms.seq, &record);
            terms.seq += u64::from(staged == StagedDraws::Drawn);
            slots = after;
            taken += asked.shape.request_slots();
        }
        requests.commit(taken);
        if records > 0 {
            // It was a draw before, perhaps, of which the next one knows nothing.
            *cursor.context = Context::default();
            wal.advance(filled, records);
        }
        self.record = Some(record);
        if waits {
            self.wait(turn, begun);
        } else if has_waited {
            *self.ports.begun_in_turn(turn) = Some(begun);
        }
        Ok((taken > 0).then_some(taken))
    }
}

/// Stages the answer to a request, whose record has this sequence number if it takes one.
#[expect(
    clippy::inline_always,
    reason = "a call here costs every draw with a key a thirtieth of its instructions"
)]
#[inline(always)]
fn answer(
    answers: &mut Staging<'_, CompletionSlot>,
    asked: &Asked,
    staged: &StagedDraws,
    seq: u64,
    record: &DrawsRecord,
) {
    let first = |seq, item| CompletionSlot {
        request: asked.request,
        seq,
        pool: asked.pool,
        item,
    };
    let (original, seq, held_until_ms) = match staged {
        StagedDraws::Waits => return,
        StagedDraws::Refused(refusal) => {
            let refused = CompletionSlot::refused(asked.request, asked.pool, *refusal);
            return answers.push(refused);
        }
        StagedDraws::Drawn => match (&record.items[..], asked.hold_ms) {
            // There is no more to say than of a plain draw.
            ([item], None) if asked.shape.count() == 1 => {
                return answers.push(first(seq, *item));
            }
            _ => (asked.request, seq, record.held_until_ms.unwrap_or(0)),
        },
        StagedDraws::Replay(answer) => (answer.request, answer.seq, answer.held_until_ms),
    };
    let is_several = asked.shape.count() > 1;
    let head = CompletionSlot::head(original, held_until_ms, &record.items, is_several);
    answers.push(first(seq, CompletionSlot::MORE));
    answers.push(head);
    if is_several {
        CompletionSlot::pack(&record.items).for_each(|slot| answers.push(slot));
    }
}
