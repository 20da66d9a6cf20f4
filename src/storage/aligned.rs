//! Buffers a device can take as they are.

use super::WRITE_UNIT;

/// A fixed number of zeroed buffers of one size, each aligned to [`WRITE_UNIT`].
///
/// They lie in one allocation, made once: it is a unit longer than needed and used from its first
/// aligned byte on, which keeps this free of `unsafe`.
#[derive(Debug)]
pub(crate) struct AlignedBuffers {
    bytes: Vec<u8>,
    start: usize,
    each: usize,
    count: usize,
}

impl AlignedBuffers {
    /// Allocates `count` buffers of `each` bytes.
    ///
    /// # Panics
    /// If `each` is not a positive multiple of [`WRITE_UNIT`].
    pub(crate) fn new(count: usize, each: usize) -> Self {
        assert!(
            each > 0 && each.is_multiple_of(WRITE_UNIT),
            "a buffer of {each} bytes is not a multiple of {WRITE_UNIT}"
        );
        let bytes = vec![0; count * each + WRITE_UNIT];
        let start = bytes.as_ptr().addr().wrapping_neg() % WRITE_UNIT;
        Self {
            bytes,
            start,
            each,
            count,
        }
    }

    /// How many buffers there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes each buffer has.
    pub(crate) fn each(&self) -> usize {
        self.each
    }

    /// One buffer, to read.
    ///
    /// # Panics
    /// If there is no such buffer.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.range(index)]
    }

    /// One buffer, to fill.
    ///
    /// # Panics
    /// If there is no such buffer.
    pub(crate) fn get_mut(&mut self, index: usize) -> &mut [u8] {
        let range = self.range(index);
        &mut self.bytes[range]
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        assert!(
            index < self.count,
            "there are {} buffers, and none of number {index}",
            self.count
        );
        let start = self.start + index * self.each;
        start..start + self.each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_zeroed_and_apart() {
        let mut buffers = AlignedBuffers::new(3, 2 * WRITE_UNIT);
        for index in 0..3 {
            let buffer = buffers.get_mut(index);
            assert_eq!(buffer.as_ptr().addr() % WRITE_UNIT, 0);
            assert_eq!(buffer.len(), 2 * WRITE_UNIT);
            assert!(buffer.iter().all(|&byte| byte == 0));
            buffer.fill(index as u8 + 1);
        }
        for index in 0..3 {
            assert!(
                buffers
                    .get(index)
                    .iter()
                    .all(|&byte| byte == index as u8 + 1)
            );
        }
    }

    #[test]
    #[should_panic(expected = "none of number 2")]
    fn a_buffer_beyond_the_last_panics() {
        AlignedBuffers::new(2, WRITE_UNIT).get(2);
    }

    #[test]
    #[should_panic(expected = "not a multiple")]
    fn an_odd_size_panics() {
        AlignedBuffers::new(1, 100);
    }
}
