//! Cayenne LPP: a frame of values, each with its channel and its type, big-endian.
//!
//! The types of the original format and of its widely used extension; see the table in [`size`].

use super::{DecodeError, frame::Frame};

pub(super) const DIGITAL_INPUT: u8 = 0x00;
pub(super) const DIGITAL_OUTPUT: u8 = 0x01;
pub(super) const ANALOG_INPUT: u8 = 0x02;
pub(super) const PRESENCE: u8 = 0x66;
pub(super) const TEMPERATURE: u8 = 0x67;
pub(super) const VOLTAGE: u8 = 0x74;
pub(super) const DISTANCE: u8 = 0x82;

/// One value of a frame.
pub(super) struct Value<'a> {
    pub(super) channel: u8,
    pub(super) kind: u8,
    bytes: &'a [u8],
}

impl Value<'_> {
    /// The value as an unsigned number.
    pub(super) fn unsigned(&self) -> u32 {
        self.bytes.iter().take(4).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    }

    /// The value as a signed 16-bit number.
    pub(super) fn signed(&self) -> i16 {
        self.unsigned() as u16 as i16
    }
}

/// Hands each value of a frame to `read`. A value whose type is not known ends the frame, because its length is not known
/// either: what stood before it counts, but a frame that begins with one is refused, as is a value cut short.
pub(super) fn each(
    payload: &[u8],
    mut read: impl FnMut(&Value<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    if payload.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut frame = Frame::new(payload);
    while !frame.is_over() {
        let at = frame.position();
        let [channel, kind] = frame.array()?;
        match size(kind) {
            Some(size) => read(&Value { channel, kind, bytes: frame.take(size)? })?,
            None if at == 0 => return Err(DecodeError::UnknownType { at, channel, kind }),
            None => break,
        }
    }
    Ok(())
}

/// Length of a type's value, bytes.
fn size(kind: u8) -> Option<usize> {
    Some(match kind {
        // digital input and output, presence, humidity, percentage, switch
        0x00 | 0x01 | 0x66 | 0x68 | 0x78 | 0x8E => 1,
        // analog input and output, illuminance, temperature, pressure, voltage, current, altitude, concentration, power,
        // direction
        0x02 | 0x03 | 0x65 | 0x67 | 0x73 | 0x74 | 0x75 | 0x79 | 0x7D | 0x80 | 0x84 => 2,
        // colour
        0x87 => 3,
        // generic, frequency, distance, energy, time
        0x64 | 0x76 | 0x82 | 0x83 | 0x85 => 4,
        // acceleration, gyrometer
        0x71 | 0x86 => 6,
        // position
        0x88 => 9,
        _ => return None,
    })
}

/// A temperature in tenths of a degree.
pub(super) fn temperature_c(value: &Value<'_>) -> f64 {
    f64::from(value.signed()) / 10.0
}
