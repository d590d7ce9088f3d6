//! Milesight's distance sensors, in millimetres; what is taken and what is free the city file's threshold says.
//!
//! | model | channel, type | value |
//! |---|---|---|
//! | EM310-UDL, EM500-UDL | 03 / 82 | distance, u16 |
//! | EM310-UDL | 04 / 00 | tilted |
//! | EM500-UDL | 83 / E9 | distance and its jump, tenths, an alarm |
//! | EM400-UDL, EM410-RDL | 03, 83 / 67 | temperature, 0.1 °C; 83 adds an alarm |
//! | | 04, 84, 94, B4 / 82 | distance; with an alarm; with a jump and an alarm; with an exception |
//! | | 05 / 00 | tilted |
//! | EM410-RDL | 06 / C7 | strength of the echo |
//! | EM500-UDL, EM410-RDL | 20 / CE | history: u32 of seconds since 1970, distance |

use super::{DecodeError, Frame, Told};
use crate::reading::Reading;

pub(super) fn on_3(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    match (channel, kind) {
        (0x03, 0x82) => measured(frame.u16_le()?, told),
        (0x04, 0x00) => position(frame, told)?,
        (0x83, 0xE9) => {
            told.distance_mm = Some(u32::from(frame.u16_le()? / 10));
            frame.skip(3)?;
        }
        (0x20, 0xCE) => history(frame, told)?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn on_4(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    match (channel, kind) {
        (0x03, 0x67) => told.health.temperature_c = Some(temperature_c(frame)?),
        (0x83, 0x67) => {
            told.health.temperature_c = Some(temperature_c(frame)?);
            frame.skip(1)?;
        }
        (0x04, 0x82) => measured(frame.u16_le()?, told),
        (0x84, 0x82) => {
            measured(frame.u16_le()?, told);
            frame.skip(1)?;
        }
        (0x94, 0x82) => {
            measured(frame.u16_le()?, told);
            frame.skip(3)?;
        }
        (0xB4, 0x82) => {
            let (distance, exception) = (frame.u16_le()?, frame.u8()?);
            match exception {
                1 => told.health.ails("blind_spot"),
                2 => told.health.ails("no_target"),
                3 => told.health.ails("sensor_exception"),
                _ => {}
            }
            measured(distance, told);
        }
        (0x05, 0x00) => position(frame, told)?,
        (0x06, 0xC7) => frame.skip(2)?,
        (0x20, 0xCE) => history(frame, told)?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn temperature_c(frame: &mut Frame<'_>) -> Result<f64, DecodeError> {
    Ok(f64::from(frame.u16_le()?.cast_signed()) / 10.0)
}

/// A distance, or one of the values that stand for none.
fn distance_mm(value: u16) -> Result<u32, &'static str> {
    match value {
        0xFFFD => Err("no_target"),
        0xFFFE => Err("disabled"),
        0xFFFF => Err("sensor_exception"),
        // Below zero after a calibration: the object touches the sensor.
        0x8000.. => Ok(0),
        _ => Ok(u32::from(value)),
    }
}

fn measured(value: u16, told: &mut Told) {
    match distance_mm(value) {
        Ok(distance) => told.distance_mm = Some(distance),
        Err(fault) => told.health.ails(fault),
    }
}

fn position(frame: &mut Frame<'_>, told: &mut Told) -> Result<(), DecodeError> {
    if frame.u8()? == 1 {
        told.health.ails("tilt");
    }
    Ok(())
}

fn history(frame: &mut Frame<'_>, told: &mut Told) -> Result<(), DecodeError> {
    let (at, value) = (frame.u32_le()?, frame.u16_le()?);
    if let Ok(value_mm) = distance_mm(value) {
        told.past(at, Reading::Distance { value_mm });
    }
    Ok(())
}
