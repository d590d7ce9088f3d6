//! DATEX II tables and status, of version 2 (parking records, sites and spaces) and of version 3 (places and spaces): by the local
//! names of their elements, whatever prefix a publisher chose.

use geo::Coord;
use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesRef, BytesStart, Event},
};

use super::{Ill, Record};
use crate::domain::{lot::LotKind, observation::SpaceState, time::parse_rfc3339};

/// Deepest element that is read: a document of this kind has some twenty.
const MAX_DEPTH: usize = 100;

/// The elements that are a record each.
const RECORDS: [&str; 4] =
    ["parkingRecord", "hierarchyElementGeneral", "parkingRecordStatus", "parkingStatusInformation"];

/// The records of a document.
pub(super) fn records(body: &[u8]) -> Result<Vec<Record>, Ill> {
    let body = std::str::from_utf8(body).map_err(|_| Ill::Broken("it is not UTF-8".to_owned()))?;
    let mut reader = Reader::from_str(body.strip_prefix('\u{feff}').unwrap_or(body));
    let (mut path, mut records) = (Vec::<String>::new(), Vec::new());
    let (mut current, mut text): (Option<(usize, Record)>, String) = (None, String::new());
    let mut is_datex2 = false;
    let broken = |error: &dyn std::fmt::Display| Ill::Broken(error.to_string());
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => {
                text.clear();
                let name = local(&start);
                if path.is_empty() {
                    is_datex2 = ["d2LogicalModel", "payload", "messageContainer"].contains(&name.as_str());
                }
                path.push(name);
                if path.len() > MAX_DEPTH {
                    return Err(Ill::Other("its elements stand too deep".to_owned()));
                }
                begin(&start, &path, &mut current)?;
            }
            Event::Empty(start) => {
                path.push(local(&start));
                begin(&start, &path, &mut current)?;
                path.pop();
            }
            Event::Text(written) => text.push_str(&written),
            Event::GeneralRef(entity) => text.push_str(&entity_text(&entity)),
            Event::CData(written) => text.push_str(&written),
            Event::End(_) => {
                if let Some((_, record)) = &mut current {
                    take(record, &path, text.trim())?;
                }
                text.clear();
                if current.as_ref().is_some_and(|(depth, _)| *depth == path.len())
                    && let Some((_, record)) = current.take()
                {
                    records.push(record);
                }
                path.pop();
            }
            Event::DocType(_) => return Err(Ill::Other("it has a document type of its own".to_owned())),
            Event::Eof => break,
            _ => {}
        }
    }
    if !path.is_empty() {
        return Err(Ill::Broken(format!("it breaks off inside {}", path.join("/"))));
    }
    if !is_datex2 {
        return Err(Ill::Other("its root is none of DATEX II".to_owned()));
    }
    Ok(records)
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

/// The five entities of XML, and characters by number.
fn entity_text(entity: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return character.to_string();
    }
    match &**entity {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
    .to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.local_name().into_inner() == name)?;
    unescape(&found.value).ok().map(std::borrow::Cow::into_owned)
}

/// Begins a record, or takes what an element says by its attributes.
fn begin(start: &BytesStart<'_>, path: &[String], current: &mut Option<(usize, Record)>) -> Result<(), Ill> {
    let name = path.last().map_or("", String::as_str);
    match current {
        None if RECORDS.contains(&name) => {
            let id = attribute(start, "id").unwrap_or_default();
            *current = Some((path.len(), Record { id, ..Record::default() }));
        }
        Some((_, record)) if matches!(name, "parkingRecordReference" | "reference") && record.id.is_empty() => {
            record.id =
                attribute(start, "id").ok_or_else(|| Ill::Other("a status names no place to park".to_owned()))?;
        }
        Some((_, record)) if name == "parentId" => record.of_site = attribute(start, "id"),
        _ => {}
    }
    Ok(())
}

