//! Frames on the wire (RFC 6455, section 5), from the server's side and without I/O: heads of what is sent, and what was received,
//! put together.

use bytes::{Buf, Bytes, BytesMut};

use crate::live;

/// Largest message a client may send, bytes.
const MAX_MESSAGE: usize = 16 * 1024;
/// Longest payload of a frame that controls the connection, bytes.
const MAX_CONTROL: usize = 125;
/// The code of an end that was wished for (section 7.4.1).
const FAREWELL: u16 = 1000;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continue = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn read(first: u8) -> Option<Self> {
        Some(match first & 0x0f {
            0 => Self::Continue,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 & 8 != 0
    }
}

/// Why a connection ends with a client that does not keep to the protocol; the codes are those of section 7.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Protocol = 1002,
    NotText = 1007,
    TooLong = 1009,
}

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::api::live) enum Heard {
    Text(String),
    Binary,
    /// To be answered with the same payload.
    Ping(Bytes),
    Pong,
    /// The end, to be answered with this code; `None` if nobody is there to hear it.
    End(Option<u16>),
}

/// The head of an unmasked frame that is the whole of a message.
pub(super) fn head(opcode: Opcode, deflated: bool, length: usize) -> Bytes {
    let first = 0x80 | if deflated { 0x40 } else { 0 } | opcode as u8;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => Bytes::copy_from_slice(&[first, length]),
        (_, Ok(length)) => {
            let [high, low] = length.to_be_bytes();
            Bytes::copy_from_slice(&[first, 126, high, low])
        }
        _ => {
            let mut head = vec![first, 127];
            head.extend((length as u64).to_be_bytes());
            head.into()
        }
    }
}

/// The head of a client's frame.
struct Head {
    is_last: bool,
    deflated: bool,
    opcode: Opcode,
    mask: [u8; 4],
    /// Of the head itself, bytes.
    size: usize,
    /// Of the payload, bytes.
    length: usize,
}

impl Head {
    /// The head at the start of what has come; `None` if it has not come whole.
    fn read(come: &[u8]) -> Result<Option<Self>, Broken> {
        let &[first, second, ..] = come else { return Ok(None) };
        let opcode = Opcode::read(first).filter(|_| first & 0x30 == 0).ok_or(Broken::Protocol)?;
        let is_last = first & 0x80 != 0;
        let deflated = first & 0x40 != 0;
        let is_masked = second & 0x80 != 0;
        let short = usize::from(second & 0x7f);
        if !is_masked || (opcode.is_control() && (!is_last || deflated || short > MAX_CONTROL)) {
            return Err(Broken::Protocol);
        }
        let (length, at) = match short {
            126 => {
                let Some(&[high, low]) = come.get(2..4) else { return Ok(None) };
                (usize::from(u16::from_be_bytes([high, low])), 4)
            }
            127 => return Err(Broken::TooLong),
            _ => (short, 2),
        };
        if length > MAX_MESSAGE {
            return Err(Broken::TooLong);
        }
        let Some(&[a, b, c, d]) = come.get(at..at + 4) else { return Ok(None) };
        Ok(Some(Self { is_last, deflated, opcode, mask: [a, b, c, d], size: at + 4, length }))
    }
}

/// A message of which some frames have come.
#[derive(Debug)]
struct Begun {
    opcode: Opcode,
    deflated: bool,
    payload: Vec<u8>,
}

/// What has come of a client's words. Holds nothing between messages.
#[derive(Debug)]
pub(super) struct Ear {
    /// Whether messages may be deflated.
    inflates: bool,
    come: BytesMut,
    begun: Option<Begun>,
}

impl Ear {
    pub(super) fn new(inflates: bool) -> Self {
        Self { inflates, come: BytesMut::new(), begun: None }
    }

    /// Takes in what was read.
    pub(super) fn take(&mut self, read: &[u8]) {
        self.come.extend_from_slice(read);
    }

