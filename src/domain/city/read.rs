//! Reads a city file, or the documents a store kept of it, and tells every fault.

use chrono_tz::Tz;
use serde_json::Value;

use super::{
    City,
    document::{Document, Parts},
    draft::{Draft, Thing},
    fault::{Fault, Faults},
    field::{Field, Object},
    geometry::{self, Shape},
};
use crate::domain::ids::SpaceId;
use geo::{CoordsIter, Geometry};

/// The version of the format this reads.
const VERSION: u32 = 1;

/// The kinds of features.
pub(super) const KINDS: [&str; 9] =
    ["lot", "space", "zone", "street", "grid_cell", "approach", "sign", "camera", "base"];

/// Reads a city file (see `docs/city-file.md`). `known_codec` tells whether a sensor's `vendor/model` can be decoded.
/// Either the whole city, or every fault of it.
pub fn read(text: &str, known_codec: &dyn Fn(&str) -> bool) -> Result<City, Vec<Fault>> {
    let faults = Faults::default();
    let value = parse(text)?;
    let parts = Parts::of_file(&faults, &value);
    settle(city_of(&faults, parts, known_codec), faults)
}

/// Reads the city from the documents a store kept, in any order, by the same rules as [`read`].
pub fn read_documents(documents: &[Document], known_codec: &dyn Fn(&str) -> bool) -> Result<City, Vec<Fault>> {
    let faults = Faults::default();
    let values = Document::parse_all(documents, &faults);
    let parts = Parts::of_documents(&faults, &values);
    settle(city_of(&faults, parts, known_codec), faults)
}

fn settle(city: City, faults: Faults) -> Result<City, Vec<Fault>> {
    let faults = faults.into_vec();
    if faults.is_empty() { Ok(city) } else { Err(faults) }
}

/// Parses JSON; depth is bounded by the parser.
pub(super) fn parse(text: &str) -> Result<Value, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| {
        vec![Fault { feature: "(file)".to_owned(), key: "(all)".to_owned(), reason: format!("not JSON: {error}") }]
    })
}

fn city_of<'a>(faults: &'a Faults, parts: Parts<'a>, known_codec: &dyn Fn(&str) -> bool) -> City {
    let mut draft = Draft::new();
    match parts.header {
        Some(header) => draft.header(&header),
        None => faults.add("(file)", "yunpark", "is missing"),
    }
    for group in &parts.groups {
        draft.group(group);
    }
    for feature in &parts.features {
        draft.feature(feature);
    }
    // Codecs first: a sensor may be of a declared one.
    for codec in &parts.codecs {
        draft.codec(codec, known_codec);
    }
    for sensor in &parts.sensors {
        draft.sensor(sensor, known_codec);
    }
    draft.finish()
}

impl<'a> Draft<'a> {
    fn header(&mut self, field: &Field<'a>) {
        let Some(mut header) = field.object() else { return };
        header.need("version").and_then(|f| f.whole(VERSION..=VERSION));
        let name = header.need("name").and_then(|f| f.localized());
        let zone = header.need("time_zone").and_then(|f| {
            let name = f.text()?;
            name.parse::<Tz>().map_err(|_| f.fault(format_args!("there is no time zone {name:?}"))).ok()
        });
        let fictional = header.may("fictional").and_then(|f| f.flag());
        header.finish();
        self.city.name = name.unwrap_or_default();
        self.city.time_zone = zone.unwrap_or(self.city.time_zone);
        self.city.fictional = fictional.unwrap_or_default();
    }

    fn feature(&mut self, field: &Field<'a>) {
        let Some(mut feature) = field.object() else { return };
        let properties = feature.need("properties").and_then(|f| f.object());
        let Some(mut properties) = properties else { return };
        let kind = properties.need("kind");
        let kind = kind.and_then(|f| {
            let kind = f.text()?;
            let known = KINDS.iter().find(|known| **known == kind);
            if known.is_none() {
                f.fault(format_args!("must be one of {}, not {kind:?}", KINDS.join(", ")));
            }
            known.copied()
        });
        let Some(kind) = kind else { return };
        if let Some(name) = name_of(kind, field.value()) {
            feature.rename(&name);
            properties.rename(&name);
        }
        if feature.need("type").is_some_and(|f| f.value() != "Feature") {
            feature.fault_at("type", "must be \"Feature\"");
        }
        feature.may("bbox");
        let geometry = feature.need("geometry").and_then(|f| self.geometry_of(kind, &f));
        feature.finish();
        self.kind(kind, properties, geometry);
    }

    fn geometry_of(&mut self, kind: &str, field: &Field<'a>) -> Option<Geometry> {
        let shape = match kind {
            "lot" | "space" => Shape::PointOrPolygon,
            "zone" | "grid_cell" => Shape::Area,
            "street" => Shape::Line,
            "base" => Shape::Any,
            _ => Shape::Point,
        };
        let geometry = geometry::read(field, shape)?;
        if let Some(first) = geometry.coords_iter().next() {
            self.lies_at(field, first);
        }
        Some(geometry)
    }

    fn kind(&mut self, kind: &str, mut properties: Object<'a>, geometry: Option<Geometry>) {
        let id = properties.need("id");
        match kind {
            "lot" => {
                let id = self.declared(id, Thing::Lot);
                self.lot(id, properties, geometry);
            }
            "space" => {
                let id = id.and_then(|f| f.id::<SpaceId>().map(|id| (f, id)));
                self.space(id, properties, geometry);
            }
            "zone" => {
                let id = self.declared(id, Thing::Zone);
                self.zone(id, properties, geometry);
            }
            "street" => {
                let id = self.declared(id, Thing::Street);
                self.street(id, properties, geometry);
            }
            "grid_cell" => {
                let id = self.declared(id, Thing::GridCell);
                self.grid_cell(id, properties, geometry);
            }
            "approach" => {
                let id = self.declared(id, Thing::Approach);
                self.approach(id, properties, geometry);
            }
            "sign" => {
                let id = self.declared(id, Thing::Sign);
                self.sign(id, properties, geometry);
            }
            "camera" => {
                let id = self.declared(id, Thing::Camera);
                self.camera(id, properties, geometry);
            }
            _ => {
                let id = self.declared(id, Thing::Base);
                self.base(id, properties, geometry);
            }
        }
    }

    /// Reads a feature's own id and notes that it exists.
    fn declared<T>(&mut self, field: Option<Field<'a>>, thing: fn(T) -> Thing) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display> + Clone,
    {
        let field = field?;
        let id: T = field.id()?;
        self.declare(&field, thing(id.clone()));
        Some(id)
    }
}

/// How faults name a feature once its id can be read: `lot L1`.
pub(super) fn name_of(kind: &str, feature: &Value) -> Option<String> {
    let id_at = |path| -> Option<SpaceId> { feature.pointer(path)?.as_str()?.parse().ok() };
    let id = id_at("/properties/id")?;
    match (kind, id_at("/properties/lot")) {
        ("space", Some(lot)) => Some(format!("space {lot}/{id}")),
        _ => Some(format!("{} {id}", kind.replace('_', " "))),
    }
}
