//! Models of a shard and the housekeeper that supplies it, for `loom`: see `ring::models`.

use std::sync::atomic::Ordering;

use super::{PreparedSegment, SegmentSupply};
use crate::sync::{
    Arc, AtomicU64,
    modelled::{Mistake, explore, explore_with},
    thread,
};

/// Writes segments as a shard does: takes the next one, in a hurry where there is none, and seals it.
fn write(supply: &SegmentSupply, disk: &AtomicU64, segments: u64) {
    for number in 1..=segments {
        let mut is_waiting = false;
        let prepared = loop {
            if let Some(prepared) = supply.prepared.pop() {
                break prepared;
            }
            if !is_waiting {
                is_waiting = true;
                supply.hurry();
            }
            thread::yield_now();
        };
        supply.wake();
        assert_eq!(prepared.number, number);
        // What is in the file: it comes with the number, and with nothing else.
        disk.store(number, Ordering::Relaxed);
        supply.seal(number);
    }
}

/// Prepares and reads back, and sleeps in between until somebody wakes it.
fn keep(supply: &SegmentSupply, disk: &AtomicU64, segments: u64) {
    let (mut made, mut read) = (0, 0);
    while read < segments {
        let mut worked = false;
        if supply.prepared.len() < supply.wanted() {
            made += 1;
            let segment = PreparedSegment {
                number: made,
                path: "segment".into(),
                bytes: 0,
            };
            worked = supply.prepared.push(segment).is_ok();
        }
        let sealed = supply.sealed_upto();
        if sealed > read {
            let on_disk = disk.load(Ordering::Relaxed);
            assert!(on_disk >= sealed, "what is sealed is in the file");
            read = sealed;
            worked = true;
        }
        if !worked {
            thread::park();
        }
    }
}

fn supplied(segments: u64) {
    let supply = Arc::new(SegmentSupply::new(0));
    let disk = Arc::new(AtomicU64::new(0));
    supply.moves_in();
    let (theirs, written) = (Arc::clone(&supply), Arc::clone(&disk));
    thread::spawn(move || write(&theirs, &written, segments));
    keep(&supply, &disk, segments);
}

#[test]
fn a_shard_gets_its_segments_and_they_are_read_back() {
    explore_with(Mistake::None, Some(2), || supplied(2));
}

/// Whoever sees that a segment is sealed reads what was written into it.
fn sealed() {
    let supply = Arc::new(SegmentSupply::new(0));
    let disk = Arc::new(AtomicU64::new(0));
    let (theirs, written) = (Arc::clone(&supply), Arc::clone(&disk));
    thread::spawn(move || {
        written.store(1, Ordering::Relaxed);
        theirs.seal(1);
    });
    let sealed = supply.sealed_upto();
    let on_disk = disk.load(Ordering::Relaxed);
    assert!(on_disk >= sealed, "what is sealed is in the file");
}

#[test]
fn what_is_sealed_is_written() {
    explore(sealed);
}

#[test]
#[should_panic(expected = "what is sealed is in the file")]
fn without_release_a_segment_is_read_before_it_is_written() {
    explore_with(Mistake::RelaxedAtomics, None, sealed);
}
