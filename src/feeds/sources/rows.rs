//! Records out of rows: the items of ParkAPI, the features of GeoJSON, the lines of CSV.

use std::collections::BTreeMap;

use geo::Coord;
use serde_json::{Map, Value};

use super::{
    Ill, Record,
    mapping::{Mapping, Row},
};
use crate::domain::{
    lot::{LotKind, SpaceUse},
    observation::SpaceState,
    time::{Instant, parse_rfc3339},
};

/// The records of a JSON document: ParkAPI's `items`, or GeoJSON.
pub(super) fn of_json(body: &[u8], mapping: &Mapping) -> Result<Vec<Record>, Ill> {
    let document: Value = serde_json::from_slice(body).map_err(|error| Ill::Broken(error.to_string()))?;
    let Value::Object(document) = document else { return Err(Ill::Other("it is no JSON object".to_owned())) };
    if let Some(items) = document.get("items").and_then(Value::as_array) {
        return items
            .iter()
            .map(|item| {
                let item = item.as_object().ok_or_else(|| Ill::Other("an item is no object".to_owned()))?;
                record(item, None, mapping)
            })
            .collect();
    }
    if document.get("type").and_then(Value::as_str) == Some("FeatureCollection") {
        let features = document.get("features").and_then(Value::as_array);
        let features = features.ok_or_else(|| Ill::Other("the collection has no features".to_owned()))?;
        return features.iter().map(|feature| of_feature(feature, mapping)).collect();
    }
    Err(Ill::Other("it has neither items nor features".to_owned()))
}

fn of_feature(feature: &Value, mapping: &Mapping) -> Result<Record, Ill> {
    let empty = Map::new();
    let properties = feature.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut properties = properties.clone();
    // A mapping may name the feature's own id.
    if let Some(id) = feature.get("id") {
        properties.entry("@id").or_insert_with(|| id.clone());
    }
    let place = feature.get("geometry").and_then(middle);
    record(&properties, place, mapping)
}

/// The middle of a geometry's positions.
fn middle(geometry: &Value) -> Option<Coord> {
    fn gather(value: &Value, found: &mut Vec<Coord>) {
        let Some(items) = value.as_array() else { return };
        match (items.first().and_then(Value::as_f64), items.get(1).and_then(Value::as_f64)) {
            (Some(x), Some(y)) => found.push(Coord { x, y }),
            _ => items.iter().for_each(|item| gather(item, found)),
        }
    }
    let mut found = Vec::new();
    gather(geometry.get("coordinates")?, &mut found);
    // A ring's last position is its first.
    if found.len() > 1 && found.first() == found.last() {
        found.pop();
    }
    let count = found.len() as f64;
    (!found.is_empty()).then(|| Coord {
        x: found.iter().map(|place| place.x).sum::<f64>() / count,
        y: found.iter().map(|place| place.y).sum::<f64>() / count,
    })
}

