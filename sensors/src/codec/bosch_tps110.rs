//! Bosch TPS110 bay sensor: the layout of the vendor's "communication interface" document, firmware 0.23 to 0.29.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 1 | 1 | bit 0: occupied |
//! | 2 | 1, or 2 from firmware 0.29 | bit 0: occupied; then temperature, int8 °C |
//! | 3 | 17 | 0..11 debug, 12..14 firmware (display only), 15 reset cause, 16 bit 0: occupied |

use super::{DecodeError, wrong_length};
use crate::reading::{Cause, Health, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let occupancy = |byte: u8, cause| Reading::Occupancy { occupied: byte & 1 == 1, cause };
    match (port, payload) {
        (1, [state]) => Ok(vec![occupancy(*state, Cause::Change)]),
        (2, [state]) => Ok(vec![occupancy(*state, Cause::Heartbeat)]),
        (2, [state, temperature]) => {
            let temperature_c = Some(f64::from(temperature.cast_signed()));
            let health = Health { temperature_c, ..Health::default() };
            Ok(vec![occupancy(*state, Cause::Heartbeat), Reading::Health(health)])
        }
        (3, [.., reset, state]) if payload.len() == 17 => {
            Ok(vec![occupancy(*state, Cause::Startup), Reading::Restart { cause: reset_cause(*reset).into() }])
        }
        (1, _) => Err(wrong_length(port, "1", payload)),
        (2, _) => Err(wrong_length(port, "1 or 2", payload)),
        (3, _) => Err(wrong_length(port, "17", payload)),
        _ => Err(DecodeError::UnknownPort { port }),
    }
}

fn reset_cause(code: u8) -> &'static str {
    match code {
        1 => "watchdog",
        2 => "power_on",
        // Sent after eight status messages in a row without an answer: mostly a poor radio link.
        3 => "system_request",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_of_newer_firmware_carries_a_signed_temperature() {
        let readings = decode(2, &[0x00, 0xf6]).unwrap();
        let health = Health { temperature_c: Some(-10.0), ..Health::default() };
        assert_eq!(
            readings,
            [Reading::Occupancy { occupied: false, cause: Cause::Heartbeat }, Reading::Health(health)]
        );
    }

    #[test]
    fn only_bit_0_tells_the_state() {
        assert_eq!(decode(1, &[0xfe]).unwrap(), [Reading::Occupancy { occupied: false, cause: Cause::Change }]);
    }

    #[test]
    fn a_wrong_length_or_port_is_named() {
        assert_eq!(decode(1, &[]).unwrap_err().to_string(), "port 1 takes 1 bytes, not 0");
        assert_eq!(decode(3, &[0; 16]).unwrap_err().to_string(), "port 3 takes 17 bytes, not 16");
        assert_eq!(decode(4, &[1]).unwrap_err(), DecodeError::UnknownPort { port: 4 });
    }
}
