//! The controller of an NTCIP 1203 sign, without its network: message table, checks, activation, and the timer that blanks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use yunpark_signs::ntcip::{
    activate::{Activation, BLANK, CHANGEABLE, CURRENT_BUFFER, FOREVER, MessageId},
    crc::message_crc,
    multi,
    oid::{self, column, status},
};

use super::parts::Parts;

/// Changeable messages the sign has room for.
pub const SLOTS: u16 = 8;
/// Levels of brightness.
pub const BRIGHT_LEVELS: i32 = 10;
/// What it shows when it is on its own, by occasion.
const ON_ITS_OWN: [&[u32]; 4] =
    [oid::SHORT_POWER_RECOVERY_MESSAGE, oid::LONG_POWER_RECOVERY_MESSAGE, oid::RESET_MESSAGE, oid::COMM_LOSS_MESSAGE];
/// Longest MULTI text taken, octets.
pub const MAX_MULTI: usize = 1500;

/// A value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// INTEGER.
    Number(i32),
    /// OCTET STRING.
    Octets(Vec<u8>),
}

/// Why a value is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such object, or nobody may write it.
    NotWritable,
    /// It is not of the object's type.
    WrongType,
    /// The sign says no; another object says why.
    General,
}

/// A message of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Message {
    multi: Vec<u8>,
    owner: Vec<u8>,
    beacon: u8,
    pixel_service: u8,
    priority: i32,
    status: i32,
}

impl Message {
    fn crc(&self) -> u16 {
        message_crc(&self.multi, self.beacon, self.pixel_service)
    }
}

/// What is on the face.
#[derive(Debug, Clone)]
struct Shown {
    message: Message,
    source: MessageId,
    mode: i32,
    /// When it ends; `None` is never.
    until: Option<Instant>,
}

/// The controller.
#[derive(Debug, Clone)]
pub struct Controller {
    width: u32,
    height: u32,
    /// How long the sign takes a minute to be; shorter in tests.
    minute: Duration,
    slots: BTreeMap<u16, Message>,
    shown: Shown,
    end_duration: MessageId,
    /// Shown after a loss of power, short or long, after a reset, and when nobody speaks, by their objects.
    on_its_own: BTreeMap<&'static [u32], MessageId>,
    /// Minutes without a word after which nobody speaks; 0 is never.
    comm_loss_min: i32,
    heard: Option<Instant>,
    illumination: (i32, i32),
    validate_error: i32,
    activate_error: i32,
    syntax: (i32, i32),
    /// Faults as `shortErrorStatus` tells them.
    pub faults: i32,
    /// Somebody stands at the sign and works on it: nothing is lit from afar.
    pub local: bool,
    /// Says that it lights what it is told, and goes on showing what it showed.
    pub lies: bool,
    /// Stores one octet wrong in each message that is written, as failing memory would.
    pub corrupts: bool,
    /// Its parts.
    pub parts: Parts,
}

impl Controller {
    /// A controller that has just been switched on.
    pub fn new(width: u32, height: u32, minute: Duration) -> Self {
        let empty = Message { status: status::NOT_USED, ..Message::default() };
        Self {
            width,
            height,
            minute,
            slots: (1..=SLOTS).map(|number| (number, empty.clone())).collect(),
            shown: blank(11),
            end_duration: MessageId::BLANK_1,
            on_its_own: ON_ITS_OWN.map(|object| (object, MessageId::BLANK_1)).into(),
            comm_loss_min: 0,
            heard: None,
            illumination: (2, 0),
            validate_error: 2,
            activate_error: 2,
            syntax: (2, 0),
            faults: 0,
            local: false,
            lies: false,
            corrupts: false,
            parts: Parts::default(),
        }
    }

