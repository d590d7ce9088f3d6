//! GeoJSON (RFC 7946): the lots, and the single bays, as points with the fields of [`super::parkapi_v3`].

use geo::Coord;
use serde_json::{Map, Value, json};

use super::{
    datum::degrees,
    navigate, parkapi_v1,
    parkapi_v3::{realtime_site, realtime_spot, static_site, static_spot},
    picture::Picture,
    press::Variant,
};
use crate::{config, domain::time::rfc3339};

/// The lots.
pub fn sites(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let features = picture.sites().map(|site| {
        let mut properties = static_site(site, picture, variant, settings);
        properties.extend(realtime_site(site));
        let title = site.lot.name.get(variant.language());
        properties.insert("navigation".to_owned(), json!(navigate::links(site.target(), title)));
        feature(site.lot.id.as_str(), site.place(variant.crs), properties)
    });
    collection(features.collect(), picture, settings)
}

/// The single bays.
pub fn spots(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let features = picture.spots().map(|spot| {
        let mut properties = static_spot(spot, picture, variant, settings);
        properties.extend(realtime_spot(spot));
        feature(&super::uid::of_space(&spot.lot.id, &spot.space.id), spot.place(variant.crs), properties)
    });
    collection(features.collect(), picture, settings)
}

fn feature(id: &str, place: Coord, properties: Map<String, Value>) -> Value {
    json!({
        "type": "Feature",
        "id": id,
        "geometry": { "type": "Point", "coordinates": [degrees(place.x), degrees(place.y)] },
        "properties": properties,
    })
}

fn collection(features: Vec<Value>, picture: &Picture, settings: &config::Feeds) -> Vec<u8> {
    parkapi_v1::bytes(&json!({
        "type": "FeatureCollection",
        "license": settings.licence_url,
        "attribution": settings.publisher,
        "generated_at": rfc3339(picture.at),
        "cursor": picture.cursor,
        "features": features,
    }))
}
