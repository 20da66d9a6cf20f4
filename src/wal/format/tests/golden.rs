//! The bytes of version 1: one record of every kind, and the headers, in every format.
//!
//! What is written may never change within a version, and what was once written is read for ever.

use std::fmt::Write as _;

use super::*;

const GOLDEN: &str = include_str!("version_1.txt");

/// Pools that come in, and all the changes that there are.
fn pools() -> Vec<Record> {
    let item = |id: &str, stock| ItemDefinition {
        id: id.into(),
        weight: 258,
        stock,
    };
    let part = PoolPart {
        pool: 1,
        name: "p \"é\"".into(),
        on_exhausted: OnExhausted::NoPrize,
        placement: Placement::AllShards,
        is_open: true,
        opens_at_ms: Some(1),
        closes_at_ms: Some(2),
        items_total: 3,
        first_item: 1,
        items: vec![item("a\\", Some(3)), item("b", None)],
    };
    let other = PoolPart {
        on_exhausted: OnExhausted::Renormalise,
        placement: Placement::OneShard,
        is_open: false,
        opens_at_ms: None,
        closes_at_ms: None,
        items: Vec::new(),
        ..part.clone()
    };
    let changed = ChangedPart {
        pool: 1,
        is_first: true,
        is_last: false,
        changes: vec![
            PoolChange::Restock { item: 1, units: 2 },
            PoolChange::Weight { item: 1, weight: 3 },
            PoolChange::Add {
                item: item("c", Some(4)),
            },
            PoolChange::Retire { item: 1 },
            PoolChange::Open,
            PoolChange::Close,
            PoolChange::Window {
                opens_at_ms: Some(5),
                closes_at_ms: None,
            },
        ],
    };
    vec![
        Record::Pool(part),
        Record::Pool(other),
        Record::Changed(changed),
    ]
}

/// One record of every kind, and of every variant within.
fn records() -> Vec<Record> {
    let draw = |item| DrawRecord {
        pool: 0x0203,
        item,
        request: 0x0607_0809_0A0B,
    };
    let draws = DrawsRecord {
        request: 5,
        pool: 1,
        asked: 3,
        at_ms: 1_700_000_000_000,
        held_until_ms: Some(1_700_000_000_001),
        key: Some(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10),
        items: vec![0, NO_PRIZE, 7],
    };
    let handed_out = DrawsRecord {
        held_until_ms: None,
        key: None,
        ..draws.clone()
    };
    let settled = |how| Record::Settled(SettledRecord { request: 5, how });
    let voided = VoidedRecord {
        request: 5,
        pool: 1,
        items: vec![0, NO_PRIZE],
    };
    let transfer = TransferRecord {
        peer: 1,
        number: 2,
        pool: 3,
        item: 4,
        units: 5,
    };
    let availability = |in_stock| {
        Record::Availability(AvailabilityRecord {
            pool: 1,
            item: 2,
            in_stock,
        })
    };
    let mut records = vec![
        Record::Draw(draw(0x0405)),
        Record::Draw(draw(NO_PRIZE)),
        Record::Draws(Box::new(draws)),
        Record::Draws(Box::new(handed_out)),
        settled(Settlement::Confirmed),
        settled(Settlement::Voided),
        settled(Settlement::Expired),
        Record::Voided(voided),
        Record::Sent(transfer),
        Record::Received(transfer),
        Record::Delivered { peer: 1, upto: 2 },
        availability(true),
        availability(false),
    ];
    records.extend(pools());
    records.push(Record::Remember(Remember {
        keys: 1,
        keys_for_ms: 2,
        settled: 3,
    }));
    records.push(Record::RequestsReserved { upto: 9 });
    records
}

/// A new kind of record has to come here, and so into [`records`].
fn kind(record: &Record) -> usize {
    match record {
        Record::Draw(_) => 0,
        Record::Draws(_) => 1,
        Record::Settled(_) => 2,
        Record::Voided(_) => 3,
        Record::Sent(_) => 4,
        Record::Received(_) => 5,
        Record::Delivered { .. } => 6,
        Record::Availability(_) => 7,
        Record::Pool(_) => 8,
        Record::Changed(_) => 9,
        Record::Remember(_) => 10,
        Record::RequestsReserved { .. } => 11,
    }
}
const KINDS: usize = 12;

fn block_headers() -> impl Iterator<Item = BlockHeader> {
    let kinds = [BlockKind::Records, BlockKind::Marker, BlockKind::Seal];
    kinds.into_iter().map(|kind| BlockHeader {
        kind,
        ..block_header(0x0102_0304)
    })
}

/// Bytes as a line of text: hexadecimal in the binary format, without what a line is filled up with
/// in the others.
fn shown(format: LogFormat, bytes: &[u8]) -> String {
    if format == LogFormat::Bincode {
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        let mut hex = String::new();
        for byte in &bytes[..end] {
            write!(hex, "{byte:02x}").unwrap();
        }
        return format!("{hex} and zeros up to {}\n", bytes.len());
    }
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let line = text.trim_end();
    if text.len() == line.len() + 1 {
        return text;
    }
    format!("{line} and blanks up to {}\n", text.len())
}

#[test]
fn every_kind_of_record_and_header_is_written_as_it_was() {
    let records = records();
    for wanted in 0..KINDS {
        assert!(
            records.iter().any(|record| kind(record) == wanted),
            "{wanted}"
        );
    }
    let mut text = String::new();
    for format in FORMATS {
        writeln!(text, "{format:?}").unwrap();
        with_codec!(format, C => {
            let mut unit = [0; WRITE_UNIT];
            C::encode_segment(&mut unit, &segment_header(1));
            text += &shown(format, &unit);
            for header in block_headers() {
                let mut bytes = vec![0; C::BLOCK_HEADER_BYTES];
                C::encode_block(&mut bytes, &header);
                text += &shown(format, &bytes);
            }
            for (seq, record) in (17..).zip(&records) {
                let mut bytes = Vec::new();
                C::encode(&mut bytes, seq, record);
                text += &shown(format, &bytes);
                // It also comes back; the lines above are what was once written.
                assert_eq!(C::decode(&bytes, &mut Context::default(), seq), Ok((record.clone(), bytes.len())));
            }
        });
    }
    for (number, (written, golden)) in (1..).zip(text.lines().zip(GOLDEN.lines())) {
        assert_eq!(written, golden, "line {number} of version_1.txt");
    }
    assert_eq!(text, GOLDEN);
}
