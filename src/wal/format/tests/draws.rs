//! Draws are read by the run in another way than records one by one, and told alike.

use super::*;

/// Draws as they follow one another in a block, and the number of the first one.
fn draws() -> impl Strategy<Value = (u64, Vec<DrawRecord>)> {
    let number = || {
        prop_oneof![
            8 => (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift),
            // Close to where numbers get another digit, and to their end.
            4 => (1..20u32, 0..4u64).prop_map(|(power, less)| 10u64.pow(power) - less),
            1 => (0..4u64).prop_map(|less| u64::MAX - less),
        ]
    };
    let pool = prop_oneof![4 => Just(3), 2 => 0..12u32, 1 => 0..1u32 << 24];
    let item = prop_oneof![
        6 => 0..1_200u32,
        1 => any::<u32>().prop_map(|item| item >> 3),
        1 => 0..u32::MAX,
        2 => Just(NO_PRIZE),
    ];
    let steps = (
        pool,
        item,
        prop_oneof![8 => Just(None), 1 => number().prop_map(Some)],
    );
    (number(), number(), prop::collection::vec(steps, 1..300)).prop_map(
        |(first_seq, first_request, steps)| {
            let mut next = first_request;
            let draws = steps.into_iter().map(|(pool, item, jump)| {
                let request = jump.unwrap_or(next);
                next = request.wrapping_add(1);
                DrawRecord {
                    pool,
                    item,
                    request,
                }
            });
            let draws: Vec<_> = draws.collect();
            // No log has as many records.
            let first_seq = first_seq.min(u64::MAX - 10_000);
            (first_seq, draws)
        },
    )
}

fn write<C: Codec>(first_seq: u64, draws: &[DrawRecord]) -> Vec<u8> {
    let (mut bytes, mut context) = (Vec::new(), Context::default());
    for (seq, draw) in (first_seq..).zip(draws) {
        // Whatever stands there before and behind.
        let mut room = vec![b'7'; C::DRAW_BYTES_MAX + 9];
        let length = C::encode_draw(&mut room, &mut context, seq, *draw);
        assert_eq!(room[C::DRAW_BYTES_MAX..], [b'7'; 9]);
        bytes.extend_from_slice(&room[..length]);
    }
    bytes
}

/// What is read up to the first record that cannot be: each with its length, and what is said of that
/// one. With `at_once`, draws are read by runs of so many before anything else is tried.
fn read<C: Codec>(bytes: &[u8], first_seq: u64, at_once: usize) -> (Vec<(Record, usize)>, String) {
    let (mut read, mut at, mut context) = (Vec::new(), 0, Context::default());
    let mut draws = vec![DrawRecord::NOTHING; at_once];
    while at < bytes.len() {
        let seq = first_seq + read.len() as u64;
        let rest = &bytes[at..];
        let mut before = context;
        let (count, length) = C::decode_draws(rest, &mut context, seq, &mut draws);
        let mut end = 0;
        for (seq, draw) in (seq..).zip(&draws[..count]) {
            let told = C::decode(&rest[end..], &mut before, seq);
            let (record, length) = told.expect("it was read by the run");
            assert_eq!(record, Record::Draw(*draw));
            if C::FILL == b' ' {
                // A line is exactly what would be written.
                let mut line = Vec::new();
                C::encode(&mut line, seq, &record);
                assert_eq!(rest[end..][..length], line);
            }
            read.push((record, length));
            end += length;
        }
        assert_eq!(end, length);
        at += length;
        if count == 0 {
            match C::decode(rest, &mut context, seq) {
                Ok((record, length)) => {
                    read.push((record, length));
                    at += length;
                }
                Err(reason) => return (read, reason.to_string()),
            }
        }
    }
    (read, String::new())
}

