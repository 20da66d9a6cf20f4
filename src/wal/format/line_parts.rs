//! Lines of constant parts with numbers between them, written and read part by part.

use super::{digits, hex::Hex};

/// A line that is written from its beginning on.
pub(super) struct LineWriter<'a> {
    line: &'a mut [u8],
    at: usize,
}

impl<'a> LineWriter<'a> {
    /// The line is as wide as `line`.
    pub(super) fn new(line: &'a mut [u8]) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        self.line[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
        self
    }

    pub(super) fn number(mut self, number: impl Into<u64>) -> Self {
        self.at += digits::write(&mut self.line[self.at..], number.into());
        self
    }

    pub(super) fn hex<T: Hex>(mut self, number: T) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for digit in (0..T::DIGITS).rev() {
            self.line[self.at] = DIGITS[number.digit(digit)];
            self.at += 1;
        }
        self
    }

    /// Fills what is left of the line, up to a line feed at its end.
    pub(super) fn end(self) {
        let (last, rest) = self.line[self.at..]
            .split_last_mut()
            .expect("a line is wide enough for the longest numbers");
        rest.fill(b' ');
        *last = b'\n';
    }
}

/// A line that is read from its beginning on.
pub(super) struct LineReader<'a>(&'a [u8]);

impl<'a> LineReader<'a> {
    /// The line begins with `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Goes on behind this text; `None` if it is not the next part.
    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_ref())?;
        Some(())
    }

    /// The number behind this text.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, before: &str) -> Option<T> {
        self.text(before)?;
        let (number, rest) = digits::read(self.0)?;
        self.0 = rest;
        T::try_from(number).ok()
    }

    /// The hexadecimal number behind this text.
    pub(super) fn hex<T: Hex>(&mut self, before: &str) -> Option<T> {
        self.text(before)?;
        let (digits, rest) = self.0.split_at_checked(T::DIGITS)?;
        self.0 = rest;
        T::from_hex(digits)
    }
}