    /// Somebody speaks to it.
    pub fn hear(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Switches it off and on: the face is dark, what was being written is lost.
    pub fn restart(&mut self) {
        let Self { faults, corrupts, local, lies, width, height, minute, .. } = *self;
        let parts = std::mem::take(&mut self.parts);
        *self = Self { faults, local, lies, corrupts, parts, ..Self::new(width, height, minute) };
    }

    /// Lets time pass: a message whose time has run out gives way to the end-duration message.
    pub fn settle(&mut self, now: Instant) {
        if self.shown.until.is_some_and(|until| now >= until) {
            self.light(self.end_duration, None, 14);
        }
        let longest = self.minute * u32::try_from(self.comm_loss_min).unwrap_or(0);
        let is_alone = self.heard.is_some_and(|heard| now.saturating_duration_since(heard) >= longest);
        if self.comm_loss_min > 0 && is_alone && self.shown.mode != 12 {
            self.light(self.on_its_own[oid::COMM_LOSS_MESSAGE], None, 12);
        }
    }

    /// The MULTI text on the face.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.message.multi).into_owned()
    }

    /// The level of brightness it was set to; `None` while its photocell decides.
    pub fn brightness(&self) -> Option<i32> {
        let (mode, level) = self.illumination;
        (mode != 2).then_some(level)
    }

