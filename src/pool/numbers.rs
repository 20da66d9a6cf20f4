//! A column of numbers, in as few bytes as they need.

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

/// Numbers in 4 bytes each as long as all of them fit, and in 8 from then on. `u64::MAX`, which stands
/// for "no limit", fits in either.
#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

fn narrowed(number: u64) -> Option<u32> {
    match u32::try_from(number) {
        Ok(u32::MAX) => None,
        Ok(number) => Some(number),
        Err(_) => (number == u64::MAX).then_some(u32::MAX),
    }
}

fn widened(number: u32) -> u64 {
    match number {
        u32::MAX => u64::MAX,
        number => number.into(),
    }
}

impl Numbers {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Narrow(numbers) => numbers.len(),
            Self::Wide(numbers) => numbers.len(),
        }
    }

    /// # Panics
    /// If there is no such place.
    pub(crate) fn at(&self, place: usize) -> u64 {
        match self {
            Self::Narrow(numbers) => widened(numbers[place]),
            Self::Wide(numbers) => numbers[place],
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = u64> + Clone + '_ {
        (0..self.len()).map(|place| self.at(place))
    }

    pub(crate) fn push(&mut self, number: u64) {
        match (&mut *self, narrowed(number)) {
            (Self::Narrow(numbers), Some(number)) => numbers.push(number),
            (Self::Narrow(_), None) => self.widen(|numbers| numbers.push(number)),
            (Self::Wide(numbers), _) => numbers.push(number),
        }
    }

    /// # Panics
    /// If there is no such place.
    pub(crate) fn set(&mut self, place: usize, number: u64) {
        match (&mut *self, narrowed(number)) {
            (Self::Narrow(numbers), Some(number)) => numbers[place] = number,
            (Self::Narrow(_), None) => self.widen(|numbers| numbers[place] = number),
            (Self::Wide(numbers), _) => numbers[place] = number,
        }
    }

    /// From now on in 8 bytes each, with something done to them.
    #[cold]
    fn widen(&mut self, change: impl FnOnce(&mut Vec<u64>)) {
        let mut numbers: Vec<u64> = self.iter().collect();
        change(&mut numbers);
        *self = Self::Wide(numbers);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        match self {
            Self::Narrow(numbers) => numbers.shrink_to_fit(),
            Self::Wide(numbers) => numbers.shrink_to_fit(),
        }
    }
}

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut all = Self::default();
        numbers.into_iter().for_each(|number| all.push(number));
        all
    }
}

/// How wide they are says nothing.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Narrow(one), Self::Narrow(other)) => one == other,
            (Self::Wide(one), Self::Wide(other)) => one == other,
            _ => self.iter().eq(other.iter()),
        }
    }
}

impl Eq for Numbers {}

/// In files they are always wide.
impl Encode for Numbers {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.len() as u64).encode(encoder)?;
        self.iter().try_for_each(|number| number.encode(encoder))
    }
}

impl<C> Decode<C> for Numbers {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let len = super::items::claimed_len::<u64, D>(decoder)?;
        let mut numbers = Self::default();
        for _ in 0..len {
            decoder.unclaim_bytes_read(size_of::<u64>());
            numbers.push(u64::decode(decoder)?);
        }
        numbers.shrink_to_fit();
        Ok(numbers)
    }
}

bincode::impl_borrow_decode!(Numbers);

#[cfg(test)]
mod tests {
    use super::super::testing::{decoded, encoded};
    use super::*;

    const EDGES: [u64; 6] = [
        0,
        7,
        u32::MAX as u64 - 1,
        u32::MAX as u64,
        u32::MAX as u64 + 1,
        u64::MAX,
    ];

    #[test]
    fn they_are_what_they_were_however_wide() {
        for first in EDGES {
            for second in EDGES {
                let mut numbers: Numbers = [first, 3].into_iter().collect();
                numbers.set(1, second);
                numbers.push(first);
                let expected = [first, second, first];
                assert!(numbers.iter().eq(expected));
                assert_eq!((numbers.at(1), numbers.len()), (second, 3));
                let fits = |number: u64| number < u64::from(u32::MAX) || number == u64::MAX;
                let is_narrow = matches!(numbers, Numbers::Narrow(_));
                assert_eq!(is_narrow, fits(first) && fits(second));
                assert_eq!(numbers, Numbers::Wide(expected.to_vec()));
                let bytes = encoded(&numbers);
                assert_eq!(bytes, encoded(&expected.to_vec()));
                assert_eq!(decoded::<Numbers>(&bytes), numbers);
            }
        }
    }
}
