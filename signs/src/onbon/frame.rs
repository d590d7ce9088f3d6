//! The frame around a message of an Onbon card: opening octets, escapes, header, and CRC-16/ARC.

/// Longest frame taken, octets.
pub const MAX_FRAME: usize = 8 * 1024;
const START: u8 = 0xA5;
const END: u8 = 0x5A;
const HEADER: usize = 14;
/// To card 1 from a computer, no barcode, any device, protocol 2; the length follows.
const HEAD: [u8; 12] = [0x01, 0x00, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0xFE, 0x02];

/// Why octets are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin or end as a frame does, or is longer than one may be.
    #[error("not a frame")]
    Shape,
    /// An escape that does not exist.
    #[error("an unknown escape")]
    Escape,
    /// The header's length is not that of the data.
    #[error("the length does not fit the data")]
    Length,
    /// The CRC is wrong.
    #[error("the CRC is {theirs:#06x}, and should be {ours:#06x}")]
    Crc {
        /// Of what arrived.
        ours: u16,
        /// As it arrived.
        theirs: u16,
    },
}

/// CRC-16/ARC over header and data.
pub fn crc(octets: &[u8]) -> u16 {
    crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(octets)
}

/// A message in its frame.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut inner = HEAD.to_vec();
    inner.extend((payload.len() as u16).to_le_bytes());
    inner.extend_from_slice(payload);
    inner.extend(crc(&inner).to_le_bytes());
    let mut all = vec![START; 8];
    for octet in inner {
        match octet {
            0xA5 => all.extend([0xA6, 0x02]),
            0xA6 => all.extend([0xA6, 0x01]),
            0x5A => all.extend([0x5B, 0x02]),
            0x5B => all.extend([0x5B, 0x01]),
            other => all.push(other),
        }
    }
    all.push(END);
    all
}

/// The data of a frame.
pub fn open(frame: &[u8]) -> Result<Vec<u8>, FrameError> {
    let inner = frame.strip_suffix(&[END]).ok_or(FrameError::Shape)?;
    let opening = inner.iter().take_while(|octet| **octet == START).count();
    if opening == 0 || frame.len() > MAX_FRAME {
        return Err(FrameError::Shape);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut octets = inner[opening..].iter();
    while let Some(octet) = octets.next() {
        plain.push(match octet {
            0xA6 | 0x5B => match (octet, octets.next()) {
                (0xA6, Some(2)) => 0xA5,
                (0x5B, Some(2)) => 0x5A,
                (same, Some(1)) => *same,
                _ => return Err(FrameError::Escape),
            },
            0xA5 | 0x5A => return Err(FrameError::Shape),
            other => *other,
        });
    }
    let (message, sum) = plain.split_last_chunk::<2>().ok_or(FrameError::Shape)?;
    let (ours, theirs) = (crc(message), u16::from_le_bytes(*sum));
    if ours != theirs {
        return Err(FrameError::Crc { ours, theirs });
    }
    let (header, rest) = message.split_at_checked(HEADER).ok_or(FrameError::Length)?;
    // A barcode of sixteen octets may stand before the data.
    let data = if header[7] == 1 { rest.get(16..) } else { Some(rest) };
    let length = usize::from(u16::from_le_bytes([header[12], header[13]]));
    data.filter(|data| data.len() == length).map(<[u8]>::to_vec).ok_or(FrameError::Length)
}

/// Cuts a stream of octets into frames; what stands between frames is passed over.
#[derive(Debug, Default)]
pub struct Frames {
    held: Vec<u8>,
}

impl Frames {
    /// Takes what has arrived.
    pub fn push(&mut self, octets: &[u8]) {
        self.held.extend_from_slice(octets);
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        loop {
            let start = self.held.iter().position(|octet| *octet == START).unwrap_or(self.held.len());
            self.held.drain(..start);
            let Some(end) = self.held.iter().position(|octet| *octet == END) else {
                if self.held.len() > MAX_FRAME {
                    self.held.clear();
                }
                return None;
            };
            let mut frame: Vec<u8> = self.held.drain(..=end).collect();
            // A frame that broke off lies before the last run of opening octets.
            let last = frame.windows(2).rposition(|pair| pair[0] == START && pair[1] != START).unwrap_or(0);
            let first = frame[..=last].iter().rposition(|octet| *octet != START).map_or(0, |at| at + 1);
            frame.drain(..first);
            if frame.len() <= MAX_FRAME {
                return Some(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wrong_crc_length_or_escape_is_told_apart() {
        let well = frame(&[0xA2, 0x00, 1, 0, 0]);
        let mut bent = well.clone();
        bent[24] ^= 4;
        assert!(matches!(open(&bent), Err(FrameError::Crc { .. })), "{:?}", open(&bent));
        assert_eq!(open(&well[..well.len() - 1]), Err(FrameError::Shape));
        let escape = [&[0xA5; 8][..], &[0xA6, 0x07, 0x5A]].concat();
        assert_eq!(open(&escape), Err(FrameError::Escape));
    }

    proptest! {
        #[test]
        fn any_data_survives_its_frame(payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(open(&frame(&payload)), Ok(payload));
        }

        #[test]
        fn a_stream_is_cut_into_its_frames_wherever_it_is_split(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..80), 1..5), noise in proptest::collection::vec(0u8..0x50, 0..20), step in 1usize..40) {
            let mut stream = noise;
            for payload in &payloads {
                stream.extend(frame(payload));
            }
            let (mut frames, mut read) = (Frames::default(), Vec::new());
            for part in stream.chunks(step) {
                frames.push(part);
                while let Some(next) = frames.next_frame() {
                    read.push(open(&next).unwrap());
                }
            }
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = open(&octets);
            let mut frames = Frames::default();
            frames.push(&octets);
            while let Some(frame) = frames.next_frame() {
                let _ = open(&frame);
            }
        }
    }
}
