//! Which lots, spaces and sensors the city has, laid out for one look-up per message and no copying of names.

use std::collections::{HashMap, HashSet};

use yunpark_sensors::Codec;

use crate::domain::{
    city::City,
    ids::{LotId, SensorId, SpaceId},
};

/// What the city file says of lots, spaces and sensors.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    lots: HashMap<LotId, HashSet<SpaceId>>,
    sensors: HashMap<SensorId, Binding>,
}

/// What a sensor reports for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) id: SensorId,
    /// `None` if the city names a codec that this version does not have.
    pub(super) codec: Option<Codec>,
    pub(super) lot: LotId,
    /// `None` for a counter of the whole lot.
    pub(super) space: Option<SpaceId>,
}

impl Directory {
    /// The directory of a city.
    pub fn of(city: &City) -> Self {
        let lots = city.lots.values().map(|lot| {
            let spaces = lot.spaces.iter().map(|space| space.id.clone()).collect();
            (lot.id.clone(), spaces)
        });
        let sensors = city.sensors.values();
        Self::new(lots, sensors.map(|sensor| (&sensor.id, sensor.codec.as_str(), &sensor.lot, sensor.space.as_ref())))
    }

    /// The directory of these lots with their spaces, and these sensors: id, codec, lot, space.
    pub(super) fn new<'a>(
        lots: impl IntoIterator<Item = (LotId, HashSet<SpaceId>)>,
        sensors: impl IntoIterator<Item = (&'a SensorId, &'a str, &'a LotId, Option<&'a SpaceId>)>,
    ) -> Self {
        let sensors = sensors.into_iter().map(|(id, codec, lot, space)| {
            let (codec, lot, space) = (codec.parse().ok(), lot.clone(), space.cloned());
            (id.clone(), Binding { id: id.clone(), codec, lot, space })
        });
        Self { lots: lots.into_iter().collect(), sensors: sensors.collect() }
    }

    /// The lot of this name, and its spaces.
    pub(super) fn lot(&self, name: &str) -> Option<(&LotId, &HashSet<SpaceId>)> {
        self.lots.get_key_value(name)
    }

    /// The sensor of this device id.
    pub(super) fn sensor(&self, device_id: &str) -> Option<&Binding> {
        self.sensors.get(device_id)
    }
}
