//! Numbers and pieces taken from the front of what a fuzzer made up.

/// What is left of an input. Behind its end everything is 0 and empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next so many, or what is left.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A piece that says how long it is.
    pub(crate) fn piece(&mut self) -> &'a [u8] {
        let length = self.number::<2>();
        self.take(length as usize)
    }

    /// A little-endian number of so many bytes, at most 8.
    pub(crate) fn number<const BYTES: usize>(&mut self) -> u64 {
        let mut number = [0; 8];
        let taken = self.take(BYTES);
        number[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(number)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.number::<1>() as u8
    }

    /// A number in place of each of these whose bit of a mask, which stands before, is set.
    pub(crate) fn overrule(&mut self, numbers: &mut [&mut dyn Overruled]) {
        let mask = self.number::<2>();
        for (bit, number) in numbers.iter_mut().enumerate() {
            if mask >> bit & 1 == 1 {
                number.overrule(self.number::<8>());
            }
        }
    }
}

/// A number of any width.
pub(crate) trait Overruled {
    /// Becomes another, as far as that has room.
    fn overrule(&mut self, number: u64);
}

macro_rules! overruled {
    ($($type:ty)*) => {$(
        impl Overruled for $type {
            #[allow(clippy::cast_lossless, reason = "some of them are as wide")]
            fn overrule(&mut self, number: u64) {
                *self = number as $type;
            }
        }
    )*};
}
overruled!(u32 u64 u128);