proptest! {
    #[test]
    fn draws_are_written_as_alone_and_read_by_the_run(
        (first_seq, draws) in draws(),
        at_once in 1..300usize,
    ) {
        for format in FORMATS {
            with_codec!(format, C => {
                let bytes = write::<C>(first_seq, &draws);
                if format != LogFormat::Bincode {
                    let mut alone = Vec::new();
                    for (seq, draw) in (first_seq..).zip(&draws) {
                        C::encode(&mut alone, seq, &Record::Draw(*draw));
                    }
                    prop_assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&alone));
                }
                // No draw is left to the way that reads everything.
                let (mut at, mut count, mut context) = (0, 0, Context::default());
                let mut read = vec![DrawRecord::NOTHING; at_once];
                while count < draws.len() {
                    let seq = first_seq + count as u64;
                    let (more, length) = C::decode_draws(&bytes[at..], &mut context, seq, &mut read);
                    prop_assert_eq!(&read[..more], &draws[count..][..at_once.min(draws.len() - count)]);
                    (at, count) = (at + length, count + more);
                }
                prop_assert_eq!(at, bytes.len());
            });
        }
    }

    #[test]
    fn what_was_changed_is_told_alike_in_both_ways(
        (first_seq, draws) in draws(),
        at_once in 1..300usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), byte()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        for format in FORMATS {
            with_codec!(format, C => {
                let mut bytes = write::<C>(first_seq, &draws);
                for (at, byte) in &changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                if let Some(cut) = cut {
                    bytes.truncate(cut.index(bytes.len()));
                }
                let one_by_one = read::<C>(&bytes, first_seq, 0);
                prop_assert_eq!(read::<C>(&bytes, first_seq, at_once), one_by_one);
            });
        }
    }
}

/// One that may stand in a line, or any.
fn byte() -> impl Strategy<Value = u8> {
    let likely = br#"0123456789 {}[]:,."-+eE"#;
    prop_oneof![3 => prop::sample::select(&likely[..]), 1 => any::<u8>(), 1 => Just(b'\n')]
}

/// Every byte of a few lines, whatever it is changed to.
#[test]
fn every_byte_of_a_draw_is_looked_at() {
    let draw = |pool, item, request| DrawRecord {
        pool,
        item,
        request,
    };
    let draws = [
        draw(3, 17, 1_000),
        draw(3, 0, 1_001),
        draw(3, NO_PRIZE, 1_002),
        draw(40, 12_345_678, 1_003),
    ];
    for format in FORMATS {
        with_codec!(format, C => {
            let bytes = write::<C>(98, &draws);
            for at in 0..bytes.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = bytes.clone();
                    changed[at] = byte;
                    let one_by_one = read::<C>(&changed, 98, 0);
                    assert_eq!(read::<C>(&changed, 98, 9), one_by_one, "{format:?}: {byte} at {at}");
                }
            }
        });
    }
}

/// What other programs write as JSON is read, too, though not by the run.
#[test]
fn lines_that_are_written_in_another_way_are_left_to_the_general_reader() {
    let lines = [
        r#"{"type":"draw","seq":7,"request":1, "pool":3,"item":17}"#,
        r#"{"type":"draw","seq":7,"pool":3,"request":1,"item":17}"#,
        r#"{"seq":7,"type":"draw","request":1,"pool":3,"item":17}"#,
    ];
    let draw = DrawRecord {
        pool: 3,
        item: 17,
        request: 1,
    };
    for line in lines {
        let bytes = format!("{line}\n").into_bytes();
        let mut draws = [DrawRecord::NOTHING; 2];
        let taken = Jsonl::decode_draws(&bytes, &mut Context::default(), 7, &mut draws);
        assert_eq!(taken, (0, 0));
        let read = Jsonl::decode(&bytes, &mut Context::default(), 7);
        assert_eq!(read, Ok((Record::Draw(draw), bytes.len())));
    }
    // Another number than belongs there is not taken either.
    let bytes = write::<Jsonl>(8, &[draw]);
    let mut draws = [draw; 2];
    assert_eq!(
        Jsonl::decode_draws(&bytes, &mut Context::default(), 7, &mut draws),
        (0, 0)
    );
    assert!(Jsonl::decode(&bytes, &mut Context::default(), 7).is_err());
}
