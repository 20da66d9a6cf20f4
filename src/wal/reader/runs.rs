//! From the bytes of a block to its records.

use crate::wal::{
    block::BlockHeader,
    format::{Codec, Context},
    record::{DrawRecord, Record},
    run::{EachRun, Records, Run},
};

/// A run of draws is never longer: what is read stays near until it is applied.
const RUN_DRAWS_MAX: usize = 256;

/// What records are decoded into, so that nothing has to be allocated for most of them.
#[derive(Debug)]
pub(super) struct RecordRoom {
    /// For a run of draws.
    draws: Vec<DrawRecord>,
    /// For draws that were made together.
    together: Record,
}

impl Default for RecordRoom {
    fn default() -> Self {
        Self {
            draws: vec![DrawRecord::NOTHING; RUN_DRAWS_MAX],
            together: Record::Draws(Box::default()),
        }
    }
}

impl RecordRoom {
    fn decode_together<C: Codec>(&mut self, bytes: &[u8]) -> Option<usize> {
        match &mut self.together {
            Record::Draws(draws) => C::decode_draws_together(bytes, draws),
            _ => None,
        }
    }
}

/// Reads the records of a block and gives them to `each`, draws by the run. Ends at the first one that
/// cannot be read or is refused.
pub(super) fn read<C: Codec>(
    payload: &[u8],
    header: &BlockHeader,
    room: &mut RecordRoom,
    each: EachRun<'_>,
) -> Result<(), (u64, String)> {
    let mut context = Context::default();
    let (mut seq, mut at) = (header.first_seq, 0);
    while seq < header.next_seq() {
        let rest = &payload[at..];
        let most = (header.next_seq() - seq).min(room.draws.len() as u64) as usize;
        let draws = &mut room.draws[..most];
        let (mut count, mut length) = C::decode_draws(rest, &mut context, seq, draws);
        if count > 0 {
            let records = Records::Draws(&draws[..count]);
            each(Run {
                first_seq: seq,
                records,
            })?;
        } else {
            (count, length) = (1, read_one::<C>(rest, &mut context, seq, room, each)?);
        }
        seq += count as u64;
        at += length;
    }
    if at == payload.len() {
        Ok(())
    } else {
        Err((
            header.next_seq(),
            "there is more than its records in the block".into(),
        ))
    }
}

/// Reads one record that is no draw by itself, gives it to `each`, and tells its length.
#[inline(never)]
fn read_one<C: Codec>(
    bytes: &[u8],
    context: &mut Context,
    seq: u64,
    room: &mut RecordRoom,
    each: EachRun<'_>,
) -> Result<usize, (u64, String)> {
    let one = |record| Run {
        first_seq: seq,
        records: Records::One(record),
    };
    if let Some(length) = room.decode_together::<C>(bytes) {
        each(one(&room.together))?;
        return Ok(length);
    }
    let decoded = C::decode(bytes, context, seq);
    let (record, length) = decoded.map_err(|error| (seq, error.to_string()))?;
    each(one(&record))?;
    Ok(length)
}
