//! A log with very many gaps is read in a time that grows with its length, and in bounded memory.

use std::{fs, os::unix::fs::FileExt};

use crate::{
    common::{LIMIT, builder},
    small::UNIT,
};
use tombola::{
    Durability, Error, PoolDefinition, Request, StorageKind,
    recovery::{self, Depth},
};

const BLOCKS: u64 = 6_000;

/// Every other unit of a segment is gone: as many gaps as there can be.
#[test]
fn every_other_unit_of_a_segment_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let large = || {
        builder(directory.path())
            .storage(StorageKind::File)
            .durability(Durability::Kernel)
            .segment_bytes(32 << 20)
    };
    let engine = large().open().unwrap();
    let pool = PoolDefinition::new("p").unlimited("a", 1);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..BLOCKS {
        // One by one, so that each is a block of its own.
        client.draw(Request::from(&pool), LIMIT).unwrap();
    }
    drop(client);
    drop(engine);
    let shard = directory.path().join("shard-000");
    let segment = tombola::wal::segment::path(&shard, 1);
    let file = fs::File::options().write(true).open(&segment).unwrap();
    for unit in (3..BLOCKS).step_by(2) {
        file.write_all_at(&[0; UNIT as usize], unit * UNIT).unwrap();
    }
    let examined = recovery::examine(directory.path(), Depth::Everything).unwrap();
    let gaps = &examined.shards[0].gaps;
    assert!(gaps.len() as u64 > BLOCKS / 2 - 10, "{}", gaps.len());
    assert!(gaps.iter().all(|gap| gap.is_exact));
    let findings: Vec<_> = examined.findings().collect();
    assert!(findings.len() <= 1_001, "{}", findings.len());
    let more = findings.last().unwrap();
    assert!(more.message.ends_with(" more behind it"), "{more}");
    let Err(Error::Damaged { .. }) = large().open() else {
        panic!("it is damaged");
    };
    recovery::audit(directory.path()).unwrap();
    let [accepted] = &recovery::accept_loss(directory.path()).unwrap()[..] else {
        panic!("one shard is damaged");
    };
    assert_eq!(accepted.lost, *gaps);
    large().open().unwrap();
}
