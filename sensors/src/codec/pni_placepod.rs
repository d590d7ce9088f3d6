//! PNI PlacePod bay sensor and lane counter: Cayenne LPP on channels of its own, often several events in one frame.
//!
//! | channel, type | meaning |
//! |---|---|
//! | 21, presence | a vehicle came or went |
//! | 55, presence | keep-alive: the bay's state |
//! | 33, digital input | vehicles counted, 0 to 127 and round again; 128: the counter was reset |
//! | 55, digital input | keep-alive of the count, in the same way |
//! | 2, temperature; 3, analog input | 0.1 °C; battery, 0.01 V |
//! | 5 and 6, digital input | error codes, 0 for none |
//! | 1, 28, 63, digital output | recalibrated, deactivated, rebooted |

use super::{
    DecodeError,
    lpp::{self, ANALOG_INPUT, DIGITAL_INPUT, DIGITAL_OUTPUT, PRESENCE, TEMPERATURE, Value},
};
use crate::reading::{Cause, Health, LaneDirection, Reading};

/// The counter's value that says that it was reset.
const RESET: u32 = 128;

pub(super) fn decode(payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let (mut readings, mut health) = (Vec::new(), Health::default());
    lpp::each(payload, |value| {
        let set = value.unsigned() != 0;
        match (value.channel, value.kind) {
            (21, PRESENCE) => readings.push(Reading::Occupancy { occupied: set, cause: Cause::Change }),
            (55, PRESENCE) => readings.push(Reading::Occupancy { occupied: set, cause: Cause::Heartbeat }),
            (33 | 55, DIGITAL_INPUT) => readings.push(count(value)?),
            (2, TEMPERATURE) => health.temperature_c = Some(lpp::temperature_c(value)),
            (3, ANALOG_INPUT) => {
                health.battery_mv = u32::try_from(value.signed()).ok().map(|centivolts| centivolts * 10);
            }
            (5 | 6, DIGITAL_INPUT) if set => health.ails("sensor_error"),
            (1, DIGITAL_OUTPUT) if set => readings.push(Reading::Restart { cause: "recalibration".into() }),
            (28, DIGITAL_OUTPUT) if set => health.ails("deactivated"),
            (63, DIGITAL_OUTPUT) if set => readings.push(Reading::Restart { cause: "reboot".into() }),
            _ => {}
        }
        Ok(())
    })?;
    if !health.is_empty() {
        readings.push(Reading::Health(health));
    }
    Ok(readings)
}

fn count(value: &Value<'_>) -> Result<Reading, DecodeError> {
    match value.unsigned() {
        RESET => Ok(Reading::CounterReset),
        count if count < RESET => Ok(Reading::CounterTotal {
            direction: LaneDirection::Both,
            lane: None,
            value: u64::from(count),
            width_bits: 7,
        }),
        _ => Err(DecodeError::Value { what: "a count above 128" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occupancy(occupied: bool, cause: Cause) -> Reading {
        Reading::Occupancy { occupied, cause }
    }

    #[test]
    fn a_frame_may_hold_several_events() {
        let readings = decode(&[0x15, 0x66, 1, 0x15, 0x66, 0]).unwrap();
        assert_eq!(readings, [occupancy(true, Cause::Change), occupancy(false, Cause::Change)]);
    }

    #[test]
    fn errors_in_front_do_not_hide_the_keep_alive_behind_them() {
        let frame = [0x05, 0, 0x05, 0x06, 0, 0x0e, 0x05, 0, 0x05, 0x06, 0, 0x10, 0x37, 0x66, 0x01];
        let health = Health { fault: Some("sensor_error".into()), ..Health::default() };
        assert_eq!(decode(&frame).unwrap(), [occupancy(true, Cause::Heartbeat), Reading::Health(health)]);
    }

    #[test]
    fn a_count_goes_round_at_128_and_128_is_a_reset() {
        let frame = [0x03, 0x02, 0x01, 0x6d, 0x02, 0x67, 0x00, 0xeb, 0x21, 0x00, 0x80];
        let health = Health { battery_mv: Some(3650), temperature_c: Some(23.5), ..Health::default() };
        assert_eq!(decode(&frame).unwrap(), [Reading::CounterReset, Reading::Health(health)]);
        let total = Reading::CounterTotal { direction: LaneDirection::Both, lane: None, value: 127, width_bits: 7 };
        assert_eq!(decode(&[0x21, 0x00, 0x7f]).unwrap(), std::slice::from_ref(&total));
        assert_eq!(decode(&[0x37, 0x00, 0x7f]).unwrap(), [total]);
        assert_eq!(decode(&[0x37, 0x00, 0x80]).unwrap(), [Reading::CounterReset]);
        assert!(decode(&[0x21, 0x00, 0x81]).is_err());
    }

    #[test]
    fn answers_that_deny_say_nothing() {
        assert_eq!(decode(&[0x01, 0x01, 0x00]).unwrap(), []);
        assert_eq!(decode(&[0x3f, 0x01, 0x01]).unwrap(), [Reading::Restart { cause: "reboot".into() }]);
        let health = Health { fault: Some("deactivated".into()), ..Health::default() };
        assert_eq!(decode(&[0x1c, 0x01, 0x01]).unwrap(), [Reading::Health(health)]);
    }

    #[test]
    fn it_freezes() {
        let health = Health { temperature_c: Some(-12.5), ..Health::default() };
        assert_eq!(decode(&[0x02, 0x67, 0xff, 0x83]).unwrap(), [Reading::Health(health)]);
    }
}
