//! The sensors' bindings of the city file.

use std::collections::BTreeMap;

use super::{
    Counting, DistanceRule, LaneWay, SensorBinding,
    draft::{Draft, Thing},
    field::{Field, Object, well},
};
use crate::domain::ids::{ApproachId, LotId, SensorId, SpaceId};

/// Longest name of a counter's lane, bytes.
const LONGEST_LANE: usize = 64;

impl<'a> Draft<'a> {
    /// Reads one element of the file's `sensors`.
    pub(super) fn sensor(&mut self, item: &Field<'a>, known_codec: &dyn Fn(&str) -> bool) {
        let Some(mut sensor) = item.object() else { return };
        let id = sensor.need("id").and_then(|f| {
            let id: SensorId = f.id()?;
            let id = normalised(&id);
            self.declare(&f, Thing::Sensor(id.clone()));
            Some(id)
        });
        let codec = sensor.need("codec").and_then(|f| {
            let codec = f.text()?;
            if !known_codec(codec) && !self.declares(&Thing::Codec(codec.to_owned())) {
                f.fault(format_args!("there is no codec {codec:?}"));
                return None;
            }
            Some(codec.to_owned())
        });
        let lot = sensor.may("lot");
        let space = sensor.may("space");
        let approach = sensor.may("approach");
        let heartbeat_s = sensor.may("heartbeat_s").map(|f| f.whole(1..=31_536_000));
        let counting = counting(&mut sensor, space.is_some());
        let distance = distance(&mut sensor, space.is_some());
        sensor.finish();
        let place = match (&lot, &space, &approach) {
            (None, None, None) => {
                item.fault_at("lot", "is missing");
                None
            }
            (None, None, Some(approach)) => {
                self.id_of(approach, Thing::Approach).map(|id: ApproachId| (None, None, Some(id)))
            }
            (_, _, Some(approach)) => {
                approach.fault("is for a sensor that counts for no lot and no space");
                None
            }
            (Some(lot), None, None) => self.id_of(lot, Thing::Lot).map(|lot| (Some(lot), None, None)),
            (lot, Some(space), None) => {
                self.space_of(lot.as_ref(), space).map(|(lot, space)| (Some(lot), Some(space), None))
            }
        };
        let read = || {
            let (lot, space, approach) = place?;
            let (heartbeat_s, counting, distance) = (well(heartbeat_s)?, counting?, distance?);
            Some(SensorBinding { id: id?, codec: codec?, lot, space, approach, heartbeat_s, counting, distance })
        };
        self.city.sensors.extend(read().map(|sensor| (sensor.id.clone(), sensor)));
    }

    /// The space a sensor watches: `"lot": "L1", "space": "S001"`, or `"space": "L1/S001"`.
    fn space_of(&mut self, lot: Option<&Field<'a>>, space: &Field<'a>) -> Option<(LotId, SpaceId)> {
        let given: Option<Option<LotId>> = well(lot.map(Field::id));
        let text = space.text()?;
        let (in_space, text) = match text.split_once('/') {
            Some((lot, space)) => (Some(lot), space),
            None => (None, text),
        };
        let in_space = match in_space.map(LotId::parse) {
            None => None,
            Some(Ok(lot)) => Some(lot),
            Some(Err(error)) => {
                space.fault(error);
                return None;
            }
        };
        let lot = match (given?, in_space) {
            (Some(lot), Some(other)) if lot != other => {
                space.fault(format_args!("names lot {other}, but the sensor's lot is {lot}"));
                return None;
            }
            (Some(lot), _) | (None, Some(lot)) => lot,
            (None, None) => {
                space.fault("needs a lot: write \"lot\" as well, or the space as \"LOT/SPACE\"");
                return None;
            }
        };
        let id = SpaceId::parse(text).map_err(|error| space.fault(error)).ok()?;
        self.refer(space, Thing::Space(lot.clone(), id.clone()));
        self.declare(space, Thing::SensorOf(lot.clone(), id.clone()));
        Some((lot, id))
    }
}

/// How a counter counts: `direction`, `lanes`, `counts`.
fn counting(sensor: &mut Object<'_>, is_bay: bool) -> Option<Counting> {
    let direction = sensor.may("direction");
    let lanes = sensor.may("lanes");
    let by = sensor.may("counts");
    for field in [&direction, &lanes, &by].into_iter().flatten() {
        if is_bay {
            field.fault("is for a counter, and this sensor watches a space");
            return None;
        }
    }
    if let (Some(direction), Some(_)) = (&direction, &lanes) {
        direction.fault("is for a device with one lane, and `lanes` names several");
        return None;
    }
    let lanes = lanes.map(|f| {
        let lanes: BTreeMap<String, LaneWay> = f.word()?;
        if lanes.is_empty() || lanes.keys().any(|lane| lane.is_empty() || lane.len() > LONGEST_LANE) {
            f.fault(format_args!("must name lanes, each of 1 to {LONGEST_LANE} bytes"));
            return None;
        }
        Some(lanes)
    });
    Some(Counting {
        direction: well(direction.map(|f| f.word()))?,
        lanes: well(lanes)?.unwrap_or_default(),
        by: well(by.map(|f| f.word()))?,
    })
}

/// What distance is a vehicle: `threshold_mm`, `hysteresis_mm`.
#[expect(clippy::option_option, reason = "absent, wrong and well are three things")]
fn distance(sensor: &mut Object<'_>, is_bay: bool) -> Option<Option<DistanceRule>> {
    let threshold = sensor.may("threshold_mm");
    let hysteresis = sensor.may("hysteresis_mm");
    let Some(threshold) = threshold else {
        return match hysteresis {
            Some(hysteresis) => {
                hysteresis.fault("needs `threshold_mm`");
                None
            }
            None => Some(None),
        };
    };
    if !is_bay {
        threshold.fault("is for a sensor of a space, and this one has none");
        return None;
    }
    let threshold_mm = threshold.whole(1..=100_000)?;
    let hysteresis_mm = well(hysteresis.map(|f| f.whole(0..=threshold_mm)))?.unwrap_or(threshold_mm / 10);
    Some(Some(DistanceRule { threshold_mm, hysteresis_mm }))
}

/// A device's EUI is written in lower case, as network servers do; names stay as they are.
fn normalised(id: &SensorId) -> SensorId {
    let is_eui = id.as_str().len() == 16 && id.as_str().bytes().all(|b| b.is_ascii_hexdigit());
    if is_eui { SensorId::parse(&id.as_str().to_ascii_lowercase()).unwrap_or_else(|_| id.clone()) } else { id.clone() }
}
