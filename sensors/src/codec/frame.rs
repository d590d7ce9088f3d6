//! A frame's bytes, taken one after another and never past the end.

use super::DecodeError;

/// What is left of a frame.
pub(super) struct Frame<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frame<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Where the next byte stands.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next `count` bytes; a frame that ends before them is refused.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(DecodeError::Truncated { at: self.at, wanted: count, left: rest.len() })?;
        self.at += count;
        Ok(taken)
    }

    /// Passes over the next `count` bytes.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), DecodeError> {
        self.take(count).map(|_| ())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16_le(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32_le(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_to_the_end_and_not_past_it() {
        let mut frame = Frame::new(&[1, 2, 3]);
        assert_eq!(frame.u16_le(), Ok(0x0201));
        assert!(!frame.is_over());
        assert_eq!(frame.u16_le(), Err(DecodeError::Truncated { at: 2, wanted: 2, left: 1 }));
        assert_eq!((frame.u8(), frame.is_over()), (Ok(3), true));
    }
}
