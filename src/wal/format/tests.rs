//! Every format reads back what it wrote, and the bytes of version 1 stay what they are.

mod draws;
mod golden;

use proptest::prelude::*;

use super::*;
use crate::{
    pool::{ItemDefinition, OnExhausted, Placement, PoolChange},
    wal::{
        block::BlockKind,
        record::{
            AvailabilityRecord, ChangedPart, DrawsRecord, NO_PRIZE, PoolPart, Remember,
            SettledRecord, Settlement, TransferRecord, VoidedRecord,
        },
    },
};

const FORMATS: [LogFormat; 3] = [LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line];

fn block_header(number: u64) -> BlockHeader {
    BlockHeader {
        kind: BlockKind::Records,
        salt: number,
        shard: 255,
        segment: number,
        number,
        offset: number,
        first_seq: number,
        count: u32::MAX,
        length: u32::MAX,
        durable_upto: number,
        previous: u32::MAX,
        payload_crc: 1,
    }
}

fn segment_header(version: u32) -> SegmentHeader {
    SegmentHeader {
        version,
        engine: 7,
        shard: 1,
        shards: 2,
        segment: 3,
        first_seq: 4,
        salt: 5,
        segment_bytes: 65536,
        previous: 6,
    }
}

fn record() -> impl Strategy<Value = Record> {
    let draw = (
        0..1u32 << 24,
        prop_oneof![Just(NO_PRIZE), 0..1u32 << 24],
        any::<u64>(),
    )
        .prop_map(|(pool, item, request)| {
            Record::Draw(DrawRecord {
                pool,
                item,
                request,
            })
        });
    let item = ("[^\\x00-\\x1f]{1,20}", any::<u64>(), any::<Option<u64>>())
        .prop_map(|(id, weight, stock)| ItemDefinition { id, weight, stock });
    let pool = (
        any::<u32>(),
        "\\PC{1,20}",
        prop::collection::vec(item, 0..5),
    )
        .prop_map(|(pool, name, items)| {
            Record::Pool(PoolPart {
                pool,
                name,
                on_exhausted: OnExhausted::NoPrize,
                placement: Placement::OneShard,
                is_open: true,
                opens_at_ms: Some(3),
                closes_at_ms: None,
                items_total: 9,
                first_item: 1,
                items,
            })
        });
    let reserved = any::<u64>().prop_map(|upto| Record::RequestsReserved { upto });
    prop_oneof![
        draw,
        pool,
        reserved,
        draws(),
        settled(),
        changed(),
        remember(),
        transfer(),
    ]
}

fn items() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![Just(NO_PRIZE), 0..1u32 << 24], 0..100)
}

fn draws() -> impl Strategy<Value = Record> {
    (
        (any::<u64>(), any::<u32>(), any::<u8>(), any::<u64>()),
        (any::<Option<u64>>(), any::<Option<u128>>(), items()),
    )
        .prop_map(
            |((request, pool, asked, at_ms), (held_until_ms, key, items))| {
                Record::Draws(Box::new(DrawsRecord {
                    request,
                    pool,
                    asked,
                    at_ms,
                    held_until_ms,
                    key,
                    items,
                }))
            },
        )
}

fn settled() -> impl Strategy<Value = Record> {
    let how = prop_oneof![
        Just(Settlement::Confirmed),
        Just(Settlement::Voided),
        Just(Settlement::Expired)
    ];
    let settled = (any::<u64>(), how)
        .prop_map(|(request, how)| Record::Settled(SettledRecord { request, how }));
    let voided = (any::<u64>(), any::<u32>(), items()).prop_map(|(request, pool, items)| {
        Record::Voided(VoidedRecord {
            request,
            pool,
            items,
        })
    });
    prop_oneof![settled, voided]
}

