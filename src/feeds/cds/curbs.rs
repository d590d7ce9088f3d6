//! Curb zones: the city's zones with a parking rule, and its streets' rows of bays where their outline is known; and the policies
//! they are under.

use geo::{Geometry, Polygon};
use serde_json::{Value, json};

use super::envelope;
use crate::{
    config,
    domain::{
        lot::{Lot, LotKind},
        place::{Zone, ZoneRule},
    },
    feeds::{
        datum::{Crs, degrees},
        picture::{Picture, Site},
        press::Variant,
        uid,
    },
};

/// The curb zones.
pub fn zones(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let imported_ms = picture.static_at.timestamp_millis();
    let mut zones = Vec::new();
    for zone in picture.city.zones.values() {
        for (part, polygon) in zone.area.iter().enumerate() {
            zones.push(json!({
                "curb_zone_id": part_id(zone, part, settings),
                "geometry": polygon_of(polygon, variant.crs),
                "name": zone.name.get(variant.language()),
                "user_zone_id": zone.id,
                "curb_policy_ids": [policy_id("zone", zone.id.as_str(), settings)],
                "published_date": imported_ms,
                "last_updated_date": imported_ms,
                "start_date": imported_ms,
                "jurisdiction_type": "public",
            }));
        }
    }
    for site in picture.sites() {
        let Some(geometry) = curb(site.lot, variant.crs) else { continue };
        let mut zone = json!({
            "curb_zone_id": lot_id(site.lot, settings),
            "geometry": geometry,
            "name": site.lot.name.get(variant.language()),
            "user_zone_id": site.lot.id,
            "curb_policy_ids": [policy_id("lot", site.lot.id.as_str(), settings)],
            "published_date": imported_ms,
            "last_updated_date": imported_ms,
            "start_date": imported_ms,
            "jurisdiction_type": "public",
            "num_spaces": site.judged.counts.capacity,
        });
        availability(&mut zone, site);
        if let Some(street) = site.lot.street.as_ref().and_then(|id| picture.city.streets.get(id)) {
            zone["street_name"] = json!(street.name.get(variant.language()));
        }
        zones.push(zone);
    }
    envelope(json!({ "zones": zones }), picture.at, picture.city.time_zone, settings)
}

/// What may be told of a row now; nothing if it cannot be believed.
fn availability(zone: &mut Value, site: Site<'_>) {
    let Some((counts, observed_at)) = site.live().and_then(|counts| Some((counts, counts.observed_at?))) else {
        return;
    };
    zone["available"] = json!(site.is_open());
    zone["available_spaces"] = json!(counts.free);
    zone["availability_time"] = json!(observed_at.timestamp_millis());
}

/// The policies the zones name.
pub fn policies(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let imported_ms = picture.static_at.timestamp_millis();
    let language = variant.language();
    let of_zones = picture.city.zones.values().map(|zone| {
        let (activity, classes) = match zone.rule {
            ZoneRule::NoParking => ("no parking", None),
            ZoneRule::TimeLimited => ("parking", None),
            ZoneRule::NonMotorOnly => ("no parking", Some(["bicycle"])),
        };
        let mut rule = json!({ "activity": activity });
        if zone.rule == ZoneRule::TimeLimited {
            rule["max_stay"] = json!(zone.dwell_s.div_ceil(60));
            rule["max_stay_unit"] = json!("minute");
        }
        if let Some(classes) = classes {
            rule["user_classes_except"] = json!(classes);
        }
        let hours = zone.hours.as_deref().map(|hours| format!("opening_hours={hours}"));
        let mut policy = policy("zone", zone.id.as_str(), &[rule], imported_ms, settings);
        policy["name"] = json!(zone.name.get(language));
        if let Some(hours) = hours {
            policy["description"] = json!(hours);
        }
        policy
    });
    let of_lots = picture.sites().filter(|site| curb(site.lot, variant.crs).is_some()).map(|site| {
        let mut policy =
            policy("lot", site.lot.id.as_str(), &[json!({ "activity": "parking" })], imported_ms, settings);
        policy["name"] = json!(site.lot.name.get(language));
        if let Some(tariff) = &site.lot.tariff {
            policy["description"] = json!(tariff.get(language));
        }
        policy
    });
    let policies: Vec<Value> = of_zones.chain(of_lots).collect();
    envelope(json!({ "policies": policies }), picture.at, picture.city.time_zone, settings)
}

fn policy(kind: &str, id: &str, rules: &[Value], imported_ms: i64, settings: &config::Feeds) -> Value {
    json!({
        "curb_policy_id": policy_id(kind, id, settings),
        "published_date": imported_ms,
        "priority": 1,
        "rules": rules,
    })
}

fn policy_id(kind: &str, id: &str, settings: &config::Feeds) -> String {
    uid::uuid(&settings.city, &format!("policy of {kind}"), id).to_string()
}

/// The UUID of one part of a zone.
fn part_id(zone: &Zone, part: usize, settings: &config::Feeds) -> String {
    uid::uuid(&settings.city, "zone", &format!("{} {part}", zone.id)).to_string()
}

/// The UUID of a zone's first part, by which events name it.
pub fn zone_id(zone: &Zone, settings: &config::Feeds) -> String {
    part_id(zone, 0, settings)
}

/// The UUID of a row of bays.
pub fn lot_id(lot: &Lot, settings: &config::Feeds) -> String {
    uid::uuid(&settings.city, "lot", lot.id.as_str()).to_string()
}

/// The rows of bays that are curb zones.
pub fn rows(picture: &Picture) -> impl Iterator<Item = &Lot> {
    picture.city.lots.values().filter(|lot| curb(lot, Crs::Wgs84).is_some())
}

/// The outline of a street's row of bays: its polygon, or the line through its bays; `None` where neither is known, for a curb
/// zone is no point.
fn curb(lot: &Lot, crs: Crs) -> Option<Value> {
    if lot.kind != LotKind::Street {
        return None;
    }
    match &lot.geometry {
        Geometry::Polygon(polygon) => Some(polygon_of(polygon, crs)),
        Geometry::LineString(line) => Some(line_of(line.coords().copied(), crs)),
        _ => {
            let bays: Vec<_> = lot.spaces.iter().filter_map(|space| space.location).collect();
            (bays.len() > 1).then(|| line_of(bays.into_iter(), crs))
        }
    }
}

fn line_of(places: impl Iterator<Item = geo::Coord>, crs: Crs) -> Value {
    let places: Vec<[f64; 2]> = places.map(|place| position(place, crs)).collect();
    json!({ "type": "LineString", "coordinates": places })
}

fn polygon_of(polygon: &Polygon, crs: Crs) -> Value {
    let ring = |ring: &geo::LineString| ring.coords().map(|place| position(*place, crs)).collect::<Vec<_>>();
    let rings: Vec<_> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect();
    json!({ "type": "Polygon", "coordinates": rings })
}

fn position(place: geo::Coord, crs: Crs) -> [f64; 2] {
    let place = crs.of(place);
    [degrees(place.x), degrees(place.y)]
}
