//! Tekzitel TEKZIPARK bay sensor (magnetometer, radar, driver's beacon): the layout published for The Things Network.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 1 | 3, or 4 and more by twos | b0 bit 7 occupied, 5 battery good, 4 obstructed, 1 reset, 0 keep-alive; b1 temperature, int8 °C; b2 bay number; then the beacon's signal and identities (not kept) |
//! | 2 | 12 | the same three bytes, then what the sensor measured (not kept) |

use super::{DecodeError, wrong_length};
use crate::reading::{Cause, Health, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let (flags, temperature) = match (port, payload) {
        (1, [flags, temperature, _]) => (*flags, *temperature),
        (1, [flags, temperature, _, _, beacons @ ..]) if beacons.len() % 2 == 0 => (*flags, *temperature),
        (2, [flags, temperature, ..]) if payload.len() == 12 => (*flags, *temperature),
        (1, _) => return Err(wrong_length(port, "3, or 4 and an even number more", payload)),
        (2, _) => return Err(wrong_length(port, "12", payload)),
        _ => return Err(DecodeError::UnknownPort { port }),
    };
    let is_set = |bit: u8| flags >> bit & 1 == 1;
    let (occupied, battery_good, obstructed, reset, keep_alive) =
        (is_set(7), is_set(5), is_set(4), is_set(1), is_set(0));
    let cause = match (reset, keep_alive) {
        (true, _) => Cause::Startup,
        (false, true) => Cause::Heartbeat,
        (false, false) => Cause::Change,
    };
    let mut health = Health { temperature_c: Some(f64::from(temperature.cast_signed())), ..Health::default() };
    if obstructed {
        health.ails("obstruction");
    }
    if !battery_good {
        health.ails("battery_low");
    }
    let mut readings = vec![Reading::Occupancy { occupied, cause }];
    if reset {
        readings.push(Reading::Restart { cause: "reset".into() });
    }
    readings.push(Reading::Health(health));
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(temperature_c: f64, fault: Option<&'static str>) -> Reading {
        Reading::Health(Health {
            temperature_c: Some(temperature_c),
            fault: fault.map(Into::into),
            ..Health::default()
        })
    }

    #[test]
    fn flags_and_temperature_are_told() {
        let state = |occupied, cause| Reading::Occupancy { occupied, cause };
        assert_eq!(decode(1, &[0x29, 0x2e, 0x62]).unwrap(), [state(false, Cause::Heartbeat), health(46.0, None)]);
        assert_eq!(decode(1, &[0xa8, 0xf6, 1]).unwrap(), [state(true, Cause::Change), health(-10.0, None)]);
        let restart = Reading::Restart { cause: "reset".into() };
        let told = [state(true, Cause::Startup), restart, health(0.0, Some("battery_low"))];
        assert_eq!(decode(1, &[0x82, 0, 1]).unwrap(), told);
        assert_eq!(decode(1, &[0xb0, 0, 1]).unwrap()[1], health(0.0, Some("obstruction")));
    }

    #[test]
    fn beacons_behind_come_in_pairs_of_bytes() {
        for length in [3, 4, 6, 8] {
            assert!(decode(1, &vec![0x20; length]).is_ok(), "{length}");
        }
        for length in [0, 1, 2, 5, 7] {
            assert!(decode(1, &vec![0x20; length]).is_err(), "{length}");
        }
        assert!(decode(2, &[0xa0; 12]).is_ok() && decode(2, &[0xa0; 3]).is_err());
        assert_eq!(decode(42, &[0x29, 0x2e, 0x62]), Err(DecodeError::UnknownPort { port: 42 }));
    }
}
