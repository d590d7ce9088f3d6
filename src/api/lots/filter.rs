//! Which lots a caller asks for: a box on the map, or a circle around a place.

use geo::{Coord, Distance, Haversine, Point};
use serde::Deserialize;

use crate::api::Problem;

/// A forecast reaches no further, seconds.
const MOST_AHEAD_S: u32 = 86_000;

/// The query of `GET /api/v1/lots`, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LotsQuery {
    /// `west,south,east,north` in degrees.
    pub bbox: Option<String>,
    /// `lon,lat` in degrees.
    pub near: Option<String>,
    /// Only lots at most this far from `near`, metres.
    pub radius_m: Option<String>,
    /// With `near`: the arrival to tell of, seconds from now; by the way from `near` when absent.
    pub arrive_in_s: Option<String>,
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

impl QueryFault {
    pub(in crate::api) fn new(field: &'static str, reason: &'static str) -> Self {
        Self { field, reason }
    }
}

impl From<QueryFault> for Problem {
    fn from(fault: QueryFault) -> Self {
        Self::bad_request(fault.to_string()).field(fault.field, fault.reason)
    }
}

/// What was asked for, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    bbox: Option<[f64; 4]>,
    near: Option<Coord>,
    radius_m: Option<f64>,
    /// The arrival that is asked about, where it does not go by the way.
    pub(in crate::api) arrive_in_s: Option<u32>,
}

impl Filter {
    /// Reads the query.
    pub fn read(query: &LotsQuery) -> Result<Self, QueryFault> {
        let bbox = query.bbox.as_deref().map(read_bbox).transpose()?;
        let near = query.near.as_deref().map(read_near).transpose()?;
        let radius_m = query.radius_m.as_deref().map(read_radius).transpose()?;
        if radius_m.is_some() && near.is_none() {
            return Err(QueryFault::new("radius_m", "needs near=lon,lat"));
        }
        let arrive_in_s = query.arrive_in_s.as_deref().map(read_arrival).transpose()?;
        if arrive_in_s.is_some() && near.is_none() {
            return Err(QueryFault::new("arrive_in_s", "needs near=lon,lat"));
        }
        Ok(Self { bbox, near, radius_m, arrive_in_s })
    }

    /// Whether a lot at this place is asked for.
    pub(super) fn admits(&self, place: Coord) -> bool {
        if let Some([west, south, east, north]) = self.bbox
            && !((west..=east).contains(&place.x) && (south..=north).contains(&place.y))
        {
            return false;
        }
        match (self.distance_m(place), self.radius_m) {
            (Some(distance_m), Some(radius_m)) => distance_m <= radius_m,
            _ => true,
        }
    }

    /// How far a place is from `near`, metres, to the decimetre; `None` if nothing was asked near.
    pub(super) fn distance_m(&self, place: Coord) -> Option<f64> {
        let near = self.near?;
        Some((Haversine.distance(Point(near), Point(place)) * 10.0).round() / 10.0)
    }
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let numbers: [f64; N] = numbers?.try_into().ok()?;
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

fn is_place(lon: f64, lat: f64) -> bool {
    lon.abs() <= 180.0 && lat.abs() <= 90.0
}

fn read_bbox(text: &str) -> Result<[f64; 4], QueryFault> {
    let fault = |reason| Err(QueryFault::new("bbox", reason));
    let Some(bbox) = numbers(text) else { return fault("must be west,south,east,north in degrees") };
    let [west, south, east, north] = bbox;
    if !is_place(west, south) || !is_place(east, north) {
        return fault("must lie within -180..180 and -90..90");
    }
    if west > east || south > north {
        return fault("must be west,south,east,north with west <= east and south <= north");
    }
    Ok(bbox)
}

fn read_near(text: &str) -> Result<Coord, QueryFault> {
    let [x, y] = numbers(text).ok_or_else(|| QueryFault::new("near", "must be lon,lat in degrees"))?;
    if !is_place(x, y) {
        return Err(QueryFault::new("near", "must lie within -180..180 and -90..90: longitude comes first"));
    }
    Ok(Coord { x, y })
}

fn read_radius(text: &str) -> Result<f64, QueryFault> {
    let within = text.trim().parse().ok().filter(|radius_m| (0.0..=1_000_000.0).contains(radius_m));
    within.ok_or_else(|| QueryFault::new("radius_m", "must be from 0 to 1000000 metres"))
}

fn read_arrival(text: &str) -> Result<u32, QueryFault> {
    let within = text.trim().parse().ok().filter(|seconds| (0..=MOST_AHEAD_S).contains(seconds));
    within.ok_or_else(|| QueryFault::new("arrive_in_s", "must be from 0 to 86000 seconds"))
}