fn changed() -> impl Strategy<Value = Record> {
    let place = || any::<u32>();
    let change = prop_oneof![
        (place(), any::<u64>()).prop_map(|(item, units)| PoolChange::Restock { item, units }),
        (place(), any::<u64>()).prop_map(|(item, weight)| PoolChange::Weight { item, weight }),
        (".{1,9}", any::<u64>(), any::<Option<u64>>()).prop_map(|(id, weight, stock)| {
            PoolChange::Add {
                item: ItemDefinition { id, weight, stock },
            }
        }),
        place().prop_map(|item| PoolChange::Retire { item }),
        Just(PoolChange::Open),
        Just(PoolChange::Close),
        any::<(Option<u64>, Option<u64>)>().prop_map(|(opens_at_ms, closes_at_ms)| {
            PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            }
        }),
    ];
    let changes = prop::collection::vec(change, 0..5);
    (any::<u32>(), any::<(bool, bool)>(), changes).prop_map(
        |(pool, (is_first, is_last), changes)| {
            Record::Changed(ChangedPart {
                pool,
                is_first,
                is_last,
                changes,
            })
        },
    )
}

fn transfer() -> impl Strategy<Value = Record> {
    let transfer =
        any::<(u32, u64, u32, u32, u64)>().prop_map(|(peer, number, pool, item, units)| {
            TransferRecord {
                peer,
                number,
                pool,
                item,
                units,
            }
        });
    prop_oneof![
        transfer.clone().prop_map(Record::Sent),
        transfer.prop_map(Record::Received),
        any::<(u32, u64)>().prop_map(|(peer, upto)| Record::Delivered { peer, upto }),
        any::<(u32, u32, bool)>().prop_map(|(pool, item, in_stock)| {
            Record::Availability(AvailabilityRecord {
                pool,
                item,
                in_stock,
            })
        }),
    ]
}

fn remember() -> impl Strategy<Value = Record> {
    any::<(u64, u64, u64)>().prop_map(|(keys, keys_for_ms, settled)| {
        Record::Remember(Remember {
            keys,
            keys_for_ms,
            settled,
        })
    })
}

#[test]
fn draws_together_are_no_larger_than_is_made_room_for() {
    for count in [1u8, 100] {
        let record = Record::Draws(Box::new(DrawsRecord {
            request: u64::MAX,
            pool: u32::MAX,
            asked: count,
            at_ms: u64::MAX,
            held_until_ms: Some(u64::MAX),
            key: Some(u128::MAX),
            items: vec![u32::MAX - 1; usize::from(count)],
        }));
        for format in FORMATS {
            let mut bytes = Vec::new();
            with_codec!(format, C => C::encode(&mut bytes, u64::MAX, &record));
            assert!(
                bytes.len() <= DrawsRecord::bytes_max(count),
                "{format:?}: {} bytes for {count}",
                bytes.len()
            );
        }
    }
}

/// What is read without allocating is what is read anyway, whatever was in its place.
fn assert_same<C: Codec>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut draws = DrawsRecord {
        key: Some(1),
        held_until_ms: Some(2),
        items: vec![3; 4],
        ..DrawsRecord::default()
    };
    let decoded = C::decode(bytes, &mut Context::default(), 0);
    if let Some(length) = C::decode_draws_together(bytes, &mut draws) {
        prop_assert_eq!(decoded, Ok((Record::Draws(Box::new(draws)), length)));
    } else if C::FILL == 0 {
        prop_assert!(!matches!(decoded, Ok((Record::Draws(_), _))));
    }
    Ok(())
}

