//! The city while it is read: what was declared, what was referred to, and what only the whole can tell.

use std::collections::{BTreeMap, BTreeSet};

use geo::Coord;

use super::{City, field::Field};
use crate::domain::{
    ids::{ApproachId, BaseId, CameraId, GridCellId, GroupId, LotId, SensorId, SignId, SpaceId, StreetId, ZoneId},
    lot::{CountedBy, Lot, Space, SpaceUse},
};

/// Something with an id that others may refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Lot(LotId),
    Space(LotId, SpaceId),
    Group(GroupId),
    Zone(ZoneId),
    Street(StreetId),
    GridCell(GridCellId),
    Approach(ApproachId),
    Sign(SignId),
    Camera(CameraId),
    Codec(String),
    Sensor(SensorId),
    SensorOf(LotId, SpaceId),
    ViidDevice(String),
    GridCode(String),
    Base(BaseId),
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lot(id) => write!(f, "lot {id}"),
            Self::Space(lot, id) => write!(f, "space {lot}/{id}"),
            Self::Group(id) => write!(f, "group {id}"),
            Self::Zone(id) => write!(f, "zone {id}"),
            Self::Street(id) => write!(f, "street {id}"),
            Self::GridCell(id) => write!(f, "grid cell {id}"),
            Self::Approach(id) => write!(f, "approach {id}"),
            Self::Sign(id) => write!(f, "sign {id}"),
            Self::Camera(id) => write!(f, "camera {id}"),
            Self::Codec(id) => write!(f, "codec {id}"),
            Self::Sensor(id) => write!(f, "sensor {id}"),
            Self::SensorOf(lot, id) => write!(f, "sensor for space {lot}/{id}"),
            Self::ViidDevice(id) => write!(f, "GA/T 1400 device {id}"),
            Self::GridCode(code) => write!(f, "grid code {code}"),
            Self::Base(id) => write!(f, "base feature {id}"),
        }
    }
}

/// A lot whose counts wait until all spaces are read.
pub(super) struct LotDraft<'a> {
    pub(super) properties: Field<'a>,
    pub(super) lot: Lot,
    pub(super) counted_by: Option<CountedBy>,
    pub(super) uses: Option<BTreeMap<SpaceUse, u32>>,
}

