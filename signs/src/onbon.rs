//! Frames of Onbon's font cards (BX-5K, 5MK and 6K): text in dynamic areas, which lie in the card's RAM and end by themselves.
//!
//! Source: the vendor's open protocol for font cards as its analysis tool reads it. The answers' group `A0` is the vendor's
//! one as we remember it, unproven: the captures at hand hold requests only.

mod frame;

pub use frame::{FrameError, Frames, MAX_FRAME, crc, frame, open};

use chrono::{DateTime, Datelike, TimeZone, Timelike};

/// Group and number of a command.
pub type Command = [u8; 2];

/// The card took what it was told.
pub const ACK: Command = [0xA0, 0x00];
/// The card did not take it; an error code follows.
pub const NACK: Command = [0xA0, 0x01];
/// Asks whether the card is there.
pub const PING: Command = [0xA2, 0x00];
/// Restarts the card.
pub const RESET: Command = [0xA2, 0x01];
/// Sets the clock.
pub const SET_TIME: Command = [0xA2, 0x03];
/// Asks for the card's state.
pub const STATUS: Command = [0xA1, 0x02];
/// Switches the screen on or off.
pub const SWITCH: Command = [0xA3, 0x00];
/// Removes dynamic areas.
pub const CLEAR: Command = [0xA3, 0x10];
/// Writes dynamic areas.
pub const UPDATE: Command = [0xA3, 0x06];

/// Run mode in which an area that is not written again within its timeout is dark.
pub const RUN_UNTIL_TIMEOUT: u8 = 2;
/// Octets of an area before its text.
const AREA_HEAD: usize = 27;

/// A dynamic area: a rectangle with a text of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its number on the card.
    pub id: u8,
    /// Left edge, pixels.
    pub x_px: u16,
    /// Upper edge, pixels.
    pub y_px: u16,
    /// Width, pixels.
    pub width_px: u16,
    /// Height, pixels.
    pub height_px: u16,
    /// How it runs; [`RUN_UNTIL_TIMEOUT`] goes dark by itself.
    pub run_mode: u8,
    /// How long it stands unless it is written again, seconds.
    pub timeout_s: u16,
    /// GBK.
    pub text: Vec<u8>,
}

/// Why a text cannot be written, or octets are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The card's character set lacks a character.
    #[error("GBK has no {0:?}")]
    Character(char),
    /// A message that breaks off, or says more than its length.
    #[error("the message breaks off or does not end where it should")]
    Length,
    /// A kind of area that is not a text area of the font card.
    #[error("an area of a kind that is not read here")]
    Area,
}

/// A text as the card wants it: GBK, lines apart by CR and LF, and the card's own escape character doubled.
pub fn text(lines: &[String]) -> Result<Vec<u8>, Error> {
    let joined = lines.join("\r\n").replace('\\', "\\\\").replace('↶', "↓");
    for character in joined.chars() {
        let mut one = [0; 4];
        if encoding_rs::GBK.encode(character.encode_utf8(&mut one)).2 {
            return Err(Error::Character(character));
        }
    }
    Ok(encoding_rs::GBK.encode(&joined).0.into_owned())
}

/// The lines a text shows; octets that are not GBK read as U+FFFD.
pub fn lines(text: &[u8]) -> Vec<String> {
    let text = encoding_rs::GBK.decode_without_bom_handling(text).0.replace("\\\\", "\\");
    if text.is_empty() { Vec::new() } else { text.split("\r\n").map(str::to_owned).collect() }
}

/// Asks whether the card is there.
pub fn ping() -> Vec<u8> {
    command(PING, &[])
}

/// Asks for the card's state.
pub fn ask_status() -> Vec<u8> {
    command(STATUS, &[])
}

/// Sets the clock to a local time, in binary-coded decimals.
pub fn set_time<Tz: TimeZone>(at: &DateTime<Tz>) -> Vec<u8> {
    let bcd = |n: u32| (n / 10 * 16 + n % 10) as u8;
    let year = at.year().unsigned_abs();
    let fields = [year % 100, year / 100 % 100, at.month(), at.day(), at.hour(), at.minute(), at.second()];
    let mut time: Vec<u8> = fields.into_iter().map(bcd).collect();
    time.push(bcd(at.weekday().number_from_monday()));
    let mut payload = [SET_TIME.as_slice(), &[1, time.len() as u8, 0]].concat();
    payload.extend(time);
    frame(&payload)
}

/// Removes dynamic areas by number, and writes others, all at once.
pub fn update(remove: &[u8], areas: &[Area]) -> Vec<u8> {
    let mut body = vec![remove.len() as u8];
    body.extend_from_slice(remove);
    body.push(areas.len() as u8);
    for area in areas {
        let mut octets = vec![0];
        // The uppermost bit of a place or width says that it counts pixels, not bytes of eight.
        for value in [area.x_px | 0x8000, area.y_px, area.width_px | 0x8000, area.height_px] {
            octets.extend(value.to_le_bytes());
        }
        octets.extend([area.id, 0, area.run_mode]);
        octets.extend(area.timeout_s.to_le_bytes());
        // No voice, no further settings, left aligned, several lines that wrap, shown at once, at the cards' usual pace.
        octets.extend([0, 0, 0, 2, 1, 1, 0, 0, 10]);
        octets.extend((area.text.len() as u32).to_le_bytes());
        octets.extend_from_slice(&area.text);
        body.extend((octets.len() as u16).to_le_bytes());
        body.extend(octets);
    }
    command(UPDATE, &body)
}

