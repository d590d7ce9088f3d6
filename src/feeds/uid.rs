//! Identifiers as other formats want them: one text for a space, and a UUID that is the same on every node and day.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::domain::{
    city::City,
    ids::{LotId, SpaceId},
    lot::{Lot, Space},
};

/// What stands between a lot's id and a space's: no id holds it.
const JOINT: char = '~';

/// A space's id in the whole city.
pub fn of_space(lot: &LotId, space: &SpaceId) -> String {
    format!("{lot}{JOINT}{space}")
}

/// The space of an id in the whole city.
pub fn space<'a>(city: &'a City, uid: &str) -> Option<(&'a Lot, &'a Space)> {
    let (lot, space) = uid.split_once(JOINT)?;
    let lot = city.lots.get(lot)?;
    Some((lot, lot.spaces.iter().find(|known| known.id.as_str() == space)?))
}

/// A UUID of a thing of a city: made from its kind and id alone (RFC 9562, version 8).
pub fn uuid(city: &str, kind: &str, id: &str) -> Uuid {
    let mut hash = Sha256::new();
    for part in [city, kind, id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_things_uuid_is_its_own_and_stays() {
        let one = uuid("city", "lot", "L1");
        assert_eq!(one, uuid("city", "lot", "L1"));
        assert_eq!(one.get_version_num(), 8);
        let others = [
            uuid("city", "lot", "L2"),
            uuid("city", "zone", "L1"),
            uuid("town", "lot", "L1"),
            uuid("cityl", "ot", "L1"),
        ];
        assert!(others.iter().all(|other| *other != one));
    }
}
