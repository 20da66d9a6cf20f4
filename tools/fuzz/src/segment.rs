//! A segment's file, whatever is in it, as the reader sees it block by block.

use std::path::Path;

use tombola::wal::reader::{Found, SegmentReader, Start};

use crate::place::{Place, UNIT};

/// The input is the file. It is read twice, from its beginning and from its end.
pub(crate) fn run(data: &[u8]) {
    let place = Place::new();
    place.write(
        Path::new(Place::DATA).join("segment-000000000001.log"),
        data,
    );
    let open = || SegmentReader::open(place.directory(), 1);
    let Ok(mut reader) = open() else {
        // Written by a newer version.
        return assert!(data.len() >= UNIT);
    };
    assert_eq!(reader.length(), data.len() as u64);
    let offsets: Vec<u64> = (0..=data.len() as u64).step_by(UNIT).collect();
    let found: Vec<_> = offsets
        .iter()
        .map(|offset| read(&mut reader, *offset))
        .collect();
    let mut again = open().unwrap();
    assert_eq!(again.start(), reader.start());
    for (offset, found) in offsets.iter().zip(&found).rev() {
        assert_eq!(read(&mut again, *offset), *found, "at {offset}");
    }
}

/// What is at an offset, and how many records of it can be read.
fn read(reader: &mut SegmentReader, offset: u64) -> (Found, u64) {
    let found = reader.look(offset).unwrap();
    let Found::Block(header, _) = found else {
        return (found, 0);
    };
    let Start::Header(segment, ..) = reader.start() else {
        panic!("a block without a segment");
    };
    assert_eq!(
        (header.offset, header.salt, header.shard),
        (offset, segment.salt, segment.shard)
    );
    assert!(header.durable_upto < header.first_seq);
    let bytes = reader.block_bytes(&header);
    assert!(bytes >= u64::from(header.length) && bytes.is_multiple_of(UNIT as u64));
    assert!(offset + bytes <= reader.length());
    let mut next_seq = header.first_seq;
    let ended = reader.records(&header, &mut |seq, _| {
        assert_eq!(seq, next_seq);
        next_seq += 1;
        Ok(())
    });
    match ended.unwrap() {
        Ok(()) => assert_eq!(next_seq, header.next_seq()),
        Err((seq, reason)) => {
            assert!(seq == next_seq && seq <= header.next_seq() && !reason.is_empty());
        }
    }
    (found, next_seq - header.first_seq)
}
