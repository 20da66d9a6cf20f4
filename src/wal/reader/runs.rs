//! From the bytes of a block to its records.

use crate::wal::{
    block::BlockHeader,
    format::{Codec, Context},
    record::DrawRecord,
    run::{EachRun, Records, Run},
};

/// Reads the records of a block and gives them to `each`, draws by the run. Ends at the first one that
/// cannot be read or is refused.
pub(super) fn read<C: Codec>(
    payload: &[u8],
    header: &BlockHeader,
    draws: &mut [DrawRecord],
    each: EachRun<'_>,
) -> Result<(), (u64, String)> {
    let mut context = Context::default();
    let (mut seq, mut at) = (header.first_seq, 0);
    while seq < header.next_seq() {
        let rest = &payload[at..];
        let room = (header.next_seq() - seq).min(draws.len() as u64) as usize;
        let (count, mut length) = C::decode_draws(rest, &mut context, seq, &mut draws[..room]);
        let run = |records| Run {
            first_seq: seq,
            records,
        };
        if count > 0 {
            each(run(Records::Draws(&draws[..count])))?;
        } else {
            let record;
            (record, length) =
                C::decode(rest, &mut context, seq).map_err(|error| (seq, error.to_string()))?;
            each(run(Records::One(&record)))?;
        }
        seq += count.max(1) as u64;
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
