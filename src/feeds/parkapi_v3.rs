//! ParkAPI v3's shape: parking sites and single parking spots, each with what is static and, while it can be believed, what is
//! now. A lot whose data is older than its limit says `has_realtime_data: false` and has no `realtime_*` field.

use serde_json::{Map, Value, json};

use super::{
    datum::degrees,
    navigate,
    picture::{Picture, Site, Spot, SpotState},
    press::Variant,
    query::{Asked, Page},
    uid,
};
use crate::{
    config,
    domain::{
        lot::{LotKind, SpaceUse, VehicleClass},
        time::{Instant, rfc3339},
    },
};

/// The lots asked for.
pub fn sites(picture: &Picture, asked: &Asked, variant: Variant, settings: &config::Feeds) -> Page<Value> {
    let wanted = picture.sites().filter(|site| {
        let names = [site.lot.name.zh.as_str(), site.lot.name.en.as_str()];
        asked.wants(&names, purpose(site.lot.vehicle_class), kind(site.lot.kind)) && asked.admits(site.lot.location)
    });
    let written = asked.page(wanted.map(|site| (site.lot.id.to_string(), site)));
    Page {
        items: written.items.into_iter().map(|item| site(item, picture, variant, settings)).collect(),
        total: written.total,
        next: written.next,
    }
}

