//! Parametric PMX-TCR traffic radar: vehicles of each interval, by direction and, if set up, by category.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 13 | 10, first A2 | all detections: hour and minute, left to right u16 and km/h, right to left u16 and km/h, V / 10 |
//! | 14 to 17 | the same | detections of category 1 to 4 alone |
//! | 1 | C2 … | answer to a setting |
//! | 190 | D2 … | what the device is |
//!
//! Left to right is told as in, right to left as out. Categories are told on lanes of their own (`cat1` to `cat4`), because
//! port 13 counts their vehicles already: whoever sums both counts twice. A lost frame is lost for good.

use super::{DecodeError, wrong_length};
use crate::reading::{Health, LaneDirection, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let lane = match port {
        13 => None,
        14 => Some("cat1"),
        15 => Some("cat2"),
        16 => Some("cat3"),
        17 => Some("cat4"),
        1 if payload.first() == Some(&0xC2) => return Ok(Vec::new()),
        190 if payload.first() == Some(&0xD2) => return Ok(Vec::new()),
        1 | 190 => return Err(DecodeError::Value { what: "the first byte" }),
        _ => return Err(DecodeError::UnknownPort { port }),
    };
    let [kind, _, _, right_high, right_low, _, left_high, left_low, _, tenth_volts] = payload else {
        return Err(wrong_length(port, "10", payload));
    };
    if *kind != 0xA2 {
        return Err(DecodeError::Value { what: "the first byte" });
    }
    let counted = |direction, high: u8, low: u8| Reading::CounterDelta {
        direction,
        count: u32::from(u16::from_be_bytes([high, low])),
        lane: lane.map(Into::into),
    };
    let health = Health { battery_mv: Some(u32::from(*tenth_volts) * 100), ..Health::default() };
    Ok(vec![
        counted(LaneDirection::In, *right_high, *right_low),
        counted(LaneDirection::Out, *left_high, *left_low),
        Reading::Health(health),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 10] = [0xa2, 0x14, 0x0a, 0x03, 0xe8, 0x32, 0x04, 0x4c, 0x34, 0x33];

    #[test]
    fn both_directions_and_the_supply_are_told() {
        let delta = |direction, count, lane: Option<&'static str>| Reading::CounterDelta {
            direction,
            count,
            lane: lane.map(Into::into),
        };
        let supply = Reading::Health(Health { battery_mv: Some(5100), ..Health::default() });
        let (right, left) = (delta(LaneDirection::In, 1000, None), delta(LaneDirection::Out, 1100, None));
        assert_eq!(decode(13, &FRAME).unwrap(), [right, left, supply.clone()]);
        let category = |direction, count| delta(direction, count, Some("cat3"));
        let (right, left) = (category(LaneDirection::In, 1000), category(LaneDirection::Out, 1100));
        assert_eq!(decode(16, &FRAME).unwrap(), [right, left, supply]);
    }

    #[test]
    fn other_ports_and_lengths_are_refused() {
        assert_eq!(decode(12, &FRAME), Err(DecodeError::UnknownPort { port: 12 }));
        assert!(decode(13, &FRAME[..9]).is_err() && decode(13, &[0xa1; 10]).is_err() && decode(190, &[]).is_err());
        assert_eq!(decode(190, &[0xd2, 0, 1, 2, 3, 4, 5, 6]).unwrap(), []);
    }
}
