//! What a reader asks of the sites and spots: a box, a circle, a kind, and a page after a cursor.

use geo::{Coord, Distance, Haversine, Point};
use serde::Deserialize;

use super::datum::Crs;

/// Most items of one page, and how many where nothing is asked.
pub const MAX_LIMIT: usize = 1000;

/// The query of sites and spots, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SitesQuery {
    /// Only of this source, or of these, separated by commas.
    pub source_uid: Option<String>,
    /// The same, as older readers write it.
    pub source_uids: Option<String>,
    /// A part of the name, whatever the case.
    pub name: Option<String>,
    /// `CAR` or `BIKE`.
    pub purpose: Option<String>,
    /// Only of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Not of this type.
    pub not_type: Option<String>,
    /// The middle of a circle, degrees.
    pub lat: Option<String>,
    /// The middle of a circle, degrees.
    pub lon: Option<String>,
    /// The circle's radius, metres.
    pub radius: Option<String>,
    /// `west,south,east,north`, degrees.
    pub bbox: Option<String>,
    /// A side of a box, degrees.
    pub lat_min: Option<String>,
    /// A side of a box, degrees.
    pub lat_max: Option<String>,
    /// A side of a box, degrees.
    pub lon_min: Option<String>,
    /// A side of a box, degrees.
    pub lon_max: Option<String>,
    /// Most items, 1 to 1000.
    pub limit: Option<String>,
    /// The cursor of a page: what `next` of the page before says.
    pub start: Option<String>,
    /// `wgs84` or `gcj02`.
    pub crs: Option<String>,
    /// `zh` or `en`.
    pub lang: Option<String>,
}

/// A value of the query that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct QueryFault {
    /// The parameter.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// What was asked for, understood. Boxes and circles are WGS-84, whatever the answer is told in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Parts of names, in lower case.
    pub name: Option<String>,
    /// `CAR` or `BIKE`.
    pub purpose: Option<String>,
    /// Only of this type.
    pub kind: Option<String>,
    /// Not of this type.
    pub not_kind: Option<String>,
    /// Whether this city is asked for at all.
    pub other_source: bool,
    circle: Option<(Coord, f64)>,
    sides: [Option<f64>; 4],
    /// Most items of the page.
    pub limit: usize,
    /// Items after this uid.
    pub after: Option<String>,
}

impl SitesQuery {
    /// Reads the query; `city` is the name this city's feeds go by.
    pub fn read(&self, city: &str) -> Result<Asked, QueryFault> {
        let circle = match (&self.lat, &self.lon, &self.radius) {
            (None, None, None) => None,
            (Some(lat), Some(lon), Some(radius)) => {
                let middle = Coord { x: degrees("lon", lon, 180.0)?, y: degrees("lat", lat, 90.0)? };
                let within = radius.trim().parse().ok().filter(|radius_m| (0.0..=1_000_000.0).contains(radius_m));
                Some((middle, within.ok_or(fault("radius", "must be from 0 to 1000000 metres"))?))
            }
            _ => return Err(fault("radius", "needs lat, lon and radius together")),
        };
        let side =
            |field, text: &Option<String>, most| text.as_deref().map(|text| degrees(field, text, most)).transpose();
        let mut sides = [
            side("lon_min", &self.lon_min, 180.0)?,
            side("lat_min", &self.lat_min, 90.0)?,
            side("lon_max", &self.lon_max, 180.0)?,
            side("lat_max", &self.lat_max, 90.0)?,
        ];
        if let Some(text) = &self.bbox {
            let numbers: Vec<&str> = text.split(',').collect();
            let [west, south, east, north] = numbers[..] else {
                return Err(fault("bbox", "must be west,south,east,north in degrees"));
            };
            sides = [
                Some(degrees("bbox", west, 180.0)?),
                Some(degrees("bbox", south, 90.0)?),
                Some(degrees("bbox", east, 180.0)?),
                Some(degrees("bbox", north, 90.0)?),
            ];
        }
        if let [Some(west), _, Some(east), _] = sides
            && west > east
        {
            return Err(fault("bbox", "its west lies east of its east"));
        }
        if let [_, Some(south), _, Some(north)] = sides
            && south > north
        {
            return Err(fault("bbox", "its south lies north of its north"));
        }
        let limit = match &self.limit {
            None => MAX_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or(fault("limit", "must be from 1 to 1000"))?,
        };
        let sources = self.source_uids.as_deref().or(self.source_uid.as_deref());
        Ok(Asked {
            name: self.name.as_deref().map(str::to_lowercase),
            purpose: self.purpose.clone(),
            kind: self.kind.clone(),
            not_kind: self.not_type.clone(),
            other_source: sources.is_some_and(|sources| sources.split(',').all(|source| source.trim() != city)),
            circle,
            sides,
            limit,
            after: self.start.clone(),
        })
    }
}

impl Asked {
    /// Whether a WGS-84 place is asked for.
    pub fn admits(&self, place: Coord) -> bool {
        let [west, south, east, north] = self.sides;
        let inside = west.is_none_or(|west| place.x >= west)
            && south.is_none_or(|south| place.y >= south)
            && east.is_none_or(|east| place.x <= east)
            && north.is_none_or(|north| place.y <= north);
        inside
            && self.circle.is_none_or(|(middle, radius_m)| Haversine.distance(Point(middle), Point(place)) <= radius_m)
    }

