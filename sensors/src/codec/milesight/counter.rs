//! Milesight's counters: lines of VS133 and VS135, the passage of VS350 and VS360.
//!
//! | model | channel, type | value |
//! |---|---|---|
//! | VS133, VS135 | 03, 06, 09, 0C / D2 and 04, 07, 0A, 0D / D2 | total in and out of lines 1 to 4, u32 |
//! | | 05, 08, 0B, 0E / CC | in and out of the last period, u16 each |
//! | | 11 to 1C / D2 and CC, 1D / E3, 1E / E4 | the same of children alone: part of the others, and not told |
//! | | 0F / E3, 10 / E4 | persons in regions, how long they stay: not told |
//! | | 50 / FC | the view is blocked |
//! | VS350, VS360 | 04, 84 / CC | totals in and out, u16 each; 84 adds an alarm |
//! | | 05, 85 / CC | in and out of the last period |
//! | | 02 / 75, 03 / F4 | VS360: the second part's battery, what ails the pair |
//! | all | 20 / CE | history: u32 of seconds since 1970, a type, values |

use super::{DecodeError, Frame, Told};
use crate::reading::{LaneDirection, Reading, Word};

const LINES: [&str; 4] = ["1", "2", "3", "4"];

pub(super) fn line(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    match (channel, kind) {
        (0x03..=0x0E, 0xD2) if (channel - 3) % 3 != 2 => {
            let total = line_total(channel, frame.u32_le()?);
            told.readings.push(total);
        }
        (0x05 | 0x08 | 0x0B | 0x0E, 0xCC) => {
            let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
            told.readings.extend(period(line_of(channel), entered, left));
        }
        (0x11..=0x1C, 0xD2 | 0xCC) | (0x0F | 0x1D, 0xE3) => frame.skip(4)?,
        (0x10 | 0x1E, 0xE4) => frame.skip(5)?,
        (0x50, 0xFC) => {
            let [_, _, alarm] = frame.array()?;
            if alarm == 1 {
                told.health.ails("occlusion");
            }
        }
        (0x20, 0xCE) => line_history(frame, told)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The line of a total's or a period's channel.
fn line_of(channel: u8) -> Option<Word> {
    LINES.get(usize::from(channel - 3) / 3).map(|line| (*line).into())
}

fn line_total(channel: u8, value: u32) -> Reading {
    let direction = if (channel - 3).is_multiple_of(3) { LaneDirection::In } else { LaneDirection::Out };
    Reading::CounterTotal { direction, lane: line_of(channel), value: u64::from(value), width_bits: 32 }
}

fn period(lane: Option<Word>, entered: u16, left: u16) -> [Reading; 2] {
    let delta = |direction, count, lane| Reading::CounterDelta { direction, count: u32::from(count), lane };
    [delta(LaneDirection::In, entered, lane.clone()), delta(LaneDirection::Out, left, lane)]
}

/// One value of the past: its type is the channel it would have had when it was new.
fn line_history(frame: &mut Frame<'_>, told: &mut Told) -> Result<(), DecodeError> {
    let (at, channel) = (frame.u32_le()?, frame.u8()?);
    match channel {
        0x03..=0x0E if (channel - 3) % 3 != 2 => {
            let total = line_total(channel, frame.u32_le()?);
            told.past(at, total);
        }
        0x05 | 0x08 | 0x0B | 0x0E => {
            let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
            for delta in period(line_of(channel), entered, left) {
                told.past(at, delta);
            }
        }
        0x0F | 0x11..=0x1D => frame.skip(4)?,
        0x10 | 0x1E | 0x20 | 0x3C => frame.skip(3)?,
        _ => return Err(DecodeError::Value { what: "a type of history" }),
    }
    Ok(())
}

pub(super) fn passage(channel: u8, kind: u8, frame: &mut Frame<'_>, told: &mut Told) -> Result<bool, DecodeError> {
    match (channel, kind) {
        (0x02, 0x75) => told.battery(frame.u8()?),
        (0x03, 0x67) => told.health.temperature_c = Some(super::distance::temperature_c(frame)?),
        (0x83, 0x67) => {
            told.health.temperature_c = Some(super::distance::temperature_c(frame)?);
            frame.skip(1)?;
        }
        (0x03, 0xF4) => {
            let [event, status] = frame.array()?;
            match (event, status) {
                (_, 0) => {}
                (0, _) => told.health.ails("counting_anomaly"),
                (1, _) => told.health.ails("node_without_response"),
                (2, _) => told.health.ails("devices_misaligned"),
                _ => told.health.ails("unknown_event"),
            }
        }
        (0x04 | 0x84, 0xCC) => {
            let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
            frame.skip(usize::from(channel == 0x84))?;
            told.readings.extend(totals(entered, left));
        }
        (0x05 | 0x85, 0xCC) => {
            let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
            frame.skip(usize::from(channel == 0x85))?;
            told.readings.extend(period(None, entered, left));
        }
        (0x81, 0xEE) => frame.skip(1)?,
        (0x20, 0xCE) => passage_history(frame, told)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn totals(entered: u16, left: u16) -> [Reading; 2] {
    let total =
        |direction, value| Reading::CounterTotal { direction, lane: None, value: u64::from(value), width_bits: 16 };
    [total(LaneDirection::In, entered), total(LaneDirection::Out, left)]
}

fn passage_history(frame: &mut Frame<'_>, told: &mut Told) -> Result<(), DecodeError> {
    let (at, kind) = (frame.u32_le()?, frame.u8()?);
    if kind > 1 {
        return Err(DecodeError::Value { what: "a type of history" });
    }
    let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
    for delta in period(None, entered, left) {
        told.past(at, delta);
    }
    if kind == 1 {
        let (entered, left) = (frame.u16_le()?, frame.u16_le()?);
        for total in totals(entered, left) {
            told.past(at, total);
        }
    }
    Ok(())
}
