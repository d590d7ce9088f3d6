//! Libelium Smart Parking v2 bay sensor. The vendor publishes no layout; this one was found by observation.
//!
//! Eleven bytes on any port: b0 bit 7 occupied, bit 6 battery low, bits 2..0 the frame's type (0 info, 1 keep-alive, 2 and
//! 3 configuration, 4 and 5 start, 6 and 7 clock); b1 a sequence number; nine more that differ by type and are not kept.

use super::DecodeError;
use crate::reading::{Cause, Health, Reading};

const LENGTH: usize = 11;

pub(super) fn decode(payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let [header, ..] = payload else { return Err(DecodeError::Empty) };
    if payload.len() != LENGTH {
        return Err(DecodeError::FrameLength { expected: "11", found: payload.len() });
    }
    let kind = header & 0b111;
    let cause = match kind {
        0 => Cause::Change,
        4 | 5 => Cause::Startup,
        _ => Cause::Heartbeat,
    };
    let mut readings = vec![Reading::Occupancy { occupied: header >> 7 == 1, cause }];
    // The start is told in two frames, and is one restart.
    if kind == 4 {
        readings.push(Reading::Restart { cause: "start".into() });
    }
    if header >> 6 & 1 == 1 {
        readings.push(Reading::Health(Health { fault: Some("battery_low".into()), ..Health::default() }));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(header: u8) -> [u8; LENGTH] {
        [header, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    }

    #[test]
    fn every_type_of_frame_tells_the_bay() {
        let state = |occupied, cause| Reading::Occupancy { occupied, cause };
        assert_eq!(decode(&frame(0x80)).unwrap(), [state(true, Cause::Change)]);
        assert_eq!(decode(&frame(0x01)).unwrap(), [state(false, Cause::Heartbeat)]);
        let low = Health { fault: Some("battery_low".into()), ..Health::default() };
        assert_eq!(decode(&frame(0xc1)).unwrap(), [state(true, Cause::Heartbeat), Reading::Health(low)]);
        let restart = Reading::Restart { cause: "start".into() };
        assert_eq!(decode(&frame(0x04)).unwrap(), [state(false, Cause::Startup), restart]);
        assert_eq!(decode(&frame(0x05)).unwrap(), [state(false, Cause::Startup)]);
    }

    #[test]
    fn it_has_eleven_bytes() {
        assert!(decode(&[]).is_err() && decode(&[0x80, 1]).is_err() && decode(&[0; 12]).is_err());
    }
}
