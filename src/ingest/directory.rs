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
        let sensors = city.sensors.values().map(|sensor| {
            let (id, codec) = (sensor.id.clone(), sensor.codec.parse().ok());
            let binding = Binding { id: id.clone(), codec, lot: sensor.lot.clone(), space: sensor.space.clone() };
            (id, binding)
        });
        Self { lots: lots.collect(), sensors: sensors.collect() }
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
