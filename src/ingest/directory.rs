//! Which lots, spaces and sensors the city has, laid out for one look-up per message and no copying of names.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use yunpark_sensors::{Decoder, declared::Layout, sparkplug::Births};

use crate::domain::{
    city::{City, Counting, DeclaredCodec, DistanceRule, SensorBinding},
    ids::{ApproachId, LotId, SensorId, SpaceId},
};

/// What the city file says of lots, spaces and sensors.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    lots: HashMap<LotId, HashSet<SpaceId>>,
    approaches: HashSet<ApproachId>,
    sensors: HashMap<SensorId, Binding>,
    /// What gateways called their metrics at birth. A city that is read anew has heard no birth, and asks for it.
    births: Arc<Mutex<Births>>,
}

/// What a sensor reports for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binding {
    pub(super) id: SensorId,
    /// `None` if the city names a codec that this version does not have.
    pub(super) decoder: Option<Decoder>,
    /// `None` for a counter of an approach.
    pub(super) lot: Option<LotId>,
    /// `None` for a counter of the whole lot.
    pub(super) space: Option<SpaceId>,
    pub(super) approach: Option<ApproachId>,
    pub(super) counting: Counting,
    pub(super) distance: Option<DistanceRule>,
}

impl Directory {
    /// The directory of a city.
    pub fn of(city: &City) -> Self {
        let declared: BTreeMap<&str, Arc<Layout>> =
            city.codecs.values().filter_map(|codec| Some((codec.id.as_str(), Arc::new(layout(codec)?)))).collect();
        let lots = city.lots.values().map(|lot| {
            let spaces = lot.spaces.iter().map(|space| space.id.clone()).collect();
            (lot.id.clone(), spaces)
        });
        let sensors = city.sensors.values().map(|sensor| {
            let layout = declared.get(sensor.codec.as_str()).cloned();
            let decoder = layout.map(Decoder::Declared).or_else(|| sensor.codec.parse().ok());
            (sensor.id.clone(), Binding::of(sensor, decoder))
        });
        let approaches = city.approaches.keys().cloned().collect();
        Self { lots: lots.collect(), approaches, sensors: sensors.collect(), births: Arc::default() }
    }

    /// The lot of this name, and its spaces.
    pub(super) fn lot(&self, name: &str) -> Option<(&LotId, &HashSet<SpaceId>)> {
        self.lots.get_key_value(name)
    }

    /// The approach of this name.
    pub(super) fn approach(&self, name: &str) -> Option<&ApproachId> {
        self.approaches.get(name)
    }

    /// The sensor of this device id.
    pub(super) fn sensor(&self, device_id: &str) -> Option<&Binding> {
        self.sensors.get(device_id)
    }

    /// Does something with the births heard so far.
    pub(super) fn births<T>(&self, with: impl FnOnce(&mut Births) -> T) -> T {
        // Nothing is left half done by a reader that panicked: the worst is a birth that is asked for again.
        with(&mut self.births.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Binding {
    fn of(sensor: &SensorBinding, decoder: Option<Decoder>) -> Self {
        Self {
            id: sensor.id.clone(),
            decoder,
            lot: sensor.lot.clone(),
            space: sensor.space.clone(),
            approach: sensor.approach.clone(),
            counting: sensor.counting.clone(),
            distance: sensor.distance,
        }
    }
}

/// The layout a declared codec describes; the city's reader has checked it.
pub fn layout(codec: &DeclaredCodec) -> Option<Layout> {
    serde_json::from_value(codec.definition.clone())
        .map_err(
            |error| tracing::error!(codec.id = %codec.id, %error, "a declared codec does not read; its sensors are silent"),
        )
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use yunpark_sensors::declared::Meaning;

    use super::*;
    use crate::domain::city::{declared_meanings, example, read};

    /// A city file that declares one codec, read.
    fn declared(codec: &Value) -> Option<DeclaredCodec> {
        let mut file: Value = serde_json::from_str(&example()).unwrap();
        file["codecs"] = json!([codec]);
        file["sensors"] = json!([]);
        let city = read(&file.to_string(), &|_| false).ok()?;
        city.codecs.into_values().next()
    }

    #[test]
    fn what_a_city_file_may_declare_is_what_the_decoder_reads() {
        let named = Meaning::ALL.map(|meaning| serde_json::to_value(meaning).unwrap());
        assert_eq!(declared_meanings(), named, "both sides know the same meanings");
        for meaning in named {
            let (is_total, is_yes) = (meaning == "counter_total", meaning == "occupied" || meaning == "free");
            let mut field = json!({
                "f_port": 2, "byte": 1, "bytes": 2, "endian": "little", "signed": true, "mask": 255, "scale": 0.5,
                "offset": 1, "optional": true, "when": {"byte": 0, "mask": 7, "equals": 1}, "meaning": meaning.clone(),
            });
            if is_total {
                (field["direction"], field["lane"], field["width_bits"]) = (json!("both"), json!("1"), json!(24));
            }
            if is_yes {
                (field["cause"], field["equals"]) = (json!("startup"), json!(3));
            }
            let metric = json!({"metric": "Node/x", "meaning": meaning});
            let codec = json!({"id": "acme/all", "heartbeat_s": 60, "fields": [field, metric]});
            let accepted = declared(&codec).unwrap_or_else(|| panic!("the city file may say {codec}"));
            assert!(layout(&accepted).is_some(), "and it is read: {codec}");
        }
        assert!(declared(&json!({"id": "acme/x", "fields": [{"byte": 0, "meaning": "mood"}]})).is_none());
    }
}