proptest! {
    #[test]
    fn records_come_back(record in record(), seq in any::<u64>(), tail in any::<Vec<u8>>()) {
        for format in FORMATS {
            with_codec!(format, C => {
                let mut bytes = Vec::new();
                C::encode(&mut bytes, seq, &record);
                let length = bytes.len();
                if let Record::Draw(draw) = &record {
                    let mut fast = vec![0; C::DRAW_BYTES_MAX];
                    let fast_length = C::encode_draw(&mut fast, &mut Context::default(), seq, *draw);
                    prop_assert_eq!(&fast[..fast_length], &bytes[..]);
                }
                if let Record::Draws(draws) = &record {
                    let mut fast = vec![0; DrawsRecord::bytes_max(draws.items.len() as u8)];
                    let fast_length = C::encode_draws(&mut fast, seq, draws);
                    prop_assert_eq!(&fast[..fast_length], &bytes[..]);
                }
                assert_same::<C>(&bytes)?;
                for end in 0..length {
                    assert_same::<C>(&bytes[..end])?;
                }
                bytes.extend_from_slice(&tail);
                assert_same::<C>(&bytes)?;
                prop_assert_eq!(C::decode(&bytes, &mut Context::default(), seq), Ok((record.clone(), length)));
            });
        }
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in any::<Vec<u8>>(), seq in any::<u64>()) {
        for format in FORMATS {
            with_codec!(format, C => {
                let _ = C::decode(&bytes, &mut Context::default(), seq);
                assert_same::<C>(&bytes)?;
                prop_assert!(C::decode_block(&bytes).is_none());
            });
        }
        prop_assert!(decode_segment(&bytes).is_err());
    }
}

