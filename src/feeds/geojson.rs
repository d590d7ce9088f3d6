//! GeoJSON (RFC 7946): the lots, and the single bays, as points with the fields of [`super::parkapi_v3`].

use geo::Coord;
use serde::Serialize;

use super::{
    datum::degrees,
    parkapi_v1,
    parkapi_v3::{Item, site_without_place, spot_without_place},
    picture::Picture,
    press::Variant,
    uid,
};
use crate::{
    config,
    domain::{availability::Cursor, time::rfc3339},
};

#[derive(Serialize)]
struct Collection<'a> {
    r#type: &'static str,
    license: &'a str,
    attribution: &'a str,
    generated_at: String,
    cursor: &'a Cursor,
    features: Vec<Feature<'a>>,
}

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'static str,
    id: String,
    geometry: Geometry,
    properties: Item<'a>,
}

#[derive(Serialize)]
struct Geometry {
    r#type: &'static str,
    coordinates: [f64; 2],
}

/// The lots.
pub fn sites(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let features = picture.sites().map(|site| {
        let properties = site_without_place(site, picture, variant, settings);
        feature(site.lot.id.to_string(), site.place(variant.crs), properties)
    });
    collection(features.collect(), picture, settings)
}

/// The single bays.
pub fn spots(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let features = picture.spots().map(|spot| {
        let properties = spot_without_place(spot, picture, variant, settings);
        feature(uid::of_space(&spot.lot.id, &spot.space.id), spot.place(variant.crs), properties)
    });
    collection(features.collect(), picture, settings)
}

fn feature(id: String, place: Coord, properties: Item<'_>) -> Feature<'_> {
    let geometry = Geometry { r#type: "Point", coordinates: [degrees(place.x), degrees(place.y)] };
    Feature { r#type: "Feature", id, geometry, properties }
}

fn collection(features: Vec<Feature<'_>>, picture: &Picture, settings: &config::Feeds) -> Vec<u8> {
    parkapi_v1::bytes(&Collection {
        r#type: "FeatureCollection",
        license: &settings.licence_url,
        attribution: &settings.publisher,
        generated_at: rfc3339(picture.at),
        cursor: &picture.cursor,
        features,
    })
}
