//! Any device that speaks Cayenne LPP in its plain meaning.
//!
//! Presence is occupancy, temperature and voltage are the device's own, distance is in millimetres. All else is passed
//! over: what a digital or analog input means only the device's vendor knows (see declared codecs). Where several channels
//! tell a presence, the bay is occupied when any of them says so.

use super::{
    DecodeError,
    lpp::{self, DISTANCE, PRESENCE, TEMPERATURE, VOLTAGE},
};
use crate::reading::{Cause, Health, Reading};

pub(super) fn decode(payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
    let (mut presence, mut health, mut distance) = (None, Health::default(), None);
    lpp::each(payload, |value| {
        match value.kind {
            PRESENCE => presence = Some(presence.unwrap_or(false) || value.unsigned() != 0),
            TEMPERATURE => health.temperature_c = Some(lpp::temperature_c(value)),
            VOLTAGE => health.battery_mv = Some(value.unsigned() * 10),
            DISTANCE => distance = Some(value.unsigned()),
            _ => {}
        }
        Ok(())
    })?;
    let mut readings = Vec::new();
    readings.extend(presence.map(|occupied| Reading::Occupancy { occupied, cause: Cause::Change }));
    readings.extend(distance.map(|value_mm| Reading::Distance { value_mm }));
    if !health.is_empty() {
        readings.push(Reading::Health(health));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_their_plain_meaning_are_read_and_others_passed_over() {
        let frame = [0x07, 0x71, 1, 2, 3, 4, 5, 6, 0x01, 0x66, 1, 0x02, 0x67, 0xff, 0x9c, 0x03, 0x74, 0x01, 0x68];
        let health = Health { temperature_c: Some(-10.0), battery_mv: Some(3600), ..Health::default() };
        let occupied = Reading::Occupancy { occupied: true, cause: Cause::Change };
        assert_eq!(decode(&frame).unwrap(), [occupied, Reading::Health(health)]);
        assert_eq!(decode(&[5, 0x82, 0, 0, 2, 0x80]).unwrap(), [Reading::Distance { value_mm: 640 }]);
        assert_eq!(decode(&[9, 0x00, 1]).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_measured_off_is_refused() {
        assert_eq!(decode(&[]), Err(DecodeError::Empty));
        assert_eq!(decode(&[1, 0xee, 1]), Err(DecodeError::UnknownType { at: 0, channel: 1, kind: 0xee }));
        assert!(matches!(decode(&[1, 0x66]), Err(DecodeError::Truncated { .. })));
        assert!(matches!(decode(&[1, 0x66, 1, 2]), Err(DecodeError::Truncated { .. })));
        assert_eq!(decode(&[1, 0x66, 1, 2, 0xee, 9]).unwrap().len(), 1, "what stood before it counts");
    }
}
