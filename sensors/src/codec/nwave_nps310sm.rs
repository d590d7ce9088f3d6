//! Nwave NPS310SM bay sensor: the layout published for The Things Network.
//!
//! | port | bytes | meaning |
//! |---|---|---|
//! | 1 | 1 | bit 0: occupied |
//! | 2 | 1 or more | bit 0: occupied; what follows differs by firmware and is not kept |
//! | 3 | 5 | 0..2 firmware, 3 reset cause, 4 bit 0: occupied |
//! | 6 | any | debug, says nothing |

use super::{DecodeError, wrong_length};
use crate::reading::{Cause, Reading};

pub(super) fn decode(port: u8, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let occupancy = |byte: u8, cause| Reading::Occupancy { occupied: byte & 1 == 1, cause };
    match (port, payload) {
        (1, [state]) => Ok(vec![occupancy(*state, Cause::Change)]),
        (2, [state, ..]) => Ok(vec![occupancy(*state, Cause::Heartbeat)]),
        (3, [_, _, _, reset, state]) => {
            Ok(vec![occupancy(*state, Cause::Startup), Reading::Restart { cause: reset_cause(*reset).into() }])
        }
        (6, _) => Ok(Vec::new()),
        (1, _) => Err(wrong_length(port, "1", payload)),
        (2, _) => Err(wrong_length(port, "1 or more", payload)),
        (3, _) => Err(wrong_length(port, "5", payload)),
        _ => Err(DecodeError::UnknownPort { port }),
    }
}

/// This model numbers its causes otherwise than its successors from 4 on.
fn reset_cause(code: u8) -> &'static str {
    match code {
        1 => "watchdog",
        2 => "power_on",
        3 => "user_request",
        4 => "brownout",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_restarts_are_told() {
        let free = |cause| Reading::Occupancy { occupied: false, cause };
        assert_eq!(decode(1, &[0xfe]).unwrap(), [free(Cause::Change)]);
        assert_eq!(decode(2, &[0x00, 0x55]).unwrap(), [free(Cause::Heartbeat)]);
        let restart = Reading::Restart { cause: "brownout".into() };
        assert_eq!(decode(3, &[1, 13, 0, 4, 0]).unwrap(), [free(Cause::Startup), restart]);
        assert_eq!(decode(6, &[]).unwrap(), []);
    }

    #[test]
    fn a_wrong_length_or_port_is_refused() {
        for (port, frame) in [(1, &[][..]), (1, &[1, 1]), (2, &[]), (3, &[1, 13, 0, 2]), (4, &[1])] {
            assert!(decode(port, frame).is_err(), "{port} {frame:?}");
        }
    }
}
