//! Inputs made of others, as a fuzzer makes them, but under a seed and without looking at what they
//! come to: for machines that have no nightly toolchain.

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

/// No input becomes longer.
const BYTES_MAX: usize = 32 << 10;
/// What counts and lengths are made to be.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 1 << 24, u32::MAX as u64, u64::MAX];

/// Makes inputs.
pub(crate) struct Mutation(Xoshiro256PlusPlus);

impl Mutation {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    /// A part of some bytes.
    fn part<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let begin = self.below(bytes.len());
        let length = 1 + self.below(64);
        &bytes[begin..bytes.len().min(begin + length)]
    }

    /// An input with a few changes; some of them bring a part of another one.
    pub(crate) fn of(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, other);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len());
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => {
                let end = bytes.len().min(at + 1 + self.below(32));
                bytes.drain(at..end);
            }
            2 => {
                let brought = self.part(other).to_vec();
                bytes.splice(at..at, brought);
            }
            3 => {
                let repeated = self.part(bytes).to_vec();
                bytes.splice(at..at, repeated);
            }
            4 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
                let end = bytes.len().min(at + [1, 2, 4, 8][self.below(4)]);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            5 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = self.0.next_u64() as u8;
                }
            }
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = byte.wrapping_add([1, 0xff][self.below(2)]);
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }
}
