//! What the tests share: values as bytes, as the formats above make them.

use bincode::{Decode, Encode, config};

pub(super) fn encoded(value: &impl Encode) -> Vec<u8> {
    let config = config::standard().with_fixed_int_encoding();
    bincode::encode_to_vec(value, config).unwrap()
}

pub(super) fn decoded<T: Decode<()>>(bytes: &[u8]) -> T {
    let config = config::standard().with_fixed_int_encoding();
    let (value, length) = bincode::decode_from_slice(bytes, config).unwrap();
    assert_eq!(length, bytes.len());
    value
}
