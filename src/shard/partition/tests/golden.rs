//! The bytes of a snapshot of version 1: of a state with something of everything in it.

use std::fmt::Write as _;

use super::*;
use crate::{
    machine::Directory,
    pool::{ItemDefinition, Placement, PoolChange},
    shard::partition::PartitionBack,
    snapshot::{self, Covered},
    wal::{
        record::{
            AvailabilityRecord, ChangedPart, DrawsRecord, NO_PRIZE, SettledRecord, Settlement,
            TransferRecord, VoidedRecord,
        },
        segment::Identity,
    },
};

/// As versions 1 and 2 wrote it.
const GOLDEN: [&str; 2] = [
    include_str!("snapshot_1.txt"),
    include_str!("snapshot_2.txt"),
];

const IDENTITY: Identity = Identity {
    engine: 0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10,
    shard: 1,
    shards: 2,
};

fn draws(request: u64, pool: u32, items: &[u32]) -> DrawsRecord {
    DrawsRecord {
        request,
        pool,
        asked: items.len() as u8,
        at_ms: 1_000 + request,
        held_until_ms: None,
        key: Some(u128::from(request) << 64),
        items: items.to_vec(),
    }
}

/// A life that leaves nothing of the state empty.
fn records() -> Vec<Record> {
    let one = PoolDefinition::new("one")
        .item("a", 2, 5)
        .item("b", 3, 1)
        .unlimited("c", 4)
        .on_exhausted(OnExhausted::NoPrize)
        .window(Some(1), None);
    let all = PoolDefinition::new("all")
        .item("d", 5, 40)
        .placement(Placement::AllShards);
    let kept = Remember {
        keys: 2,
        keys_for_ms: 9,
        settled: 2,
    };
    let held = |request, item| {
        Record::Draws(Box::new(DrawsRecord {
            held_until_ms: Some(9_000),
            ..draws(request, 0, &[item])
        }))
    };
    let settled = |request, how| Record::Settled(SettledRecord { request, how });
    let changed = |is_last, changes| {
        Record::Changed(ChangedPart {
            pool: 0,
            is_first: true,
            is_last,
            changes,
        })
    };
    let item = ItemDefinition {
        id: "later".into(),
        weight: 6,
        stock: Some(7),
    };
    let transfer = TransferRecord {
        peer: 0,
        number: 1,
        pool: 1,
        item: 0,
        units: 3,
    };
    vec![
        Record::RequestsReserved { upto: 99 },
        Record::Remember(kept),
        Record::Pool(PoolPart::of(&one, 0, 0)),
        Record::Pool(PoolPart::of(&all, 1, 0)),
        Record::Draw(DrawRecord {
            pool: 0,
            item: NO_PRIZE,
            request: 1,
        }),
        Record::Draws(Box::new(draws(2, 0, &[0, 1]))),
        Record::Draws(Box::new(draws(3, 0, &[2]))),
        held(4, 0),
        held(5, 0),
        settled(5, Settlement::Confirmed),
        Record::Voided(VoidedRecord {
            request: 3,
            pool: 0,
            items: vec![2],
        }),
        changed(
            true,
            vec![
                PoolChange::Add { item },
                PoolChange::Restock { item: 0, units: 8 },
                PoolChange::Retire { item: 1 },
            ],
        ),
        Record::Sent(transfer),
        Record::Received(TransferRecord {
            units: 2,
            ..transfer
        }),
        Record::Availability(AvailabilityRecord {
            pool: 1,
            item: 0,
            in_stock: true,
        }),
        // The rest of it has not come yet.
        changed(false, vec![PoolChange::Close]),
    ]
}

#[test]
fn a_snapshot_is_written_as_it_was() {
    let mut partition = Partition::<CountsOnly>::default().on_shard(1, 2);
    for (seq, record) in (1..).zip(records()) {
        partition.apply(seq, &record).unwrap();
    }
    let covered = Covered {
        segment: 3,
        next_seq: 17,
        chain: 0x0A0B_0C0D,
    };
    let directory = tempfile::tempdir().unwrap();
    let place = Directory::from(directory.path());
    snapshot::write(&place, IDENTITY, covered, &partition.image()).unwrap();
    let path = place.join(snapshot::name(3));
    let mut text = String::new();
    for row in std::fs::read(&path).unwrap().chunks(32) {
        for byte in row {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    assert_eq!(text, GOLDEN[GOLDEN.len() - 1]);
    for golden in GOLDEN {
        let digits: Vec<char> = golden.chars().filter(|digit| *digit != '\n').collect();
        let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
        std::fs::write(&path, bytes).unwrap();
        let read = snapshot::read::<PartitionBack>(&place, 3, IDENTITY).unwrap();
        let (found, back) = read.unwrap();
        assert_eq!(found, covered);
        let back = Partition::<CountsOnly>::try_from(back).unwrap();
        assert!(back.on_shard(1, 2) == partition);
    }
}
