//! `GET /api/v1/map`: streets, zones and the base map as one GeoJSON FeatureCollection.

use geojson::{Feature, FeatureCollection, Geometry};
use serde_json::{Value, json};

use crate::{config::BaseMap, domain::city::City};

/// Where the pages fetch the PMTiles file of this node.
pub const TILES_PATH: &str = "/basemap.pmtiles";

/// The city's map, drawn from the bottom: base features, then streets, then zones. Lots come from `/api/v1/lots`. Its member
/// `base` says what is drawn under all of it in place of the base features, if anything is.
pub fn map(city: &City, base: &BaseMap) -> FeatureCollection {
    let mut features = city.base_map.clone();
    features.extend(city.streets.values().map(|street| {
        let properties = json!({"kind": "street", "id": street.id, "name": street.name, "class": street.class});
        feature(Geometry::from(&street.line), properties)
    }));
    features.extend(city.zones.values().map(|zone| {
        let properties = json!({
            "kind": "zone", "id": zone.id, "name": zone.name, "rule": zone.rule, "hours": zone.hours,
            "dwell_s": zone.dwell_s, "street_class": zone.street_class, "vehicle_class": zone.vehicle_class,
        });
        feature(Geometry::from(&zone.area), properties)
    }));
    let mut map = FeatureCollection::new(features);
    if let Value::Object(members) = json!({"base": told(base)}) {
        map.foreign_members = Some(members);
    }
    map
}

fn told(base: &BaseMap) -> Value {
    if base.is_the_citys() {
        return Value::Null;
    }
    let (kind, url) =
        if base.url.is_empty() { (json!("pmtiles"), TILES_PATH) } else { (json!(base.kind), base.url.as_str()) };
    json!({
        "kind": kind, "url": url, "schema": base.schema, "datum": base.datum, "attribution": base.attribution,
        "max_zoom": base.max_zoom, "tile_px": base.tile_px,
    })
}

fn feature(geometry: Geometry, properties: Value) -> Feature {
    let mut feature = Feature::from(geometry);
    if let Value::Object(properties) = properties {
        feature.properties = Some(properties);
    }
    feature
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        domain::city::{example, read},
    };

    #[test]
    fn the_map_shows_base_streets_and_zones_and_no_person_or_device() {
        let city = read(&example(), &|codec| !codec.starts_with("acme/")).unwrap();
        let mut base = Config::load(None).unwrap().map;
        let map = serde_json::to_value(super::map(&city, &base)).unwrap();
        assert_eq!(map["base"], Value::Null);
        base.pmtiles = "/somewhere/town.pmtiles".to_owned();
        let tiled = serde_json::to_value(super::map(&city, &base)).unwrap();
        assert_eq!((&tiled["base"]["kind"], &tiled["base"]["url"]), (&json!("pmtiles"), &json!(TILES_PATH)));
        assert!(!tiled.to_string().contains("somewhere"), "where the file lies is nobody's business");
        let kinds: Vec<&str> =
            map["features"].as_array().unwrap().iter().map(|f| f["properties"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["base", "street", "zone"]);
        assert_eq!(map["features"][1]["properties"]["name"]["en"], "Jiefang Street");
        assert!(!map.to_string().contains("CAM1") && !map.to_string().contains("SG1"));
        assert!(map.to_string().parse::<geojson::GeoJson>().is_ok());
    }
}