    /// Every object, in the order of the tree.
    pub fn objects() -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = [
            oid::SIGN_HEIGHT_PIXELS,
            oid::SIGN_WIDTH_PIXELS,
            oid::COLOR_SCHEME,
            oid::MAX_MULTI_LENGTH,
            oid::MAX_CHANGEABLE,
            oid::VALIDATE_ERROR,
            oid::CONTROL_MODE,
            oid::SOFTWARE_RESET,
            oid::ACTIVATE_MESSAGE,
            oid::TIME_REMAINING,
            oid::MESSAGE_SOURCE,
            oid::SOURCE_MODE,
            oid::SHORT_POWER_RECOVERY_MESSAGE,
            oid::LONG_POWER_RECOVERY_MESSAGE,
            oid::RESET_MESSAGE,
            oid::COMM_LOSS_MESSAGE,
            oid::TIME_COMM_LOSS,
            oid::END_DURATION_MESSAGE,
            oid::ILLUM_CONTROL,
            oid::BRIGHT_LEVELS,
            oid::MANUAL_LEVEL,
            oid::ACTIVATE_ERROR,
            oid::MULTI_SYNTAX_ERROR,
            oid::MULTI_SYNTAX_POSITION,
            oid::SHORT_ERROR_STATUS,
        ]
        .map(<[u32]>::to_vec)
        .into();
        all.extend(Parts::objects());
        for column in column::MEMORY..=column::STATUS {
            all.extend((1..=SLOTS).map(|number| oid::message(column, CHANGEABLE, number)));
            all.push(oid::message(column, CURRENT_BUFFER, 1));
            all.push(oid::message(column, BLANK, 1));
        }
        all.sort();
        all
    }

    /// An object's value.
    pub fn get(&self, oid: &[u32], now: Instant) -> Option<Cell> {
        if let Some((column, memory, number)) = table_cell(oid) {
            let message = match memory {
                CHANGEABLE => self.slots.get(&number)?.clone(),
                CURRENT_BUFFER if number == 1 => Message { status: status::VALID, ..self.shown.message.clone() },
                BLANK if number == 1 => Message { status: status::VALID, priority: 1, ..Message::default() },
                _ => return None,
            };
            let crc = if message.multi.is_empty() { 0 } else { message.crc() };
            return Some(match column {
                column::MEMORY => Cell::Number(memory.into()),
                column::NUMBER => Cell::Number(number.into()),
                column::MULTI => Cell::Octets(message.multi),
                column::OWNER => Cell::Octets(message.owner),
                column::CRC => Cell::Number(crc.into()),
                column::BEACON => Cell::Number(message.beacon.into()),
                column::PIXEL_SERVICE => Cell::Number(message.pixel_service.into()),
                column::RUN_TIME_PRIORITY => Cell::Number(message.priority),
                column::STATUS => Cell::Number(message.status),
                _ => return None,
            });
        }
        Some(match oid {
            oid::SIGN_HEIGHT_PIXELS => Cell::Number(self.height as i32),
            oid::SIGN_WIDTH_PIXELS => Cell::Number(self.width as i32),
            oid::COLOR_SCHEME => Cell::Number(3),
            oid::MAX_MULTI_LENGTH => Cell::Number(MAX_MULTI as i32),
            oid::MAX_CHANGEABLE => Cell::Number(SLOTS.into()),
            oid::VALIDATE_ERROR => Cell::Number(self.validate_error),
            oid::CONTROL_MODE => Cell::Number(if self.local { 2 } else { 4 }),
            oid::SOFTWARE_RESET => Cell::Number(0),
            oid::TIME_COMM_LOSS => Cell::Number(self.comm_loss_min),
            oid::ILLUM_CONTROL => Cell::Number(self.illumination.0),
            oid::BRIGHT_LEVELS => Cell::Number(BRIGHT_LEVELS),
            oid::MANUAL_LEVEL => Cell::Number(self.illumination.1),
            oid::ACTIVATE_MESSAGE => Cell::Octets(vec![0; 12]),
            oid::TIME_REMAINING => Cell::Number(self.minutes_left(now).into()),
            oid::MESSAGE_SOURCE => Cell::Octets(self.shown.source.encode().to_vec()),
            oid::SOURCE_MODE => Cell::Number(self.shown.mode),
            oid::END_DURATION_MESSAGE => Cell::Octets(self.end_duration.encode().to_vec()),
            oid::ACTIVATE_ERROR => Cell::Number(self.activate_error),
            oid::MULTI_SYNTAX_ERROR => Cell::Number(self.syntax.0),
            oid::MULTI_SYNTAX_POSITION => Cell::Number(self.syntax.1),
            oid::SHORT_ERROR_STATUS => Cell::Number(self.faults),
            other => match self.on_its_own.get(other) {
                Some(message) => Cell::Octets(message.encode().to_vec()),
                None => Cell::Number(self.parts.get(other)?),
            },
        })
    }

    fn minutes_left(&self, now: Instant) -> u16 {
        let Some(until) = self.shown.until else { return FOREVER };
        let left = until.saturating_duration_since(now).as_secs_f64() / self.minute.as_secs_f64();
        left.ceil().min(65534.0) as u16
    }

    /// Whether a value would be taken; why an activation would not is kept, as the standard asks.
    pub fn check(&mut self, oid: &[u32], value: &Cell) -> Result<(), Refusal> {
        if let Some((column, memory, number)) = table_cell(oid) {
            let slot = self.slots.get(&number).filter(|_| memory == CHANGEABLE).ok_or(Refusal::NotWritable)?;
            let is_open = slot.status == status::MODIFYING;
            return match (column, value) {
                (column::STATUS, Cell::Number(request)) => match *request {
                    status::MODIFY_REQUEST | status::NOT_USED_REQUEST => Ok(()),
                    status::VALIDATE_REQUEST if is_open => Ok(()),
                    _ => Err(Refusal::General),
                },
                (column::MULTI, Cell::Octets(text)) if text.len() > MAX_MULTI => Err(Refusal::General),
                (column::MULTI | column::OWNER, Cell::Octets(_))
                | (column::BEACON | column::PIXEL_SERVICE, Cell::Number(0 | 1))
                | (column::RUN_TIME_PRIORITY, Cell::Number(1..=255)) => is_open.then_some(()).ok_or(Refusal::General),
                (column::MULTI..=column::STATUS, _) if column != column::CRC => Err(Refusal::WrongType),
                _ => Err(Refusal::NotWritable),
            };
        }
        match (oid, value) {
            (oid::ACTIVATE_MESSAGE, Cell::Octets(octets)) => {
                let code = Activation::decode(octets).ok_or(Refusal::WrongType)?;
                self.activate_error = self.judge(&code);
                if self.activate_error == 2 { Ok(()) } else { Err(Refusal::General) }
            }
            (oid::END_DURATION_MESSAGE, Cell::Octets(octets)) => {
                MessageId::decode(octets).map(drop).ok_or(Refusal::WrongType)
            }
            (oid::TIME_REMAINING | oid::TIME_COMM_LOSS, Cell::Number(0..=65535))
            | (oid::ILLUM_CONTROL, Cell::Number(2 | 4 | 6))
            | (oid::MANUAL_LEVEL, Cell::Number(0..=BRIGHT_LEVELS))
            | (oid::SOFTWARE_RESET, Cell::Number(0 | 1))
            | (oid::CONTROL_MODE, Cell::Number(4)) => Ok(()),
            (object, Cell::Octets(octets)) if self.on_its_own.contains_key(object) => {
                MessageId::decode(octets).map(drop).ok_or(Refusal::WrongType)
            }
            _ => Err(Refusal::NotWritable),
        }
    }

    /// The value of `dmsActivateMsgError` for an activation.
    fn judge(&self, code: &Activation) -> i32 {
        let id = code.message;
        if self.local {
            return 9;
        }
        if i32::from(code.priority) < self.shown.message.priority {
            return 3;
        }
        match (id.memory, self.slots.get(&id.number)) {
            (BLANK, _) if (1..=255).contains(&id.number) => {
                if id.crc == 0 {
                    2
                } else {
                    7
                }
            }
            (CHANGEABLE, Some(slot)) if slot.status != status::VALID => 4,
            (CHANGEABLE, Some(slot)) if slot.crc() != id.crc => 7,
            (CHANGEABLE, Some(_)) => 2,
            (CHANGEABLE | BLANK, _) => 6,
            _ => 5,
        }
    }

    /// Takes a value that [`Controller::check`] allowed.
    pub fn apply(&mut self, oid: &[u32], value: &Cell, now: Instant) {
        if let Some((column, _, number)) = table_cell(oid) {
            self.write(column, number, value);
            return;
        }
        match (oid, value) {
            (oid::ACTIVATE_MESSAGE, Cell::Octets(octets)) => {
                if let Some(code) = Activation::decode(octets).filter(|_| !self.lies) {
                    let minutes = (code.duration_min != FOREVER).then_some(u32::from(code.duration_min));
                    self.light(code.message, minutes.map(|minutes| now + self.minute * minutes), 8);
                }
            }
            (oid::END_DURATION_MESSAGE, Cell::Octets(octets)) => {
                self.end_duration = MessageId::decode(octets).unwrap_or(self.end_duration);
            }
            (oid::TIME_REMAINING, Cell::Number(minutes)) if self.shown.source.memory != BLANK => {
                let forever = *minutes == i32::from(FOREVER);
                self.shown.until = (!forever).then(|| now + self.minute * u32::try_from(*minutes).unwrap_or(0));
            }
            (oid::SOFTWARE_RESET, Cell::Number(1)) => self.restart(),
            (oid::TIME_COMM_LOSS, Cell::Number(minutes)) => self.comm_loss_min = *minutes,
            (oid::ILLUM_CONTROL, Cell::Number(mode)) => self.illumination.0 = *mode,
            (oid::MANUAL_LEVEL, Cell::Number(level)) => self.illumination.1 = *level,
            (object, Cell::Octets(octets)) => {
                if let (Some(kept), Some(id)) = (self.on_its_own.get_mut(object), MessageId::decode(octets)) {
                    *kept = id;
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, column: u32, number: u16, value: &Cell) {
        let (width, height, corrupts) = (self.width, self.height, self.corrupts);
        let Some(slot) = self.slots.get_mut(&number) else { return };
        match (column, value) {
            (column::STATUS, Cell::Number(status::MODIFY_REQUEST)) => slot.status = status::MODIFYING,
            (column::STATUS, Cell::Number(status::NOT_USED_REQUEST)) => {
                *slot = Message { status: status::NOT_USED, ..Message::default() };
            }
            (column::STATUS, _) => {
                self.syntax = validate(&slot.multi, width, height);
                let is_valid = self.syntax.0 == 2;
                self.validate_error = if is_valid { 2 } else { 5 };
                slot.status = if is_valid { status::VALID } else { status::ERROR };
            }
            (column::MULTI, Cell::Octets(text)) => {
                slot.multi.clone_from(text);
                if corrupts && let Some(last) = slot.multi.last_mut() {
                    *last ^= 1;
                }
            }
            (column::OWNER, Cell::Octets(owner)) => slot.owner.clone_from(owner),
            (column::BEACON, Cell::Number(n)) => slot.beacon = *n as u8,
            (column::PIXEL_SERVICE, Cell::Number(n)) => slot.pixel_service = *n as u8,
            (column::RUN_TIME_PRIORITY, Cell::Number(n)) => slot.priority = *n,
            _ => {}
        }
    }

    fn light(&mut self, id: MessageId, until: Option<Instant>, mode: i32) {
        self.shown = match self.slots.get(&id.number) {
            Some(slot) if id.memory == CHANGEABLE => Shown { message: slot.clone(), source: id, mode, until },
            _ => blank(mode),
        };
    }
}

fn blank(mode: i32) -> Shown {
    Shown { message: Message { priority: 1, ..Message::default() }, source: MessageId::BLANK_1, mode, until: None }
}

/// Column, memory and number of a cell of the message table.
fn table_cell(oid: &[u32]) -> Option<(u32, u8, u16)> {
    match oid.strip_prefix(oid::MESSAGE_TABLE)? {
        &[column, memory, number] => Some((column, u8::try_from(memory).ok()?, u16::try_from(number).ok()?)),
        _ => None,
    }
}

/// Error and place of `dmsMultiSyntaxError` for a text on a sign of this size.
fn validate(multi: &[u8], width: u32, height: u32) -> (i32, i32) {
    let Ok(text) = std::str::from_utf8(multi) else { return (7, 0) };
    match multi::read(text) {
        Err(error) => (error.code(), error.position() as i32),
        Ok(rectangles) => {
            for rectangle in rectangles {
                let [left, top, wide, high] = rectangle.place.unwrap_or([1, 1, width, height]);
                if left - 1 + wide > width || top - 1 + high > height {
                    return (4, 0);
                }
                if rectangle.lines.len() as u32 * 16 > high {
                    return (5, 0);
                }
            }
            (2, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn cell(column: u32) -> Vec<u32> {
        oid::message(column, CHANGEABLE, 1)
    }

    fn set(sign: &mut Controller, oid: &[u32], value: Cell, now: Instant) -> Result<(), Refusal> {
        sign.check(oid, &value)?;
        sign.apply(oid, &value, now);
        Ok(())
    }

    fn write(sign: &mut Controller, multi: &str, now: Instant) -> i32 {
        set(sign, &cell(column::STATUS), Cell::Number(status::MODIFY_REQUEST), now).unwrap();
        set(sign, &cell(column::MULTI), Cell::Octets(multi.into()), now).unwrap();
        set(sign, &cell(column::RUN_TIME_PRIORITY), Cell::Number(5), now).unwrap();
        set(sign, &cell(column::STATUS), Cell::Number(status::VALIDATE_REQUEST), now).unwrap();
        let Some(Cell::Number(state)) = sign.get(&cell(column::STATUS), now) else { panic!("a status is a number") };
        state
    }

    fn activate(sign: &mut Controller, crc: u16, now: Instant) -> Result<(), Refusal> {
        let code = Activation {
            duration_min: 3,
            priority: 255,
            message: MessageId { memory: CHANGEABLE, number: 1, crc },
            source: std::net::Ipv4Addr::LOCALHOST,
        };
        set(sign, oid::ACTIVATE_MESSAGE, Cell::Octets(code.encode().to_vec()), now)
    }

    #[test]
    fn a_message_is_lit_after_it_was_written_and_checked_and_goes_dark_at_the_end_of_its_time() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        assert_eq!(write(&mut sign, "A[jl4]34", now), status::VALID);
        assert_eq!(sign.shown(), "");
        activate(&mut sign, message_crc(b"A[jl4]34", 0, 0), now).unwrap();
        assert_eq!(sign.shown(), "A[jl4]34");
        assert_eq!(sign.get(oid::TIME_REMAINING, now), Some(Cell::Number(3)));
        sign.settle(now + MINUTE * 2);
        assert_eq!(sign.shown(), "A[jl4]34");
        sign.settle(now + MINUTE * 3);
        assert_eq!((sign.shown().as_str(), sign.get(oid::SOURCE_MODE, now)), ("", Some(Cell::Number(14))));
    }

    #[test]
    fn an_activation_with_a_wrong_crc_is_refused_and_says_so() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        assert_eq!(write(&mut sign, "34", now), status::VALID);
        assert_eq!(activate(&mut sign, 0x1234, now), Err(Refusal::General));
        assert_eq!((sign.get(oid::ACTIVATE_ERROR, now), sign.shown().as_str()), (Some(Cell::Number(7)), ""));
    }

    #[test]
    fn wrong_multi_is_found_by_the_check() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        assert_eq!(write(&mut sign, "34[zz]", now), status::ERROR);
        assert_eq!(sign.get(oid::MULTI_SYNTAX_ERROR, now), Some(Cell::Number(3)));
        assert_eq!(sign.get(oid::MULTI_SYNTAX_POSITION, now), Some(Cell::Number(2)));
        assert_eq!(write(&mut sign, "1[nl]2[nl]3", now), status::ERROR, "three rows on 32 dots");
        assert_eq!(sign.get(oid::MULTI_SYNTAX_ERROR, now), Some(Cell::Number(5)));
        activate(&mut sign, message_crc(b"1[nl]2[nl]3", 0, 0), now).unwrap_err();
        assert_eq!(sign.get(oid::ACTIVATE_ERROR, now), Some(Cell::Number(4)));
    }

    #[test]
    fn a_message_is_written_only_after_asking() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        assert_eq!(set(&mut sign, &cell(column::MULTI), Cell::Octets(b"34".into()), now), Err(Refusal::General));
        assert_eq!(set(&mut sign, &cell(column::CRC), Cell::Number(1), now), Err(Refusal::NotWritable));
    }

    #[test]
    fn a_sign_to_which_nobody_speaks_shows_its_message_for_that() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        write(&mut sign, "A", now);
        activate(&mut sign, message_crc(b"A", 0, 0), now).unwrap();
        set(&mut sign, oid::TIME_REMAINING, Cell::Number(FOREVER.into()), now).unwrap();
        set(&mut sign, oid::TIME_COMM_LOSS, Cell::Number(2), now).unwrap();
        sign.hear(now + MINUTE);
        sign.settle(now + MINUTE * 2);
        assert_eq!(sign.shown(), "A", "somebody spoke a minute ago");
        sign.settle(now + MINUTE * 3);
        assert_eq!((sign.shown(), sign.get(oid::SOURCE_MODE, now)), (String::new(), Some(Cell::Number(12))));
    }

    #[test]
    fn a_sign_under_local_control_lights_nothing_from_afar() {
        let (mut sign, now) = (Controller::new(160, 32, MINUTE), Instant::now());
        sign.local = true;
        write(&mut sign, "A", now);
        assert_eq!(activate(&mut sign, message_crc(b"A", 0, 0), now), Err(Refusal::General));
        assert_eq!(sign.get(oid::ACTIVATE_ERROR, now), Some(Cell::Number(9)));
        assert_eq!(sign.get(oid::CONTROL_MODE, now), Some(Cell::Number(2)));
    }
}
