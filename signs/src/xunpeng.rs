//! Frames of Xunpeng's RS-485 space displays: one number in one of three colours, at 9600 baud, 8N1, without an address.
//!
//! Source: the vendor's product page. A request is `3A colour count(LE) info sum 0A`; the display answers with the same
//! octets, or with `2A` in front and a sum to match.

/// Octets of a frame.
pub const FRAME: usize = 7;
/// What stands in the `info` octet of the vendor's example.
const INFO: u8 = 0x01;
const END: u8 = 0x0A;
/// Largest number the displays show: three digits.
pub const MAX_COUNT: u16 = 999;

/// The colour of the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// There is room.
    Green,
    /// Nearly full.
    Yellow,
    /// No room.
    Red,
}

/// What a display shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// The number.
    pub count: u16,
    /// Its colour.
    pub colour: Colour,
}

/// Why octets are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not as long as a frame, or without its first and last octet.
    #[error("not a frame")]
    Shape,
    /// The sum is wrong.
    #[error("the sum is {theirs:#04x}, and should be {ours:#04x}")]
    Sum {
        /// Of what arrived.
        ours: u8,
        /// As it arrived.
        theirs: u8,
    },
    /// A colour that does not exist.
    #[error("no colour {0}")]
    Colour(u8),
}

impl Digits {
    /// As a request.
    pub fn encode(self) -> [u8; FRAME] {
        self.headed(0x3A)
    }

    /// As the display's answer.
    pub fn answer(self) -> [u8; FRAME] {
        self.headed(0x2A)
    }

    fn headed(self, first: u8) -> [u8; FRAME] {
        let [low, high] = self.count.to_le_bytes();
        let colour = match self.colour {
            Colour::Green => 0,
            Colour::Yellow => 1,
            Colour::Red => 2,
        };
        [first, colour, low, high, INFO, sum(&[first, colour, low, high, INFO]), END]
    }

    /// Reads a request or an answer.
    pub fn decode(frame: &[u8]) -> Result<Self, Error> {
        let &[first @ (0x3A | 0x2A), colour, low, high, info, theirs, END] = frame else { return Err(Error::Shape) };
        let ours = sum(&[first, colour, low, high, info]);
        if ours != theirs {
            return Err(Error::Sum { ours, theirs });
        }
        let colour = match colour {
            0 => Colour::Green,
            1 => Colour::Yellow,
            2 => Colour::Red,
            other => return Err(Error::Colour(other)),
        };
        Ok(Self { count: u16::from_le_bytes([low, high]), colour })
    }
}

fn sum(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum.wrapping_add(*octet))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_hundred_and_eighty_eight_in_green_is_the_vendors_example() {
        let digits = Digits { count: 888, colour: Colour::Green };
        assert_eq!(digits.encode(), [0x3A, 0x00, 0x78, 0x03, 0x01, 0xB6, 0x0A]);
        assert_eq!(digits.answer(), [0x2A, 0x00, 0x78, 0x03, 0x01, 0xA6, 0x0A]);
    }

    #[test]
    fn either_answer_is_read_and_a_wrong_sum_is_not() {
        let digits = Digits { count: 7, colour: Colour::Yellow };
        assert_eq!(Digits::decode(&digits.encode()), Ok(digits));
        let mut answer = digits.answer();
        assert_eq!(Digits::decode(&answer), Ok(digits));
        answer[2] = 8;
        assert!(matches!(Digits::decode(&answer), Err(Error::Sum { .. })));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(count in any::<u16>(), colour in 0usize..3) {
            let digits = Digits { count, colour: [Colour::Green, Colour::Yellow, Colour::Red][colour] };
            prop_assert_eq!(Digits::decode(&digits.encode()), Ok(digits));
        }

        #[test]
        fn no_octets_make_the_reader_panic(octets in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = Digits::decode(&octets);
        }
    }
}
