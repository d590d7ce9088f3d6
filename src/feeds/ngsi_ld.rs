//! NGSI-LD entities of the Smart Data Models: `OffStreetParking`, `OnStreetParking`, `ParkingSpot`, as plain keys and values or
//! with each attribute as a property. A lot that cannot be believed has no `availableSpotNumber`; a spot then says `unknown`.

use serde_json::{Map, Value, json};

use super::{
    datum::degrees,
    picture::{Opening, Picture, Site, Spot, SpotState},
    press::Variant,
    uid,
};
use crate::{
    config,
    domain::{
        availability::Level,
        lot::{LotKind, SpaceUse, VehicleClass},
        time::rfc3339,
    },
};

/// The vocabulary the attributes are words of.
pub const CONTEXT: [&str; 2] = [
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Parking/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
];

/// A kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Garages and car parks.
    OffStreet,
    /// Streets' rows of bays.
    OnStreet,
    /// Single bays.
    Spot,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::OffStreet, Self::OnStreet, Self::Spot];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OffStreet => "OffStreetParking",
            Self::OnStreet => "OnStreetParking",
            Self::Spot => "ParkingSpot",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The entities of a kind, as keys and values, in the order of their ids.
pub fn entities(picture: &Picture, kind: Kind, variant: Variant, settings: &config::Feeds) -> Vec<Value> {
    match kind {
        Kind::Spot => picture.spots().map(|one| spot(one, variant, settings)).collect(),
        Kind::OffStreet | Kind::OnStreet => {
            let of_kind = picture.sites().filter(|site| kind_of(*site) == kind);
            of_kind.map(|one| site(one, picture, variant, settings)).collect()
        }
    }
}

fn kind_of(site: Site<'_>) -> Kind {
    if site.lot.kind == LotKind::Street { Kind::OnStreet } else { Kind::OffStreet }
}

/// The entity of an id; `None` if there is none such.
pub fn entity(picture: &Picture, id: &str, variant: Variant, settings: &config::Feeds) -> Option<Value> {
    let (kind, own) = id.strip_prefix("urn:ngsi-ld:")?.split_once(':')?;
    let own = own.strip_prefix(settings.city.as_str())?.strip_prefix(':')?;
    match Kind::parse(kind)? {
        Kind::Spot => {
            let found = picture.spots().find(|one| uid::of_space(&one.lot.id, &one.space.id) == own)?;
            Some(spot(found, variant, settings))
        }
        kind => {
            let found = picture.site(own).filter(|found| kind_of(*found) == kind)?;
            Some(site(found, picture, variant, settings))
        }
    }
}

fn urn(kind: Kind, own: &str, settings: &config::Feeds) -> String {
    format!("urn:ngsi-ld:{}:{}:{own}", kind.name(), settings.city)
}

fn site(site: Site<'_>, picture: &Picture, variant: Variant, settings: &config::Feeds) -> Value {
    let (kind, lot, place) = (kind_of(site), site.lot, site.place(variant.crs));
    let mut entity = Map::new();
    let mut put = |key: &str, value: Value| drop(entity.insert(key.to_owned(), value));
    put("id", json!(urn(kind, lot.id.as_str(), settings)));
    put("type", json!(kind.name()));
    put("name", json!(lot.name.get(variant.language())));
    put("location", json!({ "type": "Point", "coordinates": [degrees(place.x), degrees(place.y)] }));
    put("dataProvider", json!(settings.publisher));
    put("category", json!(categories(site)));
    put("allowedVehicleType", json!([if site.is_for_cars() { "car" } else { "bicycle" }]));
    put("totalSpotNumber", json!(site.judged.counts.capacity));
    put("occupancyDetectionType", json!([if site.by_spaces() { "singleSpaceDetection" } else { "balancing" }]));
    put("parkingSiteId", json!(lot.id));
    if kind == Kind::OffStreet {
        put("status", json!(statuses(site)));
        if let Some(hours) = &lot.opening_hours {
            put("openingHours", json!(hours));
        }
        if let Some(max_height_m) = lot.max_height_m.filter(|height_m| *height_m > 0.0) {
            put("maximumAllowedHeight", json!(max_height_m));
        }
    }
    if let Some(street) = lot.street.as_ref().and_then(|id| picture.city.streets.get(id)) {
        put("address", json!({ "streetAddress": street.name.get(variant.language()) }));
    }
    if kind == Kind::OnStreet {
        let own: Vec<String> = (lot.spaces.iter().filter(|space| space.location.is_some()))
            .map(|space| urn(Kind::Spot, &uid::of_space(&lot.id, &space.id), settings))
            .collect();
        if !own.is_empty() {
            put("refParkingSpot", json!(own));
        }
    }
    if let Some(counts) = site.live() {
        put("availableSpotNumber", json!(counts.free));
        put("occupiedSpotNumber", json!(counts.occupied));
        put("outOfServiceSlotNumber", json!(counts.out_of_service));
        if let Some(at) = counts.observed_at {
            put("occupancyModified", json!(rfc3339(at)));
            put("observationDateTime", json!(rfc3339(at)));
        }
    }
    Value::Object(entity)
}

