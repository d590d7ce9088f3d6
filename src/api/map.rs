//! `GET /api/v1/map`: streets, zones and the base map as one GeoJSON FeatureCollection.

use geojson::{Feature, FeatureCollection, Geometry};
use serde_json::{Value, json};

use crate::domain::city::City;

/// The city's map, drawn from the bottom: base features, then streets, then zones. Lots come from `/api/v1/lots`.
pub fn map(city: &City) -> FeatureCollection {
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
    FeatureCollection::new(features)
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
    use crate::domain::city::{example, read};

    #[test]
    fn the_map_shows_base_streets_and_zones_and_no_person_or_device() {
        let city = read(&example(), &|codec| !codec.starts_with("acme/")).unwrap();
        let map = serde_json::to_value(map(&city)).unwrap();
        let kinds: Vec<&str> =
            map["features"].as_array().unwrap().iter().map(|f| f["properties"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["base", "street", "zone"]);
        assert_eq!(map["features"][1]["properties"]["name"]["en"], "Jiefang Street");
        assert!(!map.to_string().contains("CAM1") && !map.to_string().contains("SG1"));
        assert!(map.to_string().parse::<geojson::GeoJson>().is_ok());
    }
}