/// The single spots asked for.
pub fn spots(picture: &Picture, asked: &Asked, variant: Variant, settings: &config::Feeds) -> Page<Value> {
    let wanted = picture.spots().filter(|spot| {
        let names = [spot.lot.name.zh.as_str(), spot.lot.name.en.as_str()];
        let place = spot.space.location.unwrap_or(spot.lot.location);
        asked.wants(&names, purpose(spot.vehicle_class()), kind(spot.lot.kind)) && asked.admits(place)
    });
    let mut named: Vec<(String, Spot<'_>)> =
        wanted.map(|spot| (uid::of_space(&spot.lot.id, &spot.space.id), spot)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let written = asked.page(named.into_iter());
    Page {
        items: written.items.into_iter().map(|item| spot(item, picture, variant, settings)).collect(),
        total: written.total,
        next: written.next,
    }
}

/// One lot.
pub fn site(site: Site<'_>, picture: &Picture, variant: Variant, settings: &config::Feeds) -> Value {
    let place = site.place(variant.crs);
    let mut item = static_site(site, picture, variant, settings);
    item.insert("lat".to_owned(), json!(degrees(place.y)));
    item.insert("lon".to_owned(), json!(degrees(place.x)));
    item.extend(realtime_site(site));
    item.insert("navigation".to_owned(), json!(navigate::links(site.target(), site.lot.name.get(variant.language()))));
    Value::Object(item)
}

/// One spot.
pub fn spot(spot: Spot<'_>, picture: &Picture, variant: Variant, settings: &config::Feeds) -> Value {
    let place = spot.place(variant.crs);
    let mut item = static_spot(spot, picture, variant, settings);
    item.insert("lat".to_owned(), json!(degrees(place.y)));
    item.insert("lon".to_owned(), json!(degrees(place.x)));
    item.extend(realtime_spot(spot));
    Value::Object(item)
}

/// What of a lot does not move.
pub(super) fn static_site(
    site: Site<'_>,
    picture: &Picture,
    variant: Variant,
    settings: &config::Feeds,
) -> Map<String, Value> {
    let lot = site.lot;
    let language = variant.language();
    let mut item = base(&lot.id.to_string(), purpose(lot.vehicle_class), lot.kind, picture.static_at, settings);
    let mut put = |key: &str, value: Value| drop(item.insert(key.to_owned(), value));
    put("name", json!(lot.name.get(language)));
    put("capacity", json!(site.judged.counts.capacity));
    put("has_realtime_data", json!(site.live().is_some()));
    if let Some(street) = lot.street.as_ref().and_then(|id| picture.city.streets.get(id)) {
        put("address", json!(street.name.get(language)));
    }
    if let Some(hours) = &lot.opening_hours {
        put("opening_hours", json!(hours));
    }
    if let Some(tariff) = &lot.tariff {
        put("fee_description", json!(tariff.get(language)));
    }
    if let Some(max_height_m) = lot.max_height_m {
        // Centimetres.
        put("max_height", json!((max_height_m * 100.0).round() as u32));
    }
    if !settings.base_url.is_empty() {
        put("public_url", json!(settings.address(&format!("/?lot={}", lot.id))));
    }
    let restrictions: Vec<Value> = lot
        .uses
        .iter()
        .map(|(use_, places)| {
            let mut restriction = json!({ "type": audience(*use_), "capacity": places });
            if let Some(free) = site.free_of(*use_) {
                restriction["realtime_free_capacity"] = json!(free);
            }
            restriction
        })
        .collect();
    if !restrictions.is_empty() {
        put("restrictions", json!(restrictions));
    }
    item
}

/// What of a lot moves; nothing if it cannot be believed.
pub(super) fn realtime_site(site: Site<'_>) -> Map<String, Value> {
    let mut item = Map::new();
    let Some(counts) = site.live() else { return item };
    let Some(observed_at) = counts.observed_at else { return item };
    let mut put = |key: &str, value: Value| drop(item.insert(key.to_owned(), value));
    put("realtime_data_updated_at", json!(rfc3339(observed_at)));
    put("realtime_opening_status", json!(if site.is_open() { "OPEN" } else { "CLOSED" }));
    put("realtime_capacity", json!(counts.capacity - counts.out_of_service.min(counts.capacity)));
    put("realtime_free_capacity", json!(counts.free));
    item
}

/// What of a spot does not move.
pub(super) fn static_spot(
    spot: Spot<'_>,
    picture: &Picture,
    variant: Variant,
    settings: &config::Feeds,
) -> Map<String, Value> {
    let id = uid::of_space(&spot.lot.id, &spot.space.id);
    let mut item = base(&id, purpose(spot.vehicle_class()), spot.lot.kind, picture.static_at, settings);
    let mut put = |key: &str, value: Value| drop(item.insert(key.to_owned(), value));
    put("name", json!(format!("{} {}", spot.lot.name.get(variant.language()), spot.space.id)));
    put("parking_site_uid", json!(spot.lot.id));
    put("has_realtime_data", json!(is_told(spot)));
    if let Some(street) = spot.lot.street.as_ref().and_then(|id| picture.city.streets.get(id)) {
        put("address", json!(street.name.get(variant.language())));
    }
    let restrictions: Vec<Value> = spot.space.uses.iter().map(|use_| json!({ "type": audience(*use_) })).collect();
    if !restrictions.is_empty() {
        put("restrictions", json!(restrictions));
    }
    item
}

/// What of a spot moves; nothing if nobody knows.
pub(super) fn realtime_spot(spot: Spot<'_>) -> Map<String, Value> {
    let mut item = Map::new();
    if !is_told(spot) {
        return item;
    }
    let status = if spot.state == SpotState::Free { "AVAILABLE" } else { "TAKEN" };
    item.insert("realtime_status".to_owned(), json!(status));
    if let Some(at) = spot.observed_at {
        item.insert("realtime_data_updated_at".to_owned(), json!(rfc3339(at)));
    }
    item
}

fn is_told(spot: Spot<'_>) -> bool {
    matches!(spot.state, SpotState::Free | SpotState::Occupied) && spot.observed_at.is_some()
}

fn base(id: &str, purpose: &str, of: LotKind, static_at: Instant, settings: &config::Feeds) -> Map<String, Value> {
    let mut item = Map::new();
    item.insert("uid".to_owned(), json!(id));
    // Readers of the public interface know it by this name, those of the push interface by the other.
    item.insert("original_uid".to_owned(), json!(id));
    item.insert("source_uid".to_owned(), json!(settings.city));
    item.insert("purpose".to_owned(), json!(purpose));
    item.insert("type".to_owned(), json!(kind(of)));
    item.insert("operator_name".to_owned(), json!(settings.publisher));
    item.insert("static_data_updated_at".to_owned(), json!(rfc3339(static_at)));
    item
}

/// The list of sources: this city.
pub fn source(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Value {
    let live = picture.sites().filter(|site| site.live().is_some()).count();
    json!({
        "uid": settings.city,
        "name": picture.city.name.get(variant.language()),
        "public_url": settings.address("/"),
        "timezone": picture.city.time_zone.name(),
        "attribution_license": settings.licence_name,
        "attribution_url": settings.licence_url,
        "attribution_contributor": settings.publisher,
        "has_realtime_data": live > 0,
        "parking_site_count": picture.lots.len(),
        "realtime_parking_site_count": live,
        "static_data_updated_at": rfc3339(picture.static_at),
        "realtime_data_updated_at": rfc3339(picture.at),
    })
}

/// What a lot is.
pub(super) fn kind(kind: LotKind) -> &'static str {
    match kind {
        LotKind::Garage => "CAR_PARK",
        LotKind::CarPark => "OFF_STREET_PARKING_GROUND",
        LotKind::Street => "ON_STREET",
    }
}

fn purpose(class: VehicleClass) -> &'static str {
    match class {
        VehicleClass::Motor => "CAR",
        VehicleClass::NonMotor => "BIKE",
    }
}

fn audience(use_: SpaceUse) -> &'static str {
    match use_ {
        SpaceUse::Disabled => "DISABLED",
        SpaceUse::Charging => "CHARGING",
        SpaceUse::Loading => "DELIVERY",
        SpaceUse::Taxi => "TAXI",
        SpaceUse::Family => "FAMILY",
    }
}