/// The city while it is read.
pub(super) struct Draft<'a> {
    pub(super) city: City,
    pub(super) lots: Vec<LotDraft<'a>>,
    /// Spaces given as features of their own, by lot.
    pub(super) spaces: BTreeMap<LotId, Vec<Space>>,
    /// Where each of those stands in the file.
    pub(super) space_features: Vec<(Field<'a>, LotId, SpaceId)>,
    /// Spaces a lot names by their bare id; a `space` feature may give them a place.
    pub(super) bare: BTreeSet<(LotId, SpaceId)>,
    /// Approaches in the order of the file.
    pub(super) approach_features: Vec<(Field<'a>, ApproachId)>,
    declared: BTreeMap<Thing, String>,
    references: Vec<(Field<'a>, Thing)>,
    places: Vec<(Field<'a>, Coord)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new() -> Self {
        Self {
            city: City::default(),
            lots: Vec::new(),
            spaces: BTreeMap::new(),
            space_features: Vec::new(),
            bare: BTreeSet::new(),
            approach_features: Vec::new(),
            declared: BTreeMap::new(),
            references: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Notes that a thing exists; a second one of the same id is a fault of `field`.
    pub(super) fn declare(&mut self, field: &Field<'a>, thing: Thing) {
        if let Some(first) = self.declared.get(&thing) {
            field.fault(format_args!("there is already a {thing}, at {first}"));
        } else {
            self.declared.insert(thing, field.feature().to_owned());
        }
    }

    /// Whether the file declares a thing so far, be it well or not.
    pub(super) fn declares(&self, thing: &Thing) -> bool {
        self.declared.contains_key(thing)
    }

    /// Notes that `field` refers to a thing, which may come later in the file.
    pub(super) fn refer(&mut self, field: &Field<'a>, thing: Thing) {
        self.references.push((field.clone(), thing));
    }

    /// Notes where a geometry lies, by its first position.
    pub(super) fn lies_at(&mut self, geometry: &Field<'a>, place: Coord) {
        self.places.push((geometry.clone(), place));
    }

    /// Checks what only the whole can tell, and gives the city.
    pub(super) fn finish(mut self) -> City {
        for (field, lot, space) in std::mem::take(&mut self.space_features) {
            if !self.bare.remove(&(lot.clone(), space.clone())) {
                self.declare(&field, Thing::Space(lot, space));
            }
        }
        self.check_references();
        self.check_places();
        self.check_approaches();
        for draft in std::mem::take(&mut self.lots) {
            let spaces = self.spaces.remove(&draft.lot.id).unwrap_or_default();
            let lot = draft.finish(spaces);
            self.city.lots.insert(lot.id.clone(), lot);
        }
        self.city.base_map.sort_by(|a, b| base_id(a).cmp(base_id(b)));
        self.city
    }

    fn check_references(&self) {
        for (field, thing) in &self.references {
            if !self.declared.contains_key(thing) {
                field.fault(format_args!("there is no {thing}"));
            }
        }
    }

    /// In a city where both numbers are within -90 to 90, a swapped pair shows only by lying far from all others.
    fn check_places(&self) {
        const FAR_DEG: f64 = 5.0;
        let median = |pick: fn(&Coord) -> f64| {
            let mut numbers: Vec<f64> = self.places.iter().map(|(_, place)| pick(place)).collect();
            numbers.sort_by(f64::total_cmp);
            numbers.get(numbers.len() / 2).copied()
        };
        let (Some(lon), Some(lat)) = (median(|c| c.x), median(|c| c.y)) else { return };
        let near = |x: f64, y: f64| (x - lon).abs() < FAR_DEG && (y - lat).abs() < FAR_DEG;
        for (geometry, place) in &self.places {
            if !near(place.x, place.y) && near(place.y, place.x) {
                geometry.fault_at("coordinates", "lies far from the rest of the city: longitude comes first");
            }
        }
    }
}

fn base_id(feature: &geojson::Feature) -> &str {
    feature.property("id").and_then(serde_json::Value::as_str).unwrap_or_default()
}

impl LotDraft<'_> {
    /// Joins the lot with its spaces and settles how it is counted.
    fn finish(self, mut features: Vec<Space>) -> Lot {
        let Self { properties, mut lot, counted_by, uses } = self;
        features.sort_by(|a, b| a.id.cmp(&b.id));
        for space in features {
            match lot.spaces.iter_mut().find(|known| known.id == space.id) {
                Some(known) => *known = space,
                None => lot.spaces.push(space),
            }
        }
        if lot.spaces.len() > lot.capacity as usize {
            let (capacity, spaces) = (lot.capacity, lot.spaces.len());
            properties.fault_at("capacity", format_args!("is {capacity}, less than its {spaces} spaces"));
        }
        if counted_by == Some(CountedBy::Spaces) && lot.spaces.is_empty() {
            properties.fault_at("counted_by", "says spaces, but the lot has none");
        }
        if lot.mixed && lot.spaces.is_empty() {
            properties.fault_at("mixed", "is true, but the lot has no spaces");
        }
        let default = if lot.spaces.is_empty() { CountedBy::Counters } else { CountedBy::Spaces };
        lot.counted_by = counted_by.unwrap_or(default);
        if let Some(reset) = lot.nightly_reset {
            if lot.counted_by != CountedBy::Counters && !lot.mixed {
                properties.fault_at("nightly_reset", "is for counters, but the lot is counted by its spaces");
            }
            if reset.occupied.is_none() && !lot.mixed {
                properties.fault_at("nightly_reset.by", "says spaces, but the lot is not mixed");
            }
            if reset.occupied.is_some_and(|occupied| occupied > lot.capacity) {
                properties
                    .fault_at("nightly_reset.occupied", format_args!("is more than the capacity, {}", lot.capacity));
            }
        }
        lot.uses = uses.unwrap_or_else(|| {
            let mut uses = BTreeMap::new();
            for space_use in lot.spaces.iter().flat_map(|space| &space.uses) {
                *uses.entry(*space_use).or_insert(0) += 1;
            }
            uses
        });
        for (space_use, count) in &lot.uses {
            if *count > lot.capacity {
                let word = serde_json::to_value(space_use).ok();
                let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
                properties
                    .fault_at(&format!("uses.{word}"), format_args!("is more than the capacity, {}", lot.capacity));
            }
        }
        lot
    }
}
