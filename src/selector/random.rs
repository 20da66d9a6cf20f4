use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng, SeedableRng},
};

/// A shard's stream of random numbers: xoshiro256++.
///
/// The same seed and shard always give the same numbers. It is fast and statistically sound, but
/// not for secrets: who sees enough of its output can compute what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    generator: Xoshiro256PlusPlus,
}

impl Stream {
    /// The stream of one shard. All shards share the seed, and each begins 2^128 numbers after the
    /// one before it, so that their streams never overlap.
    pub fn for_shard(seed: u64, shard: usize) -> Self {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..shard {
            generator.jump();
        }
        Self { generator }
    }

    /// The next number, uniform over all of `u64`.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }
}

/// A number from 0 to `bound - 1`, each exactly as likely as the others.
///
/// This is the multiply-and-reject method of Daniel Lemire, "Fast Random Integer Generation in an
/// Interval", ACM Transactions on Modeling and Computer Simulation 29(1), 2019. Nearly always it
/// costs one number of the stream and one multiplication.
///
/// # Panics
/// In debug builds if `bound` is 0; in release builds the answer is 0 then.
#[inline]
pub fn below(stream: &mut Stream, bound: u64) -> u64 {
    below_from(|| stream.next_u64(), bound)
}

/// Two independent numbers, each below its bound, from one number of the stream. `product` is that of
/// the bounds.
///
/// N. Brackett-Rozinsky and D. Lemire, "Batched Ranged Random Integer Generation", Software: Practice
/// and Experience 55(1), 2025.
#[inline]
pub(super) fn below_both(stream: &mut Stream, bounds: (u64, u64), product: u64) -> (u64, u64) {
    both_from(|| stream.next_u64(), bounds, product)
}

#[inline]
fn both_from(mut next: impl FnMut() -> u64, bounds: (u64, u64), product: u64) -> (u64, u64) {
    debug_assert_eq!(bounds.0.checked_mul(bounds.1), Some(product));
    let mut both = || {
        let first = u128::from(next()) * u128::from(bounds.0);
        let second = u128::from(first as u64) * u128::from(bounds.1);
        ((first >> 64) as u64, (second >> 64) as u64, second as u64)
    };
    // What is left over decides, as with one number: see `below_from`.
    let (mut first, mut second, mut rest) = both();
    if rest < product {
        let excess = product.wrapping_neg() % product;
        while rest < excess {
            (first, second, rest) = both();
        }
    }
    (first, second)
}

#[inline]
fn below_from(mut next: impl FnMut() -> u64, bound: u64) -> u64 {
    debug_assert!(bound > 0, "there is no number below 0");
    // The high half of the product is the answer. The words that give one and the same answer are
    // 2^64 / bound in number, rounded up or down; refusing those whose low half is less than
    // 2^64 modulo bound makes them equally many for every answer.
    let mut product = u128::from(next()) * u128::from(bound);
    if (product as u64) < bound {
        let excess = bound.wrapping_neg() % bound;
        while (product as u64) < excess {
            product = u128::from(next()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gives_the_numbers_of_the_reference_implementation() {
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_mut(8).zip(1u64..) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut stream = Stream {
            generator: Xoshiro256PlusPlus::from_seed(seed),
        };
        // From xoshiro256plusplus.c by Blackman and Vigna, state 1, 2, 3, 4.
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(expected.map(|_| stream.next_u64()), expected);
    }

    #[test]
    fn streams_differ_by_seed_and_shard_and_repeat() {
        let first = |seed, shard| Stream::for_shard(seed, shard).next_u64();
        let mut seen: Vec<_> = (0..64)
            .flat_map(|shard| [first(1, shard), first(2, shard)])
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 128);
        assert_eq!(Stream::for_shard(7, 3), Stream::for_shard(7, 3));

        let mut jumped = Stream::for_shard(7, 2);
        jumped.generator.jump();
        assert_eq!(jumped, Stream::for_shard(7, 3));
    }

    /// The pair of a first word, as one number, or `None` where it is refused.
    fn pair(word: u64, bounds: (u64, u64)) -> Option<u64> {
        let mut words = 0;
        let next = || {
            words += 1;
            // 2^64 - 1 is never refused.
            if words == 1 { word } else { u64::MAX }
        };
        let (first, second) = both_from(next, bounds, bounds.0 * bounds.1);
        (words == 1).then_some(first * bounds.1 + second)
    }

    /// The answer to a first word, or `None` where it is refused.
    fn answer(word: u64, bound: u64) -> Option<u64> {
        let mut words = 0;
        let answer = below_from(
            || {
                words += 1;
                // 2^64 - 1 is never refused.
                if words == 1 { word } else { u64::MAX }
            },
            bound,
        );
        (words == 1).then_some(answer)
    }

    proptest! {
        /// The words that give `value` are an interval, so its two ends, tried on the real code,
        /// say how many they are.
        #[test]
        fn every_value_has_equally_many_words(
            bound in prop_oneof![1..100u64, any::<u64>().prop_map(|n| n.max(1)), u64::MAX - 9..=u64::MAX],
            value in any::<prop::sample::Index>(),
        ) {
            let value = (value.index(usize::MAX) as u64) % bound;
            let words = 1u128 << 64;
            let excess = words % u128::from(bound);
            let begin = u128::from(value) * words;
            let first = (begin + excess).div_ceil(u128::from(bound));
            let end = (begin + words).div_ceil(u128::from(bound));
            prop_assert_eq!(end - first, words / u128::from(bound));
            prop_assert_eq!(answer(first as u64, bound), Some(value));
            prop_assert_eq!(answer((end - 1) as u64, bound), Some(value));
            if first > 0 {
                prop_assert_ne!(answer((first - 1) as u64, bound), Some(value));
            }
            if end < words {
                prop_assert_ne!(answer(end as u64, bound), Some(value));
            }
        }
    }

    proptest! {
        /// As digits of one number, both are the number that the same word gives below the product,
        /// of which every one is equally likely.
        #[test]
        fn both_numbers_are_one_below_their_product(
            bounds in prop_oneof![(1..20u64, 1..20u64), (1..1u64 << 40, 1..1u64 << 24)],
            word in prop_oneof![any::<u64>(), 0..1000u64],
        ) {
            prop_assert_eq!(pair(word, bounds), answer(word, bounds.0 * bounds.1));
        }
    }

    #[test]
    fn looks_uniform() {
        const DRAWS: u32 = 100_000;
        for seed in 0..8 {
            let mut stream = Stream::for_shard(seed, 0);
            let mut counts = [0u32; 10];
            for _ in 0..DRAWS {
                counts[below(&mut stream, 10) as usize] += 1;
            }
            let expected = f64::from(DRAWS) / 10.0;
            let chi_square: f64 = counts
                .iter()
                .map(|&count| (f64::from(count) - expected).powi(2) / expected)
                .sum();
            // The 0.9999 quantile for 9 degrees of freedom.
            assert!(chi_square < 33.72, "seed {seed}: {chi_square}");
        }
    }
}