/// Takes what an element says by its text.
fn take(record: &mut Record, path: &[String], text: &str) -> Result<(), Ill> {
    let name = path.last().map_or("", String::as_str);
    let within = |outer: &str| path.iter().any(|element| element == outer);
    let lie = |record: &Record| Ill::Lying(format!("{}: {name} is {text:?}", record.id));
    let number = |record: &Record| text.parse::<f64>().map_err(|_| lie(record));
    let count = |record: &Record| text.parse::<u32>().map_err(|_| lie(record));
    match name {
        "value" if within("parkingName") || (within("name") && record.name.is_none()) => {
            record.name.get_or_insert_with(|| text.to_owned());
        }
        "latitude" => {
            let y = number(record)?;
            record.place.get_or_insert(Coord { x: f64::NAN, y }).y = y;
        }
        "longitude" => {
            let x = number(record)?;
            record.place.get_or_insert(Coord { x, y: f64::NAN }).x = x;
        }
        "quantity" if !within("supply") => {}
        "parkingNumberOfSpaces"
        | "spacesTotal"
        | "quantity"
        | "parkingNumberOfSpacesOverride"
        | "numberOfSpacesOverride" => {
            record.capacity = Some(count(record)?);
        }
        "parkingNumberOfVacantSpaces" | "numberOfVacantSpaces" => record.free = Some(count(record)?),
        "parkingNumberOfOccupiedSpaces" | "numberOfOccupiedSpaces" => record.occupied = Some(count(record)?),
        "parkingStatusOriginTime" | "lastUpdated" => {
            record.at = Some(parse_rfc3339(text).map_err(|_| lie(record))?);
        }
        "parkingSiteOpeningStatus" | "openingStatus" => {
            record.is_open = match text {
                "open" | "openingTimesInForce" | "openWithServiceLimitation" => Some(true),
                "statusUnknown" | "other" => None,
                _ => Some(false),
            };
        }
        "occupied" => record.state = Some(if text == "true" { SpaceState::Occupied } else { SpaceState::Free }),
        "urbanParkingSiteType" if text == "onStreetParking" => record.kind = Some(LotKind::Street),
        "parkingLayout" if record.kind.is_none() => {
            record.kind = Some(match text {
                "multiStorey" | "underground" | "undergroundAndMultistorey" | "automatedParkingGarage" => {
                    LotKind::Garage
                }
                _ => LotKind::CarPark,
            });
        }
        "structureType" => {
            record.kind = Some(match text {
                "onStreet" => LotKind::Street,
                "offStreetStructure" => LotKind::Garage,
                _ => LotKind::CarPark,
            });
        }
        // Hours stand as a text in our own table, in the syntax of OpenStreetMap.
        "value" if within("additionalInformation") => {
            if let Some(hours) = text.strip_prefix("opening_hours=") {
                record.opening_hours = Some(hours.to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"<d2LogicalModel xmlns="http://datex2.eu/schema/2/2_0" modelBaseVersion="2"><payloadPublication>
        <parkingRecordStatus><parkingRecordReference targetClass="ParkingRecord" id="A &amp; B" version="1"/>
        <parkingStatusOriginTime>2026-01-15T08:00:00+01:00</parkingStatusOriginTime>
        <parkingOccupancy><parkingNumberOfVacantSpaces>12</parkingNumberOfVacantSpaces></parkingOccupancy>
        <parkingSiteOpeningStatus>closedAbnormal</parkingSiteOpeningStatus></parkingRecordStatus></payloadPublication></d2LogicalModel>"#;

    #[test]
    fn a_status_of_version_two_is_read() {
        let records = records(STATUS.as_bytes()).unwrap();
        assert_eq!((records.len(), records[0].free, records[0].is_open), (1, Some(12), Some(false)));
        assert_eq!(records[0].at, parse_rfc3339("2026-01-15T07:00:00Z").ok());
    }

    #[test]
    fn a_document_that_breaks_off_or_is_none_of_datex_is_told_apart() {
        let half = &STATUS[..STATUS.len() / 2];
        assert!(matches!(records(half.as_bytes()), Err(Ill::Broken(_))), "{:?}", records(half.as_bytes()));
        assert!(matches!(records(b"<html></html>"), Err(Ill::Other(_))));
        assert!(matches!(records(b"<!DOCTYPE d [<!ENTITY x 'y'>]><payload/>"), Err(Ill::Other(_))));
        let wrong = STATUS.replace(">12<", ">many<");
        assert!(matches!(records(wrong.as_bytes()), Err(Ill::Lying(_))));
    }
}
