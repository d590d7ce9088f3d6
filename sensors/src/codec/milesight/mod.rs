//! Milesight's frames: values of a channel and a type each, little-endian, any port (85 unless set otherwise).
//!
//! What every model sends (versions, battery, answers to downlinks) is read here; what a model measures stands in its own
//! file. A value nobody knows ends the frame, because its length is not known either: what stood before it counts, but a
//! frame that begins with one is refused, as is a value cut short.

mod counter;
mod distance;
mod downlink;

use chrono::DateTime;

use super::{DecodeError, frame::Frame};
use crate::reading::{Cause, Health, Reading};

/// The models, by what they measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// VS133 and VS135: up to four lines, 32-bit totals.
    Lines,
    /// VS350 and VS360: one passage, 16-bit totals.
    Passage,
    /// VS340: one place, taken or not.
    Place,
    /// EM310-UDL and EM500-UDL: distance on channel 3.
    DistanceOn3,
    /// EM400-UDL and EM410-RDL: distance on channel 4.
    DistanceOn4,
}

/// What a frame says, while it is read.
#[derive(Default)]
struct Told {
    readings: Vec<Reading>,
    health: Health,
    /// The frame's distance: several values of one frame are the same measurement, told with different alarms.
    distance_mm: Option<u32>,
    restart: Option<&'static str>,
}

pub(super) fn decode(model: Model, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    if payload.is_empty() {
        return Err(DecodeError::Empty);
    }
    if model == Model::DistanceOn4 && payload.starts_with(&[0x07, 0xBA]) {
        // A series of distances at a period, without the time of any: nothing can be said of when they were.
        return Ok(Vec::new());
    }
    let (mut frame, mut told) = (Frame::new(payload), Told::default());
    while !frame.is_over() {
        let at = frame.position();
        let [channel, kind] = frame.array()?;
        let known = match model {
            Model::Lines => counter::line(channel, kind, &mut frame, &mut told)?,
            Model::Passage => counter::passage(channel, kind, &mut frame, &mut told)?,
            Model::Place => place(channel, kind, &mut frame, &mut told)?,
            Model::DistanceOn3 => distance::on_3(channel, kind, &mut frame, &mut told)?,
            Model::DistanceOn4 => distance::on_4(channel, kind, &mut frame, &mut told)?,
        };
        if known || every_model(channel, kind, &mut frame, &mut told)? {
            continue;
        }
        if at == 0 {
            return Err(DecodeError::UnknownType { at, channel, kind });
        }
        break;
    }
    Ok(told.into_readings())
}

impl Told {
    fn into_readings(self) -> Vec<Reading> {
        let mut readings = self.readings;
        readings.extend(self.restart.map(|cause| Reading::Restart { cause: cause.into() }));
        readings.extend(self.distance_mm.map(|value_mm| Reading::Distance { value_mm }));
        if !self.health.is_empty() {
            readings.push(Reading::Health(self.health));
        }
        readings
    }

    fn battery(&mut self, percent: u8) {
        // Above 100 is no charge: 255 stands for external power.
        let charge = (percent <= 100).then_some(percent);
        // A model of two parts is as strong as the weaker.
        self.health.battery_percent = match (self.health.battery_percent, charge) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn past(&mut self, at_unix_s: u32, reading: Reading) {
        // A device without a clock counts from 1970; its history is of no time at all.
        if let Some(at) = DateTime::from_timestamp(i64::from(at_unix_s), 0) {
            self.readings.push(Reading::historical(reading, at));
        }
    }
}

/// Reads what every model sends; `false` for what none of them does.
fn every_model(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    match (channel, kind) {
        (0x01, 0x75) => told.battery(frame.u8()?),
        // Battery voltage in a unit that differs by model: the charge is told beside it.
        (0x01, 0xB9) | (0xFF, 0x09 | 0x0A | 0xFF) => frame.skip(2)?,
        (0x0A, 0xEF) | (0xFF, 0x1F) => frame.skip(4)?,
        (0xFF, 0x16) => frame.skip(8)?,
        (0xFF, 0x01 | 0x0F | 0xCC) => frame.skip(1)?,
        // Sent at power-on, whatever the byte says.
        (0xFF, 0x0B) => {
            frame.skip(1)?;
            told.restart.get_or_insert("power_on");
        }
        (0xFF, 0xFE) => {
            frame.skip(1)?;
            told.restart = Some("reset");
        }
        (0xFE | 0xFF, _) => {
            let Some(size) = downlink::answer_size(kind) else { return Ok(false) };
            frame.skip(size)?;
            // The totals were set to zero by command.
            if matches!(kind, 0x51 | 0xA8) {
                told.readings.push(Reading::CounterReset);
            }
        }
        (0xF8 | 0xF9, _) => {
            let Some(size) = downlink::extended_answer_size(kind) else { return Ok(false) };
            frame.skip(size + usize::from(channel == 0xF8))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn place(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    if (channel, kind) != (0x03, 0x00) {
        return Ok(false);
    }
    let occupied = match frame.u8()? {
        0 => false,
        1 => true,
        _ => return Err(DecodeError::Value { what: "an occupancy other than 0 and 1" }),
    };
    told.readings.push(Reading::Occupancy { occupied, cause: Cause::Change });
    Ok(true)
}

#[cfg(test)]
mod tests;