#[test]
fn headers_come_back_and_no_flipped_bit_goes_unseen() {
    for format in FORMATS {
        with_codec!(format, C => {
            let mut unit = [0; WRITE_UNIT];
            let crc = C::encode_segment(&mut unit, &segment_header(1));
            assert_eq!(decode_segment(&unit), Ok((format, segment_header(1), crc)));
            for bit in 0..unit.len() * 8 {
                unit[bit / 8] ^= 1 << (bit % 8);
                assert!(decode_segment(&unit).is_err(), "{format:?} bit {bit}");
                unit[bit / 8] ^= 1 << (bit % 8);
            }
            for header in [block_header(0), block_header(u64::MAX)] {
                let mut bytes = vec![0; C::BLOCK_HEADER_BYTES];
                let crc = C::encode_block(&mut bytes, &header);
                assert_eq!(C::decode_block(&bytes), Some((header, crc)));
                for bit in 0..bytes.len() * 8 {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(C::decode_block(&bytes), None, "{format:?} bit {bit}");
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        });
    }
}

#[test]
fn a_future_version_is_named() {
    for format in FORMATS {
        let mut unit = [0; WRITE_UNIT];
        with_codec!(format, C => C::encode_segment(&mut unit, &segment_header(9)));
        assert_eq!(decode_segment(&unit), Err(HeaderError::Future(9)));
    }
}

#[test]
fn a_version_that_was_damaged_is_not_a_newer_one() {
    for format in FORMATS {
        let (mut one, mut nine) = ([0; WRITE_UNIT], [0; WRITE_UNIT]);
        with_codec!(format, C => {
            C::encode_segment(&mut one, &segment_header(1));
            C::encode_segment(&mut nine, &segment_header(9));
        });
        let at = (0..WRITE_UNIT).find(|at| one[*at] != nine[*at]).unwrap();
        for byte in 0..=u8::MAX {
            let mut damaged = one;
            damaged[at] = byte;
            let expected = if byte == one[at] {
                Ok(segment_header(1))
            } else {
                Err(HeaderError::Unreadable)
            };
            let decoded = decode_segment(&damaged).map(|(_, header, _)| header);
            assert_eq!(decoded, expected, "{format:?}: {byte}");
        }
    }
}

#[test]
fn golden_bytes_of_version_1() {
    let draw = Record::Draw(DrawRecord {
        pool: 0x0203,
        item: 0x0405,
        request: 0x0607_0809,
    });
    let mut bytes = Vec::new();
    Binary::encode(&mut bytes, 1, &draw);
    assert_eq!(bytes, [1, 3, 2, 0, 5, 4, 0, 0, 9, 8, 7, 6, 0, 0, 0, 0]);

    let items = vec![ItemDefinition {
        id: "a\"".into(),
        weight: 258,
        stock: Some(3),
    }];
    let part = PoolPart {
        pool: 1,
        name: "p".into(),
        on_exhausted: OnExhausted::NoPrize,
        placement: Placement::OneShard,
        is_open: true,
        opens_at_ms: None,
        closes_at_ms: Some(2),
        items_total: 1,
        first_item: 0,
        items,
    };
    let mut bytes = Vec::new();
    Binary::encode(&mut bytes, 1, &Record::Pool(part.clone()));
    #[rustfmt::skip]
    assert_eq!(bytes, [
        2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'p', 1, 0, 0, 0,
        0, 0, 0, 0, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'"', 2, 1, 0, 0, 0, 0, 0, 0,
        1, 3, 0, 0, 0, 0, 0, 0, 0,
    ]);

    let mut text = Vec::new();
    Jsonl::encode(&mut text, 17, &draw);
    Jsonl::encode(&mut text, 18, &Record::Pool(part));
    Line::encode(&mut text, 19, &draw);
    Line::encode(&mut text, 20, &Record::RequestsReserved { upto: 5 });
    let expected = r#"{"type":"draw","seq":17,"request":101124105,"pool":515,"item":1029}
{"type":"pool","seq":18,"part":{"pool":1,"name":"p","on_exhausted":"no_prize","placement":"one_shard","is_open":true,"opens_at_ms":null,"closes_at_ms":2,"items_total":1,"first_item":0,"items":[{"id":"a\"","weight":258,"stock":3}]}}
d 19 101124105 515 1029
r {"type":"requests_reserved","seq":20,"upto":5}
"#;
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn an_item_list_of_an_impossible_length_is_refused_before_it_is_allocated() {
    let mut bytes = Vec::new();
    let part = PoolPart {
        pool: 1,
        name: "p".into(),
        on_exhausted: OnExhausted::NoPrize,
        placement: Placement::OneShard,
        is_open: true,
        opens_at_ms: None,
        closes_at_ms: Some(2),
        items_total: 1,
        first_item: 0,
        items: Vec::new(),
    };
    Binary::encode(&mut bytes, 1, &Record::Pool(part));
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(Binary::decode(&bytes, &mut Context::default(), 1).is_err());
}

/// In the binary format; the text formats repeat everything, so that every line can be read alone.
#[test]
fn a_draw_that_follows_takes_four_bytes() {
    let draw = |pool, item, request| DrawRecord {
        pool,
        item,
        request,
    };
    let draws = [
        (draw(3, 7, 100), 16),
        (draw(3, 0x00ab_cdef, 101), 4),
        (draw(3, NO_PRIZE, 102), 4),
        // Too large to be short, then another pool, and a gap between requests.
        (draw(3, 0x00ff_ffff, 103), 16),
        (draw(3, 1, 104), 4),
        (draw(4, 1, 105), 16),
        (draw(4, 1, 107), 16),
        (draw(4, 1, u64::MAX), 16),
        (draw(4, 2, 0), 4),
    ];
    let (mut bytes, mut context) = (Vec::new(), Context::default());
    for (draw, length) in draws {
        let mut room = [0xee; Binary::DRAW_BYTES_MAX];
        assert_eq!(
            Binary::encode_draw(&mut room, &mut context, 1, draw),
            length,
            "{draw:?}"
        );
        bytes.extend_from_slice(&room[..length]);
    }
    assert_eq!(bytes[16..24], [13, 0xef, 0xcd, 0xab, 13, 0xff, 0xff, 0xff]);
    let (mut at, mut context) = (0, Context::default());
    for (draw, length) in draws {
        let read = Binary::decode(&bytes[at..], &mut context, 1);
        assert_eq!(read, Ok((Record::Draw(draw), length)));
        at += length;
    }
    // Without the one before it, it is nothing.
    assert!(Binary::decode(&bytes[16..], &mut Context::default(), 1).is_err());
    assert!(Binary::decode(&bytes[..15], &mut Context::default(), 1).is_err());
}