/// The records of a CSV file with a head line.
pub(super) fn of_csv(body: &[u8], mapping: &Mapping) -> Result<Vec<Record>, Ill> {
    let text = std::str::from_utf8(body).map_err(|_| Ill::Broken("it is not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = csv_lines(text)?.into_iter();
    let head = lines.next().ok_or(Ill::Empty)?;
    let key = mapping.column("id");
    if !head.iter().any(|column| column == key) {
        return Err(Ill::Other(format!("its head line has no column {key:?}")));
    }
    lines
        .map(|line| {
            if line.len() != head.len() {
                return Err(Ill::Broken(format!("a line has {} fields, its head {}", line.len(), head.len())));
            }
            let row: BTreeMap<String, String> = head.iter().cloned().zip(line).collect();
            record(&row, None, mapping)
        })
        .collect()
}

/// Splits CSV (RFC 4180) into lines of fields; a semicolon separates where the head line has one and no comma.
fn csv_lines(text: &str) -> Result<Vec<Vec<String>>, Ill> {
    let first = text.lines().next().unwrap_or_default();
    let separator = if first.contains(';') && !first.contains(',') { ';' } else { ',' };
    let (mut lines, mut line, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => line.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err(Ill::Broken("a quotation mark is never closed".to_owned()));
    }
    if !field.is_empty() || !line.is_empty() {
        line.push(field);
        lines.push(line);
    }
    lines.retain(|line| line.len() > 1 || line.iter().any(|field| !field.is_empty()));
    Ok(lines)
}

fn record(row: &dyn Row, place: Option<Coord>, mapping: &Mapping) -> Result<Record, Ill> {
    let id = mapping.text("id", row).ok_or_else(|| Ill::Other(format!("a record has no {}", mapping.column("id"))))?;
    let id = id.trim().to_owned();
    let lie = |what: &str| Ill::Lying(format!("{id}: {what}"));
    let whole = |field: &str| -> Result<Option<u32>, Ill> {
        let Some(text) = mapping.text(field, row) else { return Ok(None) };
        let number: f64 = text.trim().parse().map_err(|_| lie(&format!("{field} is {text:?}, no number")))?;
        if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
            return Err(lie(&format!("{field} is {number}")));
        }
        Ok(Some(number as u32))
    };
    let real = |field: &str| -> Result<Option<f64>, Ill> {
        let Some(text) = mapping.text(field, row) else { return Ok(None) };
        // A comma stands for the point in some countries.
        let number: Option<f64> = text.trim().replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(|| lie(&format!("{field} is {text:?}, no number")))
    };
    let place = match (place, real("lon")?, real("lat")?) {
        (Some(place), _, _) => Some(place),
        (None, Some(x), Some(y)) => Some(Coord { x, y }),
        _ => None,
    };
    let at = mapping.text("at", row).map(|text| instant(text.trim()).ok_or_else(|| lie(&format!("at is {text:?}"))));
    let is_live = mapping.says("live", row) != Some(false);
    let state = match (mapping.says("bay_free", row), mapping.says("bay_taken", row)) {
        (Some(true), _) => Some(SpaceState::Free),
        (_, Some(true)) => Some(SpaceState::Occupied),
        (None, None) => None,
        _ => Some(SpaceState::Unknown),
    };
    let kind = match (mapping.says("garage", row), mapping.says("street", row)) {
        (Some(true), _) => Some(LotKind::Garage),
        (_, Some(true)) => Some(LotKind::Street),
        (None, None) => None,
        _ => Some(LotKind::CarPark),
    };
    let height = real("max_height_m")?.or(real("max_height_cm")?.map(|cm| cm / 100.0));
    let mut uses = Vec::new();
    for (field, use_) in [("disabled", SpaceUse::Disabled), ("charging", SpaceUse::Charging)] {
        if let Some(places) = whole(field)? {
            uses.push((use_, places));
        }
    }
    Ok(Record {
        name: mapping.text("name", row).map(|name| name.trim().to_owned()),
        place,
        kind,
        capacity: whole("capacity")?,
        free: if is_live { whole("free")? } else { None },
        occupied: if is_live { whole("occupied")? } else { None },
        is_open: mapping.says("closed", row).map(|closed| !closed),
        at: at.transpose()?,
        opening_hours: mapping.text("opening_hours", row).map(|hours| hours.trim().to_owned()),
        max_height_m: height.filter(|height_m| *height_m > 0.0),
        uses,
        of_site: mapping.text("site", row).map(|site| site.trim().to_owned()),
        state: if is_live { state } else { None },
        id,
    })
}

/// RFC 3339, or the same without a zone, which then is UTC.
fn instant(text: &str) -> Option<Instant> {
    parse_rfc3339(text).ok().or_else(|| parse_rfc3339(&format!("{text}Z")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(pairs: &[(&str, &str)]) -> Mapping {
        Mapping::of(&pairs.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned())).collect())
    }

    #[test]
    fn a_table_is_read_by_its_mapping() {
        let table = "nr;name;plätze;frei;zustand;breite;länge;höhe\r\n7;\"Am Markt; Nord\";120;33;offen;49,0069;8,4037;1,85\r\n8;Bahnhof;40;;zu;49.0;8.4;\r\n";
        let own = [
            ("id", "nr"),
            ("capacity", "plätze"),
            ("free", "frei"),
            ("closed", "zustand=zu"),
            ("lat", "breite"),
            ("lon", "länge"),
            ("max_height_m", "höhe"),
        ];
        let records = of_csv(table.as_bytes(), &mapping(&own)).unwrap();
        let first = &records[0];
        assert_eq!((first.id.as_str(), first.name.as_deref()), ("7", Some("Am Markt; Nord")));
        assert_eq!(
            (first.capacity, first.free, first.is_open, first.max_height_m),
            (Some(120), Some(33), Some(true), Some(1.85))
        );
        assert_eq!(first.place, Some(Coord { x: 8.4037, y: 49.0069 }));
        assert_eq!((records[1].free, records[1].is_open), (None, Some(false)));
    }

    #[test]
    fn a_table_that_breaks_off_or_is_another_is_told_apart() {
        let own = mapping(&[("id", "nr")]);
        assert!(matches!(of_csv(b"nr,name\n1,\"never closed\n", &own), Err(Ill::Broken(_))));
        assert!(matches!(of_csv(b"nr,name\n1\n", &own), Err(Ill::Broken(_))));
        assert!(matches!(of_csv(b"a,b\n1,2\n", &own), Err(Ill::Other(_))));
        assert!(matches!(of_csv(b"", &own), Err(Ill::Empty)));
        assert!(matches!(of_csv(b"nr,capacity\n1,many\n", &own), Err(Ill::Lying(_))));
        assert!(matches!(of_csv(b"nr,capacity\n1,-4\n", &own), Err(Ill::Lying(_))));
        assert!(matches!(of_csv(b"nr,capacity\n1,1.5\n", &own), Err(Ill::Lying(_))));
    }

    #[test]
    fn a_polygon_stands_at_the_middle_of_its_corners() {
        let square = serde_json::json!({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]});
        assert_eq!(middle(&square), Some(Coord { x: 1.0, y: 1.0 }));
    }
}
