//! A city file out of another operator's: the lots and bays of a GeoJSON, DATEX II or CSV file, to be imported like any other.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::{Ill, Record};
use crate::domain::{hours::Hours, lot::LotKind};

/// What the records do not say themselves.
#[derive(Debug, Clone)]
pub struct Heading {
    /// The city's name.
    pub name: String,
    /// Its time zone.
    pub time_zone: Tz,
    /// After how many seconds its lots' counts are stale.
    pub stale_after_s: Option<u32>,
    /// For a file of single bays that name no lot: the id and name of the lot they make up together.
    pub one_lot: Option<(String, String)>,
}

/// A city file with a lot for each record that has a place and a capacity, or one lot of all bays; and what was left out, and why.
pub fn city_file(records: &[Record], heading: &Heading) -> Result<(Value, Vec<String>), Ill> {
    let (mut features, mut left_out) = (Vec::new(), Vec::new());
    let bays: Vec<&Record> =
        records.iter().filter(|record| record.capacity.is_none() && record.place.is_some()).collect();
    let lots = records.iter().filter(|record| record.capacity.is_some());
    let mut bays_of: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for bay in bays {
        match (&bay.of_site, &heading.one_lot) {
            (Some(site), _) => bays_of.entry(own_id(site)).or_default().push(bay),
            (None, Some((id, _))) => bays_of.entry(id.clone()).or_default().push(bay),
            (None, None) => left_out.push(format!("{}: it has no capacity", bay.id)),
        }
    }
    for record in lots {
        let id = own_id(&record.id);
        let Some(place) = record.place else {
            left_out.push(format!("{}: it has no place", record.id));
            continue;
        };
        let Some(capacity) = record.capacity.filter(|capacity| *capacity > 0) else {
            left_out.push(format!("{}: it has no places to park", record.id));
            continue;
        };
        let mut properties = lot(&id, record.name.as_deref().unwrap_or(&record.id), record.kind, capacity, heading);
        if let Some(hours) = &record.opening_hours {
            if Hours::parse(hours).is_ok() {
                properties.insert("opening_hours".to_owned(), json!(hours));
            } else {
                left_out.push(format!("{}: its opening hours are not in the syntax of OpenStreetMap", record.id));
            }
        }
        if let Some(height_m) = record.max_height_m {
            properties.insert("max_height_m".to_owned(), json!(height_m));
        }
        let uses: Map<String, Value> = (record.uses.iter())
            .filter_map(|(use_, places)| Some((serde_json::to_value(use_).ok()?.as_str()?.to_owned(), json!(places))))
            .collect();
        if !uses.is_empty() {
            properties.insert("uses".to_owned(), json!(uses));
        }
        if let Some(bays) = bays_of.remove(&id) {
            spaces(&mut properties, &mut features, &id, &bays);
        }
        features.push(feature([place.x, place.y], properties));
    }
    for (id, bays) in bays_of {
        let count = bays.len() as f64;
        let middle =
            bays.iter().filter_map(|bay| bay.place).fold([0.0, 0.0], |sum, place| [sum[0] + place.x, sum[1] + place.y]);
        let name =
            heading.one_lot.as_ref().filter(|(one, _)| *one == id).map_or(id.as_str(), |(_, name)| name.as_str());
        let mut properties = lot(&id, name, Some(LotKind::Street), bays.len() as u32, heading);
        spaces(&mut properties, &mut features, &id, &bays);
        features.push(feature([middle[0] / count, middle[1] / count], properties));
    }
    if features.is_empty() {
        return Err(Ill::Empty);
    }
    let file = json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": heading.name, "time_zone": heading.time_zone.name(), "fictional": false},
        "groups": [],
        "sensors": [],
        "features": features,
    });
    Ok((file, left_out))
}

fn lot(id: &str, name: &str, kind: Option<LotKind>, capacity: u32, heading: &Heading) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut put = |key: &str, value: Value| drop(properties.insert(key.to_owned(), value));
    put("kind", json!("lot"));
    put("id", json!(id));
    put("name", json!(name));
    put("lot_kind", json!(kind.unwrap_or_default()));
    put("capacity", json!(capacity));
    put("vehicle_class", json!("motor"));
    if let Some(stale_after_s) = heading.stale_after_s {
        put("stale_after_s", json!(stale_after_s));
    }
    properties
}

fn spaces(properties: &mut Map<String, Value>, features: &mut Vec<Value>, lot: &str, bays: &[&Record]) {
    let mut named = Vec::new();
    for bay in bays {
        let id = own_id(bay.id.rsplit('~').next().unwrap_or(&bay.id));
        let Some(place) = bay.place else { continue };
        let mut own = Map::new();
        own.insert("kind".to_owned(), json!("space"));
        own.insert("id".to_owned(), json!(id));
        own.insert("lot".to_owned(), json!(lot));
        features.push(feature([place.x, place.y], own));
        named.push(id);
    }
    properties.insert("spaces".to_owned(), json!(named));
}

fn feature(position: [f64; 2], properties: Map<String, Value>) -> Value {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": position}, "properties": properties})
}

/// Another's id as one of ours: what ours have no room for becomes a hyphen.
pub fn own_id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    let own: String = id.trim().chars().map(|c| if fits(c) { c } else { '-' }).take(64).collect();
    own.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}