/// What the card answers: taken, or refused with an error code.
pub fn answer(error: Option<u8>) -> Vec<u8> {
    let command = if error.is_none() { ACK } else { NACK };
    frame(&[command.as_slice(), &[error.unwrap_or(0), 0, 0]].concat())
}

fn command(command: Command, body: &[u8]) -> Vec<u8> {
    frame(&[command.as_slice(), &[1, 0, 0], body].concat())
}

/// A message of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The card took what it was told.
    Ack,
    /// The card refused it.
    Nack {
        /// The card's error code.
        error: u8,
    },
    /// Dynamic areas to remove and to write.
    Update {
        /// Numbers of areas to remove.
        remove: Vec<u8>,
        /// Areas to write.
        areas: Vec<Area>,
    },
    /// Another command.
    Other(Command),
}

/// Reads the data of a frame, as [`open`] gives it.
pub fn read(payload: &[u8]) -> Result<Message, Error> {
    let mut octets = Octets(payload);
    let command: Command = octets.array()?;
    let reply = octets.byte()?;
    octets.array::<2>()?;
    Ok(match command {
        ACK => Message::Ack,
        NACK => Message::Nack { error: reply },
        UPDATE => {
            let remove = octets.byte()?;
            let remove = octets.take(remove.into())?.to_vec();
            let count = octets.byte()?;
            let areas = (0..count).map(|_| area(&mut octets)).collect::<Result<_, _>>()?;
            if !octets.0.is_empty() {
                return Err(Error::Length);
            }
            Message::Update { remove, areas }
        }
        other => Message::Other(other),
    })
}

fn area(octets: &mut Octets<'_>) -> Result<Area, Error> {
    let length = octets.u16()?;
    let mut area = Octets(octets.take(length.into())?);
    let kind = area.byte()?;
    let [x, y, width, height] = [area.u16()?, area.u16()?, area.u16()?, area.u16()?];
    let pixels = |value: u16| if value & 0x8000 == 0 { value.saturating_mul(8) } else { value & 0x7FFF };
    let [id, _gap, run_mode] = area.array()?;
    let timeout_s = area.u16()?;
    let [voice, further] = area.array()?;
    if kind != 0 || voice != 0 || further > 1 {
        return Err(Error::Area);
    }
    area.take(usize::from(further) + 7)?;
    let text = u32::from_le_bytes(area.array()?);
    if area.0.len() != text as usize {
        return Err(Error::Length);
    }
    let text = area.0.to_vec();
    Ok(Area { id, x_px: pixels(x), y_px: y, width_px: pixels(width), height_px: height, run_mode, timeout_s, text })
}

/// What is left to read.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Error::Length)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Length)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }
}

/// The longest text one area may have so that the frame is still read, octets.
pub const MAX_TEXT: usize = MAX_FRAME / 4 - AREA_HEAD;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        let mut all = vec![0xA5; 8];
        all.extend(hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()));
        all
    }

    #[test]
    fn requests_are_the_captured_octets() {
        assert_eq!(ping(), octets("01 00 00 80 00 00 00 00 00 00 FE 02 05 00 A2 00 01 00 00 68 F8 5A"));
        assert_eq!(ask_status(), octets("01 00 00 80 00 00 00 00 00 00 FE 02 05 00 A1 02 01 00 00 2D 40 5A"));
        let at = chrono::NaiveDate::from_ymd_opt(2013, 1, 25).unwrap().and_hms_opt(11, 17, 26).unwrap().and_utc();
        let captured =
            octets("01 00 00 80 00 00 00 00 00 00 FE 02 0D 00 A2 03 01 08 00 13 20 01 25 11 17 26 05 B0 3F 5A");
        assert_eq!(set_time(&at), captured);
    }

    fn place(id: u8, text: Vec<u8>) -> Area {
        Area { id, x_px: 160, y_px: 0, width_px: 160, height_px: 32, run_mode: RUN_UNTIL_TIMEOUT, timeout_s: 180, text }
    }

    #[test]
    fn a_text_goes_to_the_card_and_back_in_its_own_letters() {
        let words = vec!["城西 ← 34".to_owned(), r"East \ FULL".to_owned()];
        let sent = update(&[], &[place(1, text(&words).unwrap())]);
        let Message::Update { areas, .. } = read(&open(&sent).unwrap()).unwrap() else { panic!("an update") };
        assert_eq!(areas[0], place(1, text(&words).unwrap()));
        assert_eq!(lines(&areas[0].text), words);
        assert_eq!(text(&["🚗".to_owned()]), Err(Error::Character('🚗')));
    }

    #[test]
    fn an_answer_is_taken_or_refused_with_its_code() {
        assert_eq!(read(&open(&answer(None)).unwrap()), Ok(Message::Ack));
        assert_eq!(read(&open(&answer(Some(4))).unwrap()), Ok(Message::Nack { error: 4 }));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(remove in proptest::collection::vec(any::<u8>(), 0..4), texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)) {
            let areas: Vec<Area> = texts.into_iter().enumerate().map(|(id, text)| place(id as u8, text)).collect();
            let sent = update(&remove, &areas);
            prop_assert_eq!(read(&open(&sent).unwrap()), Ok(Message::Update { remove, areas }));
        }

        #[test]
        fn no_octets_make_the_reader_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&payload);
            let mut update = vec![0xA3, 0x06, 1, 0, 0];
            update.extend(payload);
            let _ = read(&update);
        }
    }
}
