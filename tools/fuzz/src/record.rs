//! Records in the three formats: the input is what stands in a block, its first record having the
//! sequence number 1.

use tombola::wal::{
    format::{Binary, Codec, Context, Jsonl, Line, Malformed},
    record::{DrawRecord, DrawsRecord, Record},
};

use crate::format::each_codec;

/// More pools have no place in a binary draw; no shard has so many.
const POOLS_MAX: u32 = 1 << 23;

/// Records of the binary format.
pub(crate) fn bincode(data: &[u8]) {
    each::<Binary>(data, |record, written, again| {
        assert_eq!(written, again, "{record:?} is written in another way");
    });
}

/// Records as JSON Lines.
pub(crate) fn jsonl(data: &[u8]) {
    each::<Jsonl>(data, |_, _, _| {});
}

/// Records as short lines.
pub(crate) fn line(data: &[u8]) {
    each::<Line>(data, |_, _, _| {});
}

/// Reads records until one cannot be read. What is read is written again and read again, and draws are
/// read by the run, too; `compare` gets it with what was there and what was written.
fn each<C: Codec>(data: &[u8], compare: impl Fn(&Record, &[u8], &[u8])) {
    let (mut seq, mut rest, mut context) = (1, data, Context::default());
    by_the_run::<C>(data);
    while !rest.is_empty() {
        let mut before = context;
        let read: Result<(Record, usize), Malformed> = C::decode(rest, &mut context, seq);
        let (record, length) = match read {
            Ok(read) => read,
            Err(reason) => return assert!(!reason.to_string().is_empty()),
        };
        assert!((1..=rest.len()).contains(&length));
        let (written, behind) = rest.split_at(length);
        let alone = C::decode(written, &mut before.clone(), seq);
        assert_eq!(
            alone.as_ref(),
            Ok(&(record.clone(), length)),
            "it is read alike alone"
        );
        let mut again = Vec::new();
        C::encode(&mut again, seq, &record);
        if let Record::Draw(draw) = &record
            && written.len() < again.len()
        {
            // What the draw before it tells was left out.
            again.resize(C::DRAW_BYTES_MAX, 0);
            let length = C::encode_draw(&mut again, &mut before, seq, *draw);
            again.truncate(length);
        }
        compare(&record, written, &again);
        reads_back::<C>(&record, seq);
        if !matches!(&record, Record::Draw(draw) if draw.pool >= POOLS_MAX) {
            each_codec!(Other => reads_back::<Other>(&record, seq));
        }
        (seq, rest) = (seq + 1, behind);
    }
}

/// Draws that are read by the run are those that are read one by one.
fn by_the_run<C: Codec>(data: &[u8]) {
    let (mut seq, mut at, mut context) = (1, 0, Context::default());
    let mut draws = [DrawRecord::NOTHING; 5];
    while at < data.len() {
        let mut alone = context;
        let (count, length) = C::decode_draws(&data[at..], &mut context, seq, &mut draws);
        let end = at + length;
        for draw in &draws[..count] {
            let read = C::decode(&data[at..], &mut alone, seq);
            let (record, length) = read.expect("it was read by the run");
            assert_eq!(record, Record::Draw(*draw));
            (seq, at) = (seq + 1, at + length);
        }
        assert_eq!(at, end);
        if count == 0 {
            let mut together = DrawsRecord::default();
            let length_together = C::decode_draws_together(&data[at..], &mut together);
            let Ok((record, length)) = C::decode(&data[at..], &mut context, seq) else {
                assert_eq!(length_together, None);
                return;
            };
            if length_together.is_some() {
                assert_eq!(length_together, Some(length));
                assert_eq!(record, Record::Draws(Box::new(together)));
            }
            (seq, at) = (seq + 1, at + length);
        }
    }
}

/// What is written in a format is read from it, and nothing of what comes behind.
fn reads_back<C: Codec>(record: &Record, seq: u64) {
    let mut bytes = Vec::new();
    C::encode(&mut bytes, seq, record);
    let length = bytes.len();
    if let Record::Draw(draw) = record {
        let mut quick = vec![0; C::DRAW_BYTES_MAX];
        let quick_length = C::encode_draw(&mut quick, &mut Context::default(), seq, *draw);
        assert_eq!(
            quick[..quick_length],
            bytes,
            "both ways to write a draw are one"
        );
    }
    bytes.push(C::FILL);
    let back = C::decode(&bytes, &mut Context::default(), seq);
    assert_eq!(back.as_ref(), Ok(&(record.clone(), length)));
}