    /// The next thing said, if it has come whole.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Broken> {
        while let Some((head, payload)) = self.frame()? {
            let heard = if head.opcode.is_control() {
                Some(match head.opcode {
                    Opcode::Close => Heard::End(Some(FAREWELL)),
                    Opcode::Ping => Heard::Ping(payload.freeze()),
                    _ => Heard::Pong,
                })
            } else {
                self.data(&head, &payload)?
            };
            if heard.is_some() {
                return Ok(heard);
            }
        }
        if self.come.is_empty() {
            // Gives back what the last words needed: most clients say nothing more.
            self.come = BytesMut::new();
        }
        Ok(None)
    }

    /// The next frame and its payload, if it has come whole.
    fn frame(&mut self) -> Result<Option<(Head, BytesMut)>, Broken> {
        let Some(head) = Head::read(&self.come)? else { return Ok(None) };
        if self.come.len() < head.size + head.length {
            return Ok(None);
        }
        self.come.advance(head.size);
        let mut payload = self.come.split_to(head.length);
        for (byte, mask) in payload.iter_mut().zip(head.mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok(Some((head, payload)))
    }

    /// Adds a frame of data to its message; gives the message when it is whole.
    fn data(&mut self, head: &Head, payload: &[u8]) -> Result<Option<Heard>, Broken> {
        let mut message = match (head.opcode, self.begun.take()) {
            (Opcode::Continue, Some(begun)) if !head.deflated => begun,
            (Opcode::Text | Opcode::Binary, None) if self.inflates || !head.deflated => {
                Begun { opcode: head.opcode, deflated: head.deflated, payload: Vec::new() }
            }
            _ => return Err(Broken::Protocol),
        };
        if message.payload.len() + payload.len() > MAX_MESSAGE {
            return Err(Broken::TooLong);
        }
        message.payload.extend_from_slice(payload);
        if !head.is_last {
            self.begun = Some(message);
            return Ok(None);
        }
        if message.opcode == Opcode::Binary {
            return Ok(Some(Heard::Binary));
        }
        let said = if message.deflated {
            live::inflate(&message.payload, MAX_MESSAGE).ok_or(Broken::TooLong)?
        } else {
            message.payload
        };
        String::from_utf8(said).map(|text| Some(Heard::Text(text))).map_err(|_| Broken::NotText)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [7, 0, 250, 99];

    fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ ..=125 => bytes.push(0x80 + short as u8),
            long => bytes.extend([0x80 + 126, (long >> 8) as u8, long as u8]),
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn heard(inflates: bool, bytes: &[u8]) -> Result<Vec<Heard>, Broken> {
        let mut ear = Ear::new(inflates);
        ear.take(bytes);
        std::iter::from_fn(|| ear.next().transpose()).collect()
    }

    proptest! {
        #[test]
        fn words_are_heard_however_they_are_cut(
            words in prop::collection::vec(".{0,300}", 1..5),
            frames in prop::collection::vec(1_usize..200, 1..5),
            reads in prop::collection::vec(1_usize..100, 1..20),
        ) {
            let mut wire = Vec::new();
            for text in &words {
                let mut rest = text.as_bytes();
                let mut sizes = frames.iter().cycle();
                let mut opcode = 1;
                loop {
                    let (piece, left) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                    rest = left;
                    wire.extend(framed(opcode | if rest.is_empty() { 0x80 } else { 0 }, piece));
                    // A word about the connection may come between the pieces of a message.
                    wire.extend(framed(0x89, b"there?"));
                    opcode = 0;
                    if rest.is_empty() {
                        break;
                    }
                }
            }
            let mut ear = Ear::new(false);
            let (mut said, mut rest, mut sizes) = (Vec::new(), &wire[..], reads.iter().cycle());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                rest = left;
                ear.take(piece);
                while let Some(heard) = ear.next().unwrap() {
                    match heard {
                        Heard::Text(text) => said.push(text),
                        other => prop_assert_eq!(other, Heard::Ping(Bytes::from_static(b"there?"))),
                    }
                }
            }
            prop_assert_eq!(said, words);
            prop_assert_eq!(ear.come.capacity(), 0);
        }

        #[test]
        fn nonsense_ends_in_a_fault_or_waits(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = heard(true, &bytes);
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_told_by_its_code() {
        let long = vec![b'x'; MAX_MESSAGE];
        let mut too_long = framed(0x01, &long);
        too_long.extend(framed(0x80, b"x"));
        for (bytes, broken) in [
            (vec![0x81, 0x01, b'x'], Broken::Protocol),
            (framed(0xf1, b"x"), Broken::Protocol),
            (framed(0x83, b"x"), Broken::Protocol),
            (framed(0x80, b"x"), Broken::Protocol),
            (framed(0x09, b"x"), Broken::Protocol),
            (framed(0xc1, b"x"), Broken::Protocol),
            (framed(0x89, &[0; 126]), Broken::Protocol),
            ([framed(0x01, b"x"), framed(0x81, b"y")].concat(), Broken::Protocol),
            (framed(0x81, &[0xff]), Broken::NotText),
            (framed(0x81, &[long.as_slice(), b"x"].concat()), Broken::TooLong),
            (vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], Broken::TooLong),
            (too_long, Broken::TooLong),
        ] {
            assert_eq!(heard(false, &bytes), Err(broken), "{:x?}", &bytes[..bytes.len().min(8)]);
        }
        assert_eq!(heard(true, &framed(0xc1, &[0xff; 9])), Err(Broken::TooLong), "not deflated");
        assert_eq!(heard(false, &framed(0x82, b"x")), Ok(vec![Heard::Binary]));
        assert_eq!(heard(false, &framed(0x88, &[3, 232])), Ok(vec![Heard::End(Some(FAREWELL))]));
    }

    #[test]
    fn deflated_words_are_inflated_where_that_was_agreed() {
        let text = r#"{"type":"watch","lots":["L1","L2"]}"#.repeat(20);
        let deflated = crate::live::Words::new(text.clone()).deflated().unwrap().clone();
        let (first, rest) = deflated.split_at(9);
        let wire = [framed(0x41, first), framed(0x80, rest)].concat();
        assert_eq!(heard(true, &wire), Ok(vec![Heard::Text(text)]));
        assert_eq!(heard(false, &wire), Err(Broken::Protocol));
    }

    #[test]
    fn a_head_says_how_long_its_message_is() {
        assert_eq!(&head(Opcode::Text, false, 5)[..], [0x81, 5]);
        assert_eq!(&head(Opcode::Text, true, 126)[..], [0xc1, 126, 0, 126]);
        assert_eq!(&head(Opcode::Pong, false, 0)[..], [0x8a, 0]);
        assert_eq!(&head(Opcode::Text, false, 70_000)[..], [0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }
}
