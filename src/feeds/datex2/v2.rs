//! DATEX II 2.3: the parking table and the parking status as extensions of a generic publication, for cars.

use super::{fault, fullness, language, opening, percent, texts};
use crate::{
    config,
    domain::{lot::LotKind, time::rfc3339},
    feeds::{
        datum::degrees,
        picture::{Picture, Site},
        press::Variant,
        xml::Xml,
    },
};

/// The countries the schema knows.
const COUNTRIES: [&str; 44] = [
    "at", "be", "bg", "ch", "cs", "cy", "cz", "de", "dk", "ee", "es", "fi", "fo", "fr", "gb", "gg", "gi", "gr", "hr",
    "hu", "ie", "im", "is", "it", "je", "li", "lt", "lu", "lv", "ma", "mc", "mk", "mt", "nl", "no", "pl", "pt", "ro",
    "se", "si", "sk", "sm", "tr", "va",
];

fn publication(name: &str, picture: &Picture, settings: &config::Feeds, content: impl FnOnce(&mut Xml)) -> Vec<u8> {
    let mut xml = Xml::document();
    let country = settings.country.to_lowercase();
    let country = COUNTRIES.into_iter().find(|known| *known == country).unwrap_or("other");
    let identifier = |xml: &mut Xml, element: &str| {
        xml.inside(element, &[], |xml| {
            xml.leaf("country", country);
            xml.leaf("nationalIdentifier", &settings.publisher);
        });
    };
    let root = [
        ("xmlns", "http://datex2.eu/schema/2/2_0"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("modelBaseVersion", "2"),
    ];
    xml.inside("d2LogicalModel", &root, |xml| {
        xml.inside("exchange", &[], |xml| identifier(xml, "supplierIdentification"));
        let generic = [("xsi:type", "GenericPublication"), ("lang", language(settings))];
        xml.inside("payloadPublication", &generic, |xml| {
            xml.leaf("publicationTime", rfc3339(picture.at));
            identifier(xml, "publicationCreator");
            xml.leaf("genericPublicationName", name);
            xml.inside("genericPublicationExtension", &[], content);
        });
    });
    xml.into_bytes()
}

fn header(xml: &mut Xml) {
    xml.inside("headerInformation", &[], |xml| {
        xml.leaf("confidentiality", "noRestriction");
        xml.leaf("informationStatus", "real");
    });
}

/// The car parks.
pub fn table(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let version = super::v3::version(picture);
    publication("ParkingTablePublication", picture, settings, |xml| {
        xml.inside("parkingTablePublication", &[], |xml| {
            header(xml);
            xml.inside("parkingTable", &[("id", &settings.city), ("version", &version)], |xml| {
                texts(xml, ["parkingTableName", ""], &picture.city.name, settings);
                xml.leaf("parkingTableVersionTime", rfc3339(picture.static_at));
                for site in picture.sites().filter(|site| site.is_for_cars()) {
                    let attributes =
                        [("xsi:type", "UrbanParkingSite"), ("id", site.lot.id.as_str()), ("version", &version)];
                    xml.inside("parkingRecord", &attributes, |xml| record(xml, site, picture, variant, settings));
                }
            });
        });
    })
}

fn record(xml: &mut Xml, site: Site<'_>, picture: &Picture, variant: Variant, settings: &config::Feeds) {
    texts(xml, ["parkingName", ""], &site.lot.name, settings);
    xml.leaf("parkingRecordVersionTime", rfc3339(picture.static_at));
    xml.leaf("parkingNumberOfSpaces", site.judged.counts.capacity);
    let place = site.place(variant.crs);
    xml.inside("parkingLocation", &[("xsi:type", "Point")], |xml| {
        xml.inside("pointByCoordinates", &[], |xml| {
            xml.inside("pointCoordinates", &[], |xml| {
                xml.leaf("latitude", degrees(place.y));
                xml.leaf("longitude", degrees(place.x));
            });
        });
    });
    let (layout, kind) = match site.lot.kind {
        LotKind::Garage => ("multiStorey", "offStreetParking"),
        LotKind::CarPark => ("openSpace", "offStreetParking"),
        LotKind::Street => ("singleLevel", "onStreetParking"),
    };
    xml.leaf("parkingLayout", layout);
    if site.lot.opening_hours.is_none() {
        xml.inside("openingTimes", &[], |xml| {
            xml.leaf("openAllYear", true);
            xml.leaf("available24hours", true);
        });
    }
    xml.leaf("urbanParkingSiteType", kind);
}

/// What is free now.
pub fn status(picture: &Picture, settings: &config::Feeds) -> Vec<u8> {
    let version = super::v3::version(picture);
    publication("ParkingStatusPublication", picture, settings, |xml| {
        xml.inside("parkingStatusPublication", &[], |xml| {
            let table = [("targetClass", "ParkingTable"), ("id", settings.city.as_str()), ("version", &version)];
            xml.empty("parkingTableReference", &table);
            header(xml);
            for site in picture.sites().filter(|site| site.is_for_cars()) {
                xml.inside("parkingRecordStatus", &[("xsi:type", "ParkingSiteStatus")], |xml| {
                    record_status(xml, site, picture, &version);
                });
            }
        });
    })
}

fn record_status(xml: &mut Xml, site: Site<'_>, picture: &Picture, version: &str) {
    let own = [("targetClass", "ParkingRecord"), ("id", site.lot.id.as_str()), ("version", version)];
    xml.empty("parkingRecordReference", &own);
    xml.leaf("parkingStatusOriginTime", rfc3339(site.judged.counts.observed_at.unwrap_or(picture.at)));
    if let Some(fault) = fault(site) {
        xml.leaf("parkingFault", fault);
    }
    xml.inside("parkingOccupancy", &[], |xml| {
        // Readers that know this element want something in it, also where nothing is known of what is free.
        xml.leaf("parkingNumberOfSpacesOverride", site.judged.counts.capacity);
        if let Some(counts) = site.live() {
            xml.leaf("parkingNumberOfVacantSpaces", counts.free);
            xml.leaf("parkingNumberOfOccupiedSpaces", counts.occupied);
            if let Some(percent) = percent(counts) {
                xml.leaf("parkingOccupancy", percent);
            }
        }
    });
    xml.leaf("parkingSiteStatus", site.live().map_or("unknown", fullness));
    xml.leaf("parkingSiteOpeningStatus", opening(site, "closedAbnormal"));
}