    /// Whether a name, a purpose and a type are asked for.
    pub fn wants(&self, names: &[&str], purpose: &str, kind: &str) -> bool {
        !self.other_source
            && self.name.as_ref().is_none_or(|part| names.iter().any(|name| name.to_lowercase().contains(part)))
            && self.purpose.as_deref().is_none_or(|asked| asked == purpose)
            && self.kind.as_deref().is_none_or(|asked| asked == kind)
            && self.not_kind.as_deref() != Some(kind)
    }
}

/// One page of what was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: usize,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

impl Asked {
    /// Cuts the page out of everything asked for, which comes in the order of its uids.
    pub fn page<T>(&self, all: impl Iterator<Item = (String, T)>) -> Page<T> {
        let (mut items, mut total, mut next, mut last) = (Vec::new(), 0, None, None);
        for (uid, item) in all {
            total += 1;
            if self.after.as_ref().is_some_and(|after| uid <= *after) {
                continue;
            }
            if items.len() < self.limit {
                items.push(item);
                last = Some(uid);
            } else if next.is_none() {
                next.clone_from(&last);
            }
        }
        Page { items, total, next }
    }
}

/// The datum a query asks for.
pub fn crs(word: Option<&str>) -> Result<Crs, QueryFault> {
    word.map_or(Ok(Crs::Wgs84), |word| Crs::parse(word).ok_or(fault("crs", "must be wgs84 or gcj02")))
}

/// Whether a query asks for English.
pub fn english(word: Option<&str>) -> Result<bool, QueryFault> {
    match word {
        None | Some("zh" | "zh-CN") => Ok(false),
        Some("en") => Ok(true),
        Some(_) => Err(fault("lang", "must be zh or en")),
    }
}

fn fault(field: &'static str, reason: &'static str) -> QueryFault {
    QueryFault { field, reason }
}

fn degrees(field: &'static str, text: &str, most: f64) -> Result<f64, QueryFault> {
    let number = text.trim().parse().ok().filter(|number: &f64| number.abs() <= most);
    number.ok_or(fault(field, "must be degrees, longitude within 180 and latitude within 90"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, QueryFault> {
        let object: serde_json::Map<_, _> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), serde_json::Value::from(*value))).collect();
        serde_json::from_value::<SitesQuery>(object.into()).unwrap().read("town")
    }

    #[test]
    fn pages_meet_without_a_gap_and_without_a_double() {
        let all = || ["A", "B", "C", "D", "E"].into_iter().map(|uid| (uid.to_owned(), uid));
        let first = asked(&[("limit", "2")]).unwrap().page(all());
        assert_eq!((first.items.as_slice(), first.total, first.next.as_deref()), (&["A", "B"][..], 5, Some("B")));
        let second = asked(&[("limit", "2"), ("start", "B")]).unwrap().page(all());
        assert_eq!((second.items.as_slice(), second.next.as_deref()), (&["C", "D"][..], Some("D")));
        let last = asked(&[("limit", "2"), ("start", "D")]).unwrap().page(all());
        assert_eq!((last.items.as_slice(), last.next), (&["E"][..], None));
        // A lot that is gone by now is no hole in the walk.
        let walked = asked(&[("start", "Ba")]).unwrap().page(all());
        assert_eq!(walked.items, ["C", "D", "E"]);
    }

    #[test]
    fn a_box_and_a_circle_take_what_lies_in_them() {
        let inside = Coord { x: 8.4, y: 49.0 };
        for (pairs, admits) in [
            (vec![("bbox", "8,48,9,50")], true),
            (vec![("bbox", "8.5,48,9,50")], false),
            (vec![("lat_min", "48.9"), ("lat_max", "49.1")], true),
            (vec![("lon_min", "8.41")], false),
            (vec![("lat", "49.001"), ("lon", "8.4"), ("radius", "120")], true),
            (vec![("lat", "49.001"), ("lon", "8.4"), ("radius", "100")], false),
        ] {
            assert_eq!(asked(&pairs).unwrap().admits(inside), admits, "{pairs:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        for (pairs, field) in [
            (vec![("bbox", "1,2,3")], "bbox"),
            (vec![("bbox", "9,48,8,50")], "bbox"),
            (vec![("bbox", "8,50,9,48")], "bbox"),
            (vec![("bbox", "8,48,9,NaN")], "bbox"),
            (vec![("lat", "49")], "radius"),
            (vec![("lat", "149"), ("lon", "8"), ("radius", "1")], "lat"),
            (vec![("lat", "49"), ("lon", "8"), ("radius", "-1")], "radius"),
            (vec![("limit", "0")], "limit"),
            (vec![("limit", "1001")], "limit"),
        ] {
            assert_eq!(asked(&pairs).unwrap_err().field, field, "{pairs:?}");
        }
        assert!(crs(Some("bd09")).is_err() && english(Some("de")).is_err());
    }
}
