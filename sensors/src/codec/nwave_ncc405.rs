//! Nwave NCC405 vehicle counter: the layout published for The Things Network.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 1 | 2 | vehicles counted, u16; both ways together |
//! | 2 | 3 | hardware health (not told further), battery mV = 2500 + 4 b1, its mean of 24 h (not kept) |
//! | 3 | 4 | 0..2 firmware, 3 reset cause |
//! | 6 | any | debug, says nothing |

use super::{DecodeError, nwave_nps405::reset_cause, wrong_length};
use crate::reading::{Health, LaneDirection, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    match (port, payload) {
        (1, [high, low]) => {
            let value = u64::from(u16::from_be_bytes([*high, *low]));
            Ok(vec![Reading::CounterTotal { direction: LaneDirection::Both, lane: None, value, width_bits: 16 }])
        }
        (2, [_, battery, _]) => {
            let battery_mv = Some(2500 + 4 * u32::from(*battery));
            Ok(vec![Reading::Health(Health { battery_mv, ..Health::default() })])
        }
        (3, [_, _, _, reset]) => Ok(vec![Reading::Restart { cause: reset_cause(*reset).into() }]),
        (6, _) => Ok(Vec::new()),
        (1, _) => Err(wrong_length(port, "2", payload)),
        (2, _) => Err(wrong_length(port, "3", payload)),
        (3, _) => Err(wrong_length(port, "4", payload)),
        _ => Err(DecodeError::UnknownPort { port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_a_battery_and_a_restart_are_told() {
        let total = Reading::CounterTotal { direction: LaneDirection::Both, lane: None, value: 1706, width_bits: 16 };
        assert_eq!(decode(1, &[0x06, 0xaa]).unwrap(), [total]);
        let health = Health { battery_mv: Some(3520), ..Health::default() };
        assert_eq!(decode(2, &[0, 0xff, 0xfe]).unwrap(), [Reading::Health(health)]);
        assert_eq!(decode(3, &[1, 13, 0, 6]).unwrap(), [Reading::Restart { cause: "brownout".into() }]);
        assert!(decode(1, &[1]).is_err() && decode(1, &[1, 2, 3]).is_err() && decode(10, &[1, 2]).is_err());
    }
}
