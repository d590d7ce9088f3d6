//! DATEX II 3.7: `ParkingTablePublication` and `ParkingStatusPublication`.

use geo::Coord;

use super::{fault, fullness, language, opening, percent, texts};
use crate::{
    config,
    domain::{
        lot::{LotKind, VehicleClass},
        time::rfc3339,
    },
    feeds::{
        datum::degrees,
        picture::{Picture, Site, Spot, SpotState},
        press::Variant,
        uid,
        xml::Xml,
    },
};

const NAMESPACES: [(&str, &str); 7] = [
    ("xmlns:d2", "http://datex2.eu/schema/3/d2Payload"),
    ("xmlns:com", "http://datex2.eu/schema/3/common"),
    ("xmlns:prk", "http://datex2.eu/schema/3/parking"),
    ("xmlns:fac", "http://datex2.eu/schema/3/facilities"),
    ("xmlns:loc", "http://datex2.eu/schema/3/locationReferencing"),
    ("xmlns:vms", "http://datex2.eu/schema/3/vms"),
    ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
];

/// A publication: its frame, and what stands in it.
pub(super) fn publication(
    kind: &str,
    picture: &Picture,
    settings: &config::Feeds,
    content: impl FnOnce(&mut Xml),
) -> Vec<u8> {
    let mut xml = Xml::document();
    let mut attributes = NAMESPACES.to_vec();
    attributes.extend([("xsi:type", kind), ("lang", language(settings)), ("modelBaseVersion", "3")]);
    xml.inside("d2:payload", &attributes, |xml| {
        xml.leaf("com:publicationTime", rfc3339(picture.at));
        xml.inside("com:publicationCreator", &[], |xml| {
            xml.leaf("com:country", &settings.country);
            xml.leaf("com:nationalIdentifier", &settings.publisher);
        });
        content(xml);
    });
    xml.into_bytes()
}

/// The version of everything that comes from the city file.
pub(super) fn version(picture: &Picture) -> String {
    picture.static_at.timestamp().to_string()
}

/// The lots and bays.
pub fn table(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let version = version(picture);
    publication("prk:ParkingTablePublication", picture, settings, |xml| {
        xml.inside("prk:parkingTable", &[("id", &settings.city), ("version", &version)], |xml| {
            texts(xml, ["prk:name", "com:"], &picture.city.name, settings);
            xml.leaf("prk:versionTime", rfc3339(picture.static_at));
            for site in picture.sites() {
                let attributes = [("xsi:type", "prk:Place"), ("id", site.lot.id.as_str()), ("version", &version)];
                xml.inside("prk:hierarchyElementGeneral", &attributes, |xml| place(xml, site, variant, settings));
            }
            for spot in picture.spots() {
                let id = uid::of_space(&spot.lot.id, &spot.space.id);
                let attributes = [("xsi:type", "prk:Space"), ("id", id.as_str()), ("version", &version)];
                xml.inside("prk:hierarchyElementGeneral", &attributes, |xml| {
                    location(xml, spot.place(variant.crs));
                    xml.leaf("prk:layer", 1);
                    xml.leaf("prk:type", "space");
                    let parent =
                        [("targetClass", "fac:FacilityObject"), ("id", spot.lot.id.as_str()), ("version", &version)];
                    xml.empty("prk:parentId", &parent);
                });
            }
        });
    })
}

