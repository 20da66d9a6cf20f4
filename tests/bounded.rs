//! Whatever a file says of lengths and counts, with right checksums too, reading it takes no more
//! memory than a bound, and ends with a verdict.

mod common;

#[path = "common/counting.rs"]
mod counting;
#[path = "common/place.rs"]
mod place;
#[path = "damage/small.rs"]
mod small;

use std::path::Path;

use common::{FORMATS, long};
use place::Place;
use small::{Block, Small, is, leave};
use tombola::{
    LogFormat,
    recovery::{self, Depth},
    wal::{
        block::BlockHeader,
        format::{Binary, Codec, Jsonl, Line},
    },
};

/// What lengths and numbers are made to be.
const NUMBERS: [u64; 6] = [u64::MAX, 1 << 62, 1 << 40, 1 << 32, 100_000_000, 70_000];
/// What reading a small directory may take at most, of which a window of 1 MiB for each open file
/// is the most.
const BYTES_MAX: usize = 4 << 20;
/// Twice the room for as many keys as a shard may be told to remember, 2^24: it is reserved with the first
/// one, and not touched before it is used.
const KEYS_BYTES_MAX: usize = 3 << 30;
/// What of a snapshot can change how many keys that is.
const KEYS_AT: std::ops::Range<usize> = 81..96;

/// Two of the numbers at each place, and all of them in the long form.
fn numbers(at: usize) -> impl Iterator<Item = u64> {
    let step = if long() > 1 { 1 } else { 3 };
    NUMBERS.into_iter().skip(at % step).step_by(step)
}

/// Reads a directory in both ways.
fn read(directory: &Path, what: &str) -> usize {
    let (read, bytes) = counting::bytes_max(|| {
        let examined = recovery::examine(directory, Depth::Everything);
        (examined.is_ok(), recovery::audit(directory).is_ok())
    });
    assert_eq!(read.0, read.1, "{what}");
    bytes
}

/// A snapshot's content, with the checksums that it then has.
fn snapshot_with(whole: &[u8], at: usize, number: u64) -> Vec<u8> {
    const HEADER: std::ops::Range<usize> = 8..68;
    let mut bytes = whole.to_vec();
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    if at >= HEADER.end + 4 {
        let crc = crc32c::crc32c(&bytes[HEADER.end + 4..]).to_le_bytes();
        bytes[HEADER.end - 4..HEADER.end].copy_from_slice(&crc);
    }
    let crc = crc32c::crc32c(&bytes[HEADER]).to_le_bytes();
    bytes[HEADER.end..HEADER.end + 4].copy_from_slice(&crc);
    bytes
}

fn snapshots(small: &Small, place: &Place) {
    for (name, whole) in small.files.iter().filter(|(name, _)| is(name, "snap")) {
        let as_it_is = u64::from_le_bytes(whole[16..24].try_into().unwrap());
        assert!(
            snapshot_with(whole, 16, as_it_is) == *whole,
            "this is where its checksums are"
        );
        for at in 8..whole.len() - 8 {
            for number in numbers(at) {
                place.write(name, &snapshot_with(whole, at, number));
                let what = format!("{number} at {at} of {}", name.display());
                let bytes = read(place.path(), &what);
                let most = if KEYS_AT.contains(&at) {
                    KEYS_BYTES_MAX
                } else {
                    BYTES_MAX
                };
                assert!(bytes < most, "{what}: {bytes} bytes");
            }
        }
        place.put_back(name);
    }
}

/// A block with another payload or header, and the checksums that it then has.
fn block_with<C: Codec>(
    small: &Small,
    block: &Block,
    change: impl FnOnce(&mut BlockHeader, &mut [u8]),
) -> Vec<u8> {
    let mut bytes = small.files[&block.file].clone();
    let mut header = block.header;
    let begin = header.offset as usize;
    let (head, payload) = bytes[begin..].split_at_mut(C::BLOCK_HEADER_BYTES);
    let payload = &mut payload[..header.length as usize];
    change(&mut header, payload);
    header.payload_crc = crc32c::crc32c(payload);
    C::encode_block(head, &header);
    bytes
}

fn blocks<C: Codec>(small: &Small, place: &Place) {
    for block in &small.blocks {
        let length = block.header.length as usize;
        let check = |bytes: Vec<u8>, what: String| {
            place.write(&block.file, &bytes);
            let bytes = read(place.path(), &what);
            assert!(bytes < BYTES_MAX, "{what}: {bytes} bytes");
        };
        for number in NUMBERS {
            let name = block.file.display();
            let number = number as u32;
            let what = format!("{number} in the block at {} of {name}", block.header.offset);
            check(
                block_with::<C>(small, block, |header, _| header.count = number),
                format!("count {what}"),
            );
            check(
                block_with::<C>(small, block, |header, _| header.length = number),
                format!("length {what}"),
            );
        }
        if small.format == LogFormat::Bincode {
            for at in 0..length.saturating_sub(7) {
                for number in numbers(at) {
                    let bytes = block_with::<C>(small, block, |_, payload| {
                        payload[at..at + 8].copy_from_slice(&number.to_le_bytes());
                    });
                    check(
                        bytes,
                        format!(
                            "{number} at {at} of the records at {} of {}",
                            block.header.offset,
                            block.file.display()
                        ),
                    );
                }
            }
        }
        place.put_back(&block.file);
    }
}

/// One test only: what others allocate would be counted too.
#[test]
fn no_length_is_believed_before_it_is_compared_with_what_is_there() {
    for format in FORMATS {
        let small = leave(format);
        let place = Place::new(small.files.clone());
        match format {
            LogFormat::Bincode => blocks::<Binary>(&small, &place),
            LogFormat::Jsonl => blocks::<Jsonl>(&small, &place),
            LogFormat::Line => blocks::<Line>(&small, &place),
        }
        if format == LogFormat::Bincode || long() > 1 {
            snapshots(&small, &place);
        }
    }
}