fn categories(site: Site<'_>) -> Vec<&'static str> {
    let mut all = vec!["public"];
    let mut add = |use_, word| {
        if site.lot.uses.get(&use_).is_some_and(|places| *places > 0) {
            all.push(word);
        }
    };
    add(SpaceUse::Disabled, "forDisabled");
    add(SpaceUse::Charging, "forElectricalCharging");
    if site.lot.kind == LotKind::Street {
        add(SpaceUse::Loading, "forLoadUnload");
        add(SpaceUse::Taxi, "taxiStop");
    }
    all
}

fn statuses(site: Site<'_>) -> Vec<&'static str> {
    match (site.judged.opening, site.live()) {
        (Opening::OutOfHours, _) => vec!["closed"],
        (Opening::ByOperator, _) => vec!["closedAbnormal"],
        (Opening::Open, None) => vec!["open"],
        (Opening::Open, Some(_)) => match site.judged.level {
            Level::Full => vec!["open", "full"],
            Level::Few => vec!["open", "almostFull"],
            Level::Free => vec!["open", "spacesAvailable"],
            Level::Closed | Level::NoData => vec!["open"],
        },
    }
}

fn spot(spot: Spot<'_>, variant: Variant, settings: &config::Feeds) -> Value {
    let place = spot.place(variant.crs);
    let (site, category) = match spot.lot.kind {
        LotKind::Street => (Kind::OnStreet, "onStreet"),
        LotKind::Garage | LotKind::CarPark => (Kind::OffStreet, "offStreet"),
    };
    let status = match spot.state {
        SpotState::Free => "free",
        SpotState::Occupied => "occupied",
        SpotState::Unknown => "unknown",
        SpotState::Closed => "closed",
    };
    let mut entity = Map::new();
    let mut put = |key: &str, value: Value| drop(entity.insert(key.to_owned(), value));
    put("id", json!(urn(Kind::Spot, &uid::of_space(&spot.lot.id, &spot.space.id), settings)));
    put("type", json!(Kind::Spot.name()));
    put("name", json!(format!("{} {}", spot.lot.name.get(variant.language()), spot.space.id)));
    put("location", json!({ "type": "Point", "coordinates": [degrees(place.x), degrees(place.y)] }));
    put("status", json!(status));
    put("category", json!([category]));
    put("refParkingSite", json!(urn(site, spot.lot.id.as_str(), settings)));
    put("dataProvider", json!(settings.publisher));
    if spot.vehicle_class() == VehicleClass::NonMotor {
        put("description", json!("non-motor vehicles"));
    }
    if let Some(at) = spot.observed_at {
        put("timeInstant", json!(rfc3339(at)));
    }
    Value::Object(entity)
}

/// An entity with each attribute as a property, a place or a relationship.
pub fn normalized(entity: Value) -> Value {
    let Value::Object(entity) = entity else { return entity };
    let attributes = entity.into_iter().map(|(key, value)| {
        let value = match key.as_str() {
            "id" | "type" => value,
            "location" => json!({ "type": "GeoProperty", "value": value }),
            name if name.starts_with("ref") => json!({ "type": "Relationship", "object": value }),
            "occupancyModified" | "observationDateTime" | "timeInstant" => {
                json!({ "type": "Property", "value": { "@type": "DateTime", "@value": value } })
            }
            _ => json!({ "type": "Property", "value": value }),
        };
        (key, value)
    });
    Value::Object(attributes.collect())
}
