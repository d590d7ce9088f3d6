//! ParkAPI v3's shape: parking sites and single parking spots, each with what is static and, while it can be believed, what is
//! now. A lot whose data is older than its limit says `has_realtime_data: false` and has no `realtime_*` field.

use std::borrow::Cow;

use geo::Coord;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    datum::degrees,
    navigate::{self, Navigation},
    picture::{Picture, Site, Spot, SpotState},
    press::Variant,
    query::{Asked, Page},
    uid,
};
use crate::{
    config,
    domain::{
        ids::LotId,
        lot::{Lot, LotKind, SpaceUse, VehicleClass},
        time::{Instant, rfc3339},
    },
};

/// A lot or a bay in this shape; what is not known is not there.
#[derive(Debug, Serialize)]
pub struct Item<'a> {
    uid: String,
    /// Readers of the public interface know the uid by this name, those of the push interface by the other.
    original_uid: String,
    source_uid: &'a str,
    name: Cow<'a, str>,
    purpose: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    operator_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parking_site_uid: Option<&'a LotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opening_hours: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_description: Option<&'a str>,
    /// Centimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restrictions: Vec<Restriction>,
    static_data_updated_at: String,
    has_realtime_data: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_data_updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_opening_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_free_capacity: Option<u32>,
    /// Degrees; a GeoJSON feature says them in its geometry.
    #[serde(skip_serializing_if = "Option::is_none")]
    lat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    navigation: Option<Navigation>,
}

/// Places for some drivers only.
#[derive(Debug, Serialize)]
struct Restriction {
    #[serde(rename = "type")]
    audience: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_free_capacity: Option<u32>,
}

impl Item<'_> {
    fn at(self, place: Coord) -> Self {
        Self { lat: Some(degrees(place.y)), lon: Some(degrees(place.x)), ..self }
    }
}

/// The lots asked for.
pub fn sites<'a>(picture: &'a Picture, asked: &Asked, variant: Variant, settings: &'a config::Feeds) -> Page<Item<'a>> {
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
pub fn spots<'a>(picture: &'a Picture, asked: &Asked, variant: Variant, settings: &'a config::Feeds) -> Page<Item<'a>> {
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
pub fn site<'a>(site: Site<'a>, picture: &'a Picture, variant: Variant, settings: &'a config::Feeds) -> Item<'a> {
    site_without_place(site, picture, variant, settings).at(site.place(variant.crs))
}

/// One spot.
pub fn spot<'a>(spot: Spot<'a>, picture: &'a Picture, variant: Variant, settings: &'a config::Feeds) -> Item<'a> {
    spot_without_place(spot, picture, variant, settings).at(spot.place(variant.crs))
}

/// One lot, but for where it stands.
pub(super) fn site_without_place<'a>(
    site: Site<'a>,
    picture: &'a Picture,
    variant: Variant,
    settings: &'a config::Feeds,
) -> Item<'a> {
    let (lot, language) = (site.lot, variant.language());
    let restriction = |(use_, places): (&SpaceUse, &u32)| Restriction {
        audience: audience(*use_),
        capacity: Some(*places),
        realtime_free_capacity: site.free_of(*use_),
    };
    // Nothing that moves is told unless it can be believed.
    let told = site.live().and_then(|counts| Some((counts, counts.observed_at?)));
    let counts = told.map(|(counts, _)| counts);
    Item {
        name: Cow::Borrowed(lot.name.get(language)),
        capacity: Some(site.judged.counts.capacity),
        address: street(lot, picture, variant),
        opening_hours: lot.opening_hours.as_deref(),
        fee_description: lot.tariff.as_ref().map(|tariff| tariff.get(language)),
        max_height: lot.max_height_m.map(|height_m| (height_m * 100.0).round() as u32),
        public_url: (!settings.base_url.is_empty()).then(|| settings.address(&format!("/?lot={}", lot.id))),
        restrictions: lot.uses.iter().map(restriction).collect(),
        has_realtime_data: site.live().is_some(),
        realtime_data_updated_at: told.map(|(_, observed_at)| rfc3339(observed_at)),
        realtime_opening_status: told.map(|_| if site.is_open() { "OPEN" } else { "CLOSED" }),
        realtime_capacity: counts.map(|counts| counts.capacity - counts.out_of_service.min(counts.capacity)),
        realtime_free_capacity: counts.map(|counts| counts.free),
        navigation: Some(navigate::links(site.target(), lot.name.get(language))),
        ..base(lot.id.to_string(), purpose(lot.vehicle_class), lot.kind, picture.static_at, settings)
    }
}

/// One spot, but for where it is.
pub(super) fn spot_without_place<'a>(
    spot: Spot<'a>,
    picture: &'a Picture,
    variant: Variant,
    settings: &'a config::Feeds,
) -> Item<'a> {
    let told = matches!(spot.state, SpotState::Free | SpotState::Occupied).then_some(spot.observed_at).flatten();
    let restriction =
        |use_: &SpaceUse| Restriction { audience: audience(*use_), capacity: None, realtime_free_capacity: None };
    let uid = uid::of_space(&spot.lot.id, &spot.space.id);
    Item {
        name: Cow::Owned(format!("{} {}", spot.lot.name.get(variant.language()), spot.space.id)),
        parking_site_uid: Some(&spot.lot.id),
        address: street(spot.lot, picture, variant),
        restrictions: spot.space.uses.iter().map(restriction).collect(),
        has_realtime_data: told.is_some(),
        realtime_status: told.map(|_| if spot.state == SpotState::Free { "AVAILABLE" } else { "TAKEN" }),
        realtime_data_updated_at: told.map(rfc3339),
        ..base(uid, purpose(spot.vehicle_class()), spot.lot.kind, picture.static_at, settings)
    }
}

fn street<'a>(lot: &Lot, picture: &'a Picture, variant: Variant) -> Option<&'a str> {
    let street = picture.city.streets.get(lot.street.as_ref()?)?;
    Some(street.name.get(variant.language()))
}

/// What all items have, and nothing else.
fn base<'a>(
    uid: String,
    purpose: &'static str,
    of: LotKind,
    static_at: Instant,
    settings: &'a config::Feeds,
) -> Item<'a> {
    Item {
        original_uid: uid.clone(),
        uid,
        source_uid: &settings.city,
        name: Cow::Borrowed(""),
        purpose,
        kind: kind(of),
        operator_name: &settings.publisher,
        parking_site_uid: None,
        address: None,
        capacity: None,
        opening_hours: None,
        fee_description: None,
        max_height: None,
        public_url: None,
        restrictions: Vec::new(),
        static_data_updated_at: rfc3339(static_at),
        has_realtime_data: false,
        realtime_data_updated_at: None,
        realtime_opening_status: None,
        realtime_status: None,
        realtime_capacity: None,
        realtime_free_capacity: None,
        lat: None,
        lon: None,
        navigation: None,
    }
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
