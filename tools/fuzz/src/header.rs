//! The headers of blocks and segments: what is read is what is written again, byte for byte, and a
//! header of which a single bit is another is none.

use tombola::wal::{
    block::{BlockHeader, BlockKind},
    format::{Codec, HeaderError},
    segment::{FORMAT_VERSION, SegmentHeader},
};

use crate::{bytes::Bytes, format::each_codec};

const UNIT: usize = 4096;
/// A version as great as this is taken for damage.
const VERSIONS_END: u32 = 1 << 16;

/// Block headers: the input as one, and one with numbers from the input.
pub(crate) fn block(data: &[u8]) {
    each_codec!(C => {
        if let Some((header, crc)) = C::decode_block(data) {
            let (bytes, again) = block_bytes::<C>(&header);
            assert_eq!((&data[..bytes.len()], crc), (&bytes[..], again));
        }
    });
    let mut numbers = Bytes::new(data);
    let header = made_block(&mut numbers);
    let bit = numbers.number::<2>() as usize;
    each_codec!(C => {
        let (mut bytes, crc) = block_bytes::<C>(&header);
        assert_eq!(C::decode_block(&bytes), Some((header, crc)));
        flip(&mut bytes, bit);
        assert_eq!(C::decode_block(&bytes), None, "bit {bit} of {header:?}");
        assert_eq!(C::decode_block(&bytes[1..]), None);
    });
}

fn made_block(numbers: &mut Bytes<'_>) -> BlockHeader {
    BlockHeader {
        kind: match numbers.byte() % 3 {
            0 => BlockKind::Records,
            1 => BlockKind::Marker,
            _ => BlockKind::Seal,
        },
        salt: numbers.number::<8>(),
        shard: numbers.number::<4>() as u32,
        segment: numbers.number::<8>(),
        number: numbers.number::<8>(),
        offset: numbers.number::<8>(),
        first_seq: numbers.number::<8>(),
        count: numbers.number::<4>() as u32,
        length: numbers.number::<4>() as u32,
        durable_upto: numbers.number::<8>(),
        previous: numbers.number::<4>() as u32,
        payload_crc: numbers.number::<4>() as u32,
    }
}

fn block_bytes<C: Codec>(header: &BlockHeader) -> (Vec<u8>, u32) {
    let mut bytes = vec![0; C::BLOCK_HEADER_BYTES];
    let crc = C::encode_block(&mut bytes, header);
    (bytes, crc)
}

/// Segment headers: the input as the beginning of one's unit, and one with numbers from the input.
pub(crate) fn segment(data: &[u8]) {
    each_codec!(C => {
        // Most of the unit is fill, which the input does without.
        let mut unit = data[..data.len().min(UNIT)].to_vec();
        unit.resize(UNIT, C::FILL);
        unit[UNIT - 1] = C::FILL_LAST;
        read_segment::<C>(&unit);
    });
    each_codec!(C => read_segment::<C>(data));
    let mut numbers = Bytes::new(data);
    let header = made_segment(&mut numbers);
    let bit = numbers.number::<2>() as usize;
    each_codec!(C => {
        let (mut bytes, crc) = segment_bytes::<C>(&header);
        let read = C::decode_segment(&bytes);
        match header.version {
            known if is_known(known) => assert_eq!(read, Ok((header, crc))),
            newer if (FORMAT_VERSION..VERSIONS_END).contains(&newer) => {
                assert_eq!(read, Err(HeaderError::Future(newer)));
            }
            _ => assert!(read.is_err(), "{header:?}"),
        }
        flip(&mut bytes, bit);
        let read = C::decode_segment(&bytes);
        assert!(read.is_err(), "bit {bit} of {header:?}");
        if is_known(header.version) {
            assert_eq!(read, Err(HeaderError::Unreadable), "bit {bit} of {header:?}");
        }
    });
}

fn is_known(version: u32) -> bool {
    (1..=FORMAT_VERSION).contains(&version)
}

fn read_segment<C: Codec>(unit: &[u8]) {
    if let Ok((header, crc)) = C::decode_segment(unit) {
        let (bytes, again) = segment_bytes::<C>(&header);
        assert_eq!((unit, crc), (&bytes[..], again));
        assert!(is_known(header.version), "{header:?}");
    }
}

fn made_segment(numbers: &mut Bytes<'_>) -> SegmentHeader {
    SegmentHeader {
        version: 1u32.wrapping_add(numbers.number::<4>() as u32),
        engine: u128::from(numbers.number::<8>()) << 64 | u128::from(numbers.number::<8>()),
        shard: numbers.number::<4>() as u32,
        shards: numbers.number::<4>() as u32,
        segment: numbers.number::<8>(),
        first_seq: numbers.number::<8>(),
        salt: numbers.number::<8>(),
        segment_bytes: numbers.number::<8>(),
        previous: numbers.number::<4>() as u32,
    }
}

fn segment_bytes<C: Codec>(header: &SegmentHeader) -> (Vec<u8>, u32) {
    let mut bytes = vec![0; UNIT];
    let crc = C::encode_segment(&mut bytes, header);
    (bytes, crc)
}

fn flip(bytes: &mut [u8], bit: usize) {
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}
