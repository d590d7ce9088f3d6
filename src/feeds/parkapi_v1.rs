//! ParkAPI v1: one list of car parks with free places, read by ParkenDD's applications and by OpenTripPlanner.
//!
//! Format: `city_schema.json` of the ParkAPI project. Stale and unheard lots say `nodata` and carry no `free`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    datum::degrees,
    picture::{Opening, Picture, Site},
    press::Variant,
};
use crate::{
    config,
    domain::{
        lot::{LotKind, SpaceUse},
        time::rfc3339,
    },
};

/// The list of cities: this one.
pub fn cities(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let name = picture.city.name.get(variant.language());
    let name = if name.is_empty() { settings.city.as_str() } else { name };
    bytes(&json!({
        "api_version": "1.0",
        "server_version": env!("CARGO_PKG_VERSION"),
        "reference": settings.address("/feeds"),
        "cities": { name: settings.city },
    }))
}

/// The car parks of the city.
pub fn city(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let lots: Vec<Value> =
        picture.sites().filter(|site| site.is_for_cars()).map(|site| lot(site, picture, variant, settings)).collect();
    bytes(&json!({
        "last_updated": rfc3339(picture.at),
        "last_downloaded": rfc3339(picture.at),
        "data_source": settings.address("/feeds"),
        "attribution": { "contributor": settings.publisher, "license": settings.licence_name, "url": settings.licence_url },
        "lots": lots,
    }))
}

fn lot(site: Site<'_>, picture: &Picture, variant: Variant, settings: &config::Feeds) -> Value {
    let place = site.place(variant.crs);
    let language = variant.language();
    let mut lot = Map::new();
    let mut put = |key: &str, value: Value| drop(lot.insert(key.to_owned(), value));
    put("id", json!(site.lot.id));
    put("name", json!(site.lot.name.get(language)));
    put("coords", json!({ "lat": degrees(place.y), "lng": degrees(place.x) }));
    put("total", json!(site.judged.counts.capacity));
    put("state", json!(state(site)));
    put("forecast", json!(false));
    put("lot_type", json!(kind(site.lot.kind, variant, settings)));
    if let Some(counts) = site.live() {
        put("free", json!(counts.free));
    }
    if let Some(street) = site.lot.street.as_ref().and_then(|id| picture.city.streets.get(id)) {
        put("address", json!(street.name.get(language)));
    }
    if let Some(cell) = site.lot.grid_cell.as_ref().and_then(|id| picture.city.grid_cells.get(id)) {
        put("region", json!(cell.name.get(language)));
    }
    if let Some(hours) = &site.lot.opening_hours {
        put("opening_hours", json!(hours));
    }
    if !settings.base_url.is_empty() {
        put("url", json!(settings.address(&format!("/?lot={}", site.lot.id))));
    }
    // OpenTripPlanner's own two keys.
    if let Some(places) = site.lot.uses.get(&SpaceUse::Disabled) {
        put("total:disabled", json!(places));
        if let Some(free) = site.free_of(SpaceUse::Disabled) {
            put("free:disabled", json!(free));
        }
    }
    Value::Object(lot)
}

fn state(site: Site<'_>) -> &'static str {
    match (site.judged.opening, site.live()) {
        (Opening::OutOfHours | Opening::ByOperator, _) => "closed",
        (Opening::Open, Some(_)) => "open",
        (Opening::Open, None) => "nodata",
    }
}

/// What a lot is, in the words readers of this format show as they are.
fn kind(kind: LotKind, variant: Variant, settings: &config::Feeds) -> &'static str {
    let of_language = match (settings.language.as_str(), variant.english) {
        ("de", _) => ["Parkhaus", "Parkplatz", "Straße"],
        (_, true) => ["Garage", "Car park", "On street"],
        (_, false) => ["停车楼", "停车场", "路内泊位"],
    };
    match kind {
        LotKind::Garage => of_language[0],
        LotKind::CarPark => of_language[1],
        LotKind::Street => of_language[2],
    }
}

/// A document as bytes of JSON.
pub fn bytes(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_else(|error| {
        tracing::error!(%error, "a feed could not be written");
        b"{}".to_vec()
    })
}