fn place(xml: &mut Xml, site: Site<'_>, variant: Variant, settings: &config::Feeds) {
    texts(xml, ["fac:name", "com:"], &site.lot.name, settings);
    match &site.lot.opening_hours {
        // The model has no room for the rule itself: it stands as a text, in the syntax of OpenStreetMap.
        Some(hours) => xml.inside("fac:additionalInformation", &[], |xml| {
            xml.inside("com:values", &[], |xml| {
                xml.leaf_with("com:value", &[("lang", "en")], format_args!("opening_hours={hours}"));
            });
        }),
        None => xml.empty("fac:operatingHours", &[("xsi:type", "fac:OpenAllHours")]),
    }
    location(xml, site.place(variant.crs));
    if site.lot.vehicle_class == VehicleClass::NonMotor {
        xml.inside("fac:applicableForVehicles", &[], |xml| xml.leaf("com:vehicleType", "bicycle"));
    }
    xml.leaf("prk:layer", 0);
    xml.leaf("prk:type", "place");
    xml.inside("prk:supply", &[], |xml| {
        xml.leaf("prk:quantity", site.judged.counts.capacity);
        xml.leaf("prk:viewType", "spaceView");
    });
    xml.inside("prk:commonComponents", &[], |xml| {
        xml.inside("prk:characteristics", &[], |xml| {
            xml.leaf("prk:structureType", structure(site.lot.kind));
            xml.leaf("prk:spacesTotal", site.judged.counts.capacity);
        });
    });
}

fn location(xml: &mut Xml, place: Coord) {
    xml.inside("fac:locationReference", &[("xsi:type", "loc:PointLocation")], |xml| {
        xml.inside("loc:coordinatesForDisplay", &[], |xml| {
            xml.leaf("loc:latitude", degrees(place.y));
            xml.leaf("loc:longitude", degrees(place.x));
        });
    });
}

fn structure(kind: LotKind) -> &'static str {
    match kind {
        LotKind::Garage => "offStreetStructure",
        LotKind::CarPark => "offStreetSurface",
        LotKind::Street => "onStreet",
    }
}

/// What is free now; bays nobody knows of are left out.
pub fn status(picture: &Picture, settings: &config::Feeds) -> Vec<u8> {
    let version = version(picture);
    publication("prk:ParkingStatusPublication", picture, settings, |xml| {
        let table = [("targetClass", "prk:ParkingTable"), ("id", settings.city.as_str()), ("version", &version)];
        xml.empty("prk:parkingTableReference", &table);
        for site in picture.sites() {
            xml.inside("prk:parkingStatusInformation", &[("xsi:type", "prk:PlaceStatus")], |xml| {
                place_status(xml, site, &version);
            });
        }
        for spot in picture.spots() {
            if let (SpotState::Free | SpotState::Occupied, Some(at)) = (spot.state, spot.observed_at) {
                xml.inside("prk:parkingStatusInformation", &[("xsi:type", "prk:SpaceStatus")], |xml| {
                    space_status(xml, spot, &rfc3339(at), &version);
                });
            }
        }
    })
}

fn reference(xml: &mut Xml, id: &str, version: &str) {
    xml.empty("fac:reference", &[("targetClass", "fac:FacilityObject"), ("id", id), ("version", version)]);
}

fn place_status(xml: &mut Xml, site: Site<'_>, version: &str) {
    reference(xml, site.lot.id.as_str(), version);
    if let Some(at) = site.judged.counts.observed_at {
        xml.leaf("fac:lastUpdated", rfc3339(at));
    }
    xml.leaf("fac:openingStatus", opening(site, "temporarilyClosed"));
    if let Some(fault) = fault(site) {
        xml.leaf("prk:parkingFault", fault);
    }
    if let Some(counts) = site.live() {
        xml.inside("prk:occupancy", &[], |xml| {
            xml.leaf("prk:numberOfVacantSpaces", counts.free);
            xml.leaf("prk:numberOfOccupiedSpaces", counts.occupied);
            if let Some(percent) = percent(counts) {
                xml.leaf("prk:occupancy", percent);
            }
        });
    }
    xml.leaf("prk:status", site.live().map_or("unknown", fullness));
}

fn space_status(xml: &mut Xml, spot: Spot<'_>, at: &str, version: &str) {
    reference(xml, &uid::of_space(&spot.lot.id, &spot.space.id), version);
    xml.leaf("fac:lastUpdated", at);
    xml.leaf("prk:occupied", spot.state == SpotState::Occupied);
    xml.leaf("prk:measurementOrCalculationTime", at);
}
