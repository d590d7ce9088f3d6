//! Nwave NPS405 bay sensor: the layout published for The Things Network, occupied in bit 0.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 1 | 1 | bit 0: occupied; bits 7..1: how long the previous state lasted, compressed (not kept) |
//! | 2 | 3 | bit 0: occupied; battery mV = 2500 + 4 b1; temperature °C = int8(b2) / 2 + 10 |
//! | 3 | 5 | 0..2 firmware, 3 reset cause, 4 bit 0: occupied |
//! | 6 | any | debug, says nothing |
//! | 10 | 5 or 6 | a driver's tag registered: bit 0: occupied (else not told); tag battery if 6; tag id (not kept) |
//!
//! An older public copy of the layout has occupied in bit 7; frames recorded from devices say bit 0.

use super::{DecodeError, wrong_length};
use crate::reading::{Cause, Health, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let occupancy = |byte: u8, cause| Reading::Occupancy { occupied: byte & 1 == 1, cause };
    match (port, payload) {
        (1, [state]) => Ok(vec![occupancy(*state, Cause::Change)]),
        (2, [state, battery, temperature]) => {
            let health = Health {
                battery_mv: Some(2500 + 4 * u32::from(*battery)),
                temperature_c: Some(f64::from(temperature.cast_signed()) / 2.0 + 10.0),
                ..Health::default()
            };
            Ok(vec![occupancy(*state, Cause::Heartbeat), Reading::Health(health)])
        }
        (3, [_, _, _, reset, state]) => {
            Ok(vec![occupancy(*state, Cause::Startup), Reading::Restart { cause: reset_cause(*reset).into() }])
        }
        (6, _) => Ok(Vec::new()),
        // With the bit clear the frame does not say that the bay is free: it says nothing of the bay.
        (10, [state, ..]) if matches!(payload.len(), 5 | 6) => {
            Ok(if state & 1 == 1 { vec![occupancy(*state, Cause::Change)] } else { Vec::new() })
        }
        (1, _) => Err(wrong_length(port, "1", payload)),
        (2, _) => Err(wrong_length(port, "3", payload)),
        (3, _) => Err(wrong_length(port, "5", payload)),
        (10, _) => Err(wrong_length(port, "5 or 6", payload)),
        _ => Err(DecodeError::UnknownPort { port }),
    }
}

pub(super) fn reset_cause(code: u8) -> &'static str {
    match code {
        0 => "rejoining_lorawan_network",
        1 => "watchdog",
        2 => "power_on",
        3 => "user_request",
        6 => "brownout",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_carries_battery_and_temperature() {
        let readings = decode(2, &[0x01, 0xff, 0xec]).unwrap();
        let health = Health { battery_mv: Some(3520), temperature_c: Some(0.0), ..Health::default() };
        assert_eq!(readings, [Reading::Occupancy { occupied: true, cause: Cause::Heartbeat }, Reading::Health(health)]);
    }

    #[test]
    fn a_status_ignores_how_long_the_previous_state_lasted() {
        assert_eq!(decode(1, &[0x95]).unwrap(), [Reading::Occupancy { occupied: true, cause: Cause::Change }]);
        assert_eq!(decode(1, &[0xfe]).unwrap(), [Reading::Occupancy { occupied: false, cause: Cause::Change }]);
    }

    #[test]
    fn a_tag_registered_without_the_bit_says_nothing_of_the_bay() {
        assert_eq!(decode(10, &[0xd0, 0x1f, 0x34, 0x56, 0x78]).unwrap(), []);
        assert_eq!(decode(6, &[1, 2, 3]).unwrap(), []);
        assert!(decode(10, &[0xd1; 7]).is_err());
        assert!(decode(2, &[0x01]).is_err());
    }
}
