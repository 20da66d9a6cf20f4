//! A key's hash, under a secret that never leaves its table.
//!
//! Keys are the callers', and often those of strangers: whoever could choose many whose hashes are
//! alike would make every look-up slow. So this is SipHash-1-3 (Aumasson and Bernstein 2012; with the
//! rounds of the standard library's maps): a pseudorandom function, of which nothing is learned even
//! by asking with chosen keys and watching how long the answers take. A hash of one or two
//! multiplications takes a fifth of it, and promises nothing against that. What is saved here is the
//! buffering of the standard library's: a key is always two words long.

use std::hash::{BuildHasher, RandomState};

/// Twice 64 bits that nobody knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Secret {
    low: u64,
    high: u64,
}

impl Default for Secret {
    /// Another one in every run, and for every table.
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            low: random.hash_one(0),
            high: random.hash_one(1),
        }
    }
}

impl Secret {
    /// The hash of a key: of its 16 bytes, the lowest first.
    #[inline]
    pub(super) fn hash(self, key: u128) -> u64 {
        // "somepseudorandomlygeneratedbytes", as the function is defined.
        let mut state = [
            self.low ^ 0x736f_6d65_7073_6575,
            self.high ^ 0x646f_7261_6e64_6f6d,
            self.low ^ 0x6c79_6765_6e65_7261,
            self.high ^ 0x7465_6462_7974_6573,
        ];
        // At the end comes the length.
        for word in [key as u64, (key >> 64) as u64, 16 << 56] {
            state[3] ^= word;
            round(&mut state);
            state[0] ^= word;
        }
        state[2] ^= 0xff;
        for _ in 0..3 {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

#[inline]
fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *c = c.wrapping_add(*d);
    *b = b.rotate_left(13) ^ *a;
    *d = d.rotate_left(16) ^ *c;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*b);
    *a = a.wrapping_add(*d);
    *b = b.rotate_left(17) ^ *c;
    *d = d.rotate_left(21) ^ *a;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `CPython` 3.11 answers for the same bytes, whose hash of bytes is the same function: with
    /// `PYTHONHASHSEED=0`, and with 42, which is stretched to this secret.
    #[test]
    fn it_is_siphash_1_3() {
        let nothing = Secret { low: 0, high: 0 };
        let seeded = Secret {
            low: 0xdc50_4fd3_68cd_90af,
            high: 0xb920_bb9f_fe99_e9c1,
        };
        let key = u128::from_le_bytes(std::array::from_fn(|at| 240 + at as u8));
        let small = u128::from_le_bytes(std::array::from_fn(|at| at as u8));
        assert_eq!(nothing.hash(key), 0x2064_a761_e937_2da2);
        assert_eq!(nothing.hash(small), 9_904_005_486_622_393_783);
        assert_eq!(seeded.hash(key), 0x400f_6dd4_b693_774a);
    }

    #[test]
    fn every_table_has_another() {
        let [one, other] = [Secret::default(), Secret::default()];
        assert_ne!(one.hash(7), other.hash(7));
    }
}
