//! Names of messages on a sign, and the twelve octets that light one.

use std::net::Ipv4Addr;

/// Memory of a sign: changeable messages.
pub const CHANGEABLE: u8 = 3;
/// Memory of a sign: what is on the face now.
pub const CURRENT_BUFFER: u8 = 5;
/// Memory of a sign: the built-in blank messages.
pub const BLANK: u8 = 7;
/// A message that stays until it is replaced, minutes.
pub const FOREVER: u16 = 65535;

/// A message on a sign: where it lies, and the CRC of what lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId {
    /// Kind of memory.
    pub memory: u8,
    /// Number within that memory.
    pub number: u16,
    /// CRC of the message, 0 for a blank one.
    pub crc: u16,
}

/// What is asked of `dmsActivateMessage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activation {
    /// How long the message stays, minutes; [`FOREVER`] has no end.
    pub duration_min: u16,
    /// Takes the face if at least as high as what is shown.
    pub priority: u8,
    /// Which message.
    pub message: MessageId,
    /// Who asks.
    pub source: Ipv4Addr,
}

impl MessageId {
    /// The built-in blank message.
    pub const BLANK_1: Self = Self { memory: BLANK, number: 1, crc: 0 };

    /// As the five octets of a `MessageIDCode`.
    pub fn encode(self) -> [u8; 5] {
        let ([n0, n1], [c0, c1]) = (self.number.to_be_bytes(), self.crc.to_be_bytes());
        [self.memory, n0, n1, c0, c1]
    }

    /// Reads a `MessageIDCode`; `None` unless it has five octets.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let &[memory, n0, n1, c0, c1] = octets else { return None };
        Some(Self { memory, number: u16::from_be_bytes([n0, n1]), crc: u16::from_be_bytes([c0, c1]) })
    }
}

impl Activation {
    /// As the twelve octets of a `MessageActivationCode`.
    pub fn encode(&self) -> [u8; 12] {
        let mut octets = [0; 12];
        octets[..2].copy_from_slice(&self.duration_min.to_be_bytes());
        octets[2] = self.priority;
        octets[3..8].copy_from_slice(&self.message.encode());
        octets[8..].copy_from_slice(&self.source.octets());
        octets
    }

    /// Reads a `MessageActivationCode`; `None` unless it has twelve octets.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let &[d0, d1, priority, .., a, b, c, d] = octets else { return None };
        (octets.len() == 12).then_some(())?;
        Some(Self {
            duration_min: u16::from_be_bytes([d0, d1]),
            priority,
            message: MessageId::decode(&octets[3..8])?,
            source: Ipv4Addr::new(a, b, c, d),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_own_example_gives_its_twelve_octets() {
        // ite-org/NTCIP-8004, docs/macro-examples.md: volatile message 5, 267 minutes, priority 55, from 103.8.9.10.
        let message = MessageId { memory: 4, number: 5, crc: 0x95F9 };
        assert_eq!(message.encode(), [0x04, 0x00, 0x05, 0x95, 0xF9]);
        let activation = Activation { duration_min: 267, priority: 55, message, source: Ipv4Addr::new(103, 8, 9, 10) };
        let octets = [0x01, 0x0B, 0x37, 0x04, 0x00, 0x05, 0x95, 0xF9, 0x67, 0x08, 0x09, 0x0A];
        assert_eq!(activation.encode(), octets);
        assert_eq!(Activation::decode(&octets), Some(activation));
        assert_eq!(Activation::decode(&octets[1..]), None);
        assert_eq!(MessageId::decode(&octets), None);
    }
}
