//! GeoJSON geometries of the city file, checked: WGS-84 ranges, longitude first, closed and simple rings.

use geo::kernels::{Kernel, Orientation, RobustKernel};
use geo::{
    Area, BoundingRect, Centroid, Contains, Coord, Geometry, GeometryCollection, InteriorPoint, Intersects, Line,
    LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};
use serde_json::Value;

use super::field::Field;

/// Most positions of one geometry.
pub const MAX_POSITIONS: usize = 20_000;

/// Most holes of one polygon.
const MAX_HOLES: usize = 100;

/// Which types of geometry a feature may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `Point`.
    Point,
    /// `Polygon`.
    Polygon,
    /// `LineString`.
    Line,
    /// `Point` or `Polygon`.
    PointOrPolygon,
    /// `Polygon` or `MultiPolygon`.
    Area,
    /// Any type but a collection.
    Any,
}

impl Shape {
    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Point => &["Point"],
            Self::Polygon => &["Polygon"],
            Self::Line => &["LineString"],
            Self::PointOrPolygon => &["Point", "Polygon"],
            Self::Area => &["Polygon", "MultiPolygon"],
            Self::Any => &["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"],
        }
    }
}

/// Reads a geometry object of one of the allowed types.
pub(super) fn read(field: &Field<'_>, shape: Shape) -> Option<Geometry> {
    let mut object = field.object()?;
    let kind = object.need("type").and_then(|field| field.text());
    let coordinates = object.need("coordinates");
    object.may("bbox");
    object.finish();
    let (kind, coordinates) = (kind?, coordinates?);
    if !shape.allowed().contains(&kind) {
        field.fault_at("type", format_args!("must be {}, not {kind:?}", shape.allowed().join(" or ")));
        return None;
    }
    let mut reading = Reading { positions: 0 };
    reading.geometry(kind, coordinates.value()).map_err(|reason| coordinates.fault(reason)).ok()
}

/// Reads a bare `[lon, lat]`.
pub(super) fn read_position(field: &Field<'_>) -> Option<Coord> {
    position(field.value()).map_err(|reason| field.fault(reason)).ok()
}

/// A geometry's areas; none for points and lines.
pub(super) fn areas(geometry: Geometry) -> MultiPolygon {
    match geometry {
        Geometry::Polygon(polygon) => polygon.into(),
        Geometry::MultiPolygon(polygons) => polygons,
        _ => MultiPolygon::new(Vec::new()),
    }
}

/// The point that stands for a geometry on a map: its centroid, or a point inside where the centroid lies outside.
pub(super) fn representative(geometry: &Geometry) -> Option<Coord> {
    let centroid = geometry.centroid()?;
    let inside = match geometry {
        Geometry::Polygon(polygon) if !polygon.contains(&centroid) => polygon.interior_point().unwrap_or(centroid),
        _ => centroid,
    };
    Some(inside.0)
}

struct Reading {
    positions: usize,
}

impl Reading {
    fn geometry(&mut self, kind: &str, value: &Value) -> Result<Geometry, String> {
        Ok(match kind {
            "Point" => Point(self.position(value)?).into(),
            "MultiPoint" => MultiPoint(self.positions(value)?.into_iter().map(Point).collect()).into(),
            "LineString" => self.line(value)?.into(),
            "MultiLineString" => {
                MultiLineString(array(value)?.iter().map(|line| self.line(line)).collect::<Result<_, _>>()?).into()
            }
            "Polygon" => self.polygon(value)?.into(),
            "MultiPolygon" => self.multi_polygon(value)?.into(),
            _ => Geometry::GeometryCollection(GeometryCollection::default()),
        })
    }

    fn position(&mut self, value: &Value) -> Result<Coord, String> {
        self.positions += 1;
        if self.positions > MAX_POSITIONS {
            return Err(format!("has more than {MAX_POSITIONS} positions"));
        }
        position(value)
    }

    fn positions(&mut self, value: &Value) -> Result<Vec<Coord>, String> {
        let positions = array(value)?;
        let read = |(index, value)| self.position(value).map_err(|reason| format!("position {index}: {reason}"));
        positions.iter().enumerate().map(read).collect()
    }

    fn line(&mut self, value: &Value) -> Result<LineString, String> {
        let line = self.positions(value)?;
        let first = line.first().copied();
        if line.iter().all(|position| Some(*position) == first) {
            return Err("a line needs at least two different positions".to_owned());
        }
        Ok(LineString(line))
    }

    fn ring(&mut self, value: &Value) -> Result<LineString, String> {
        let ring = LineString(self.positions(value)?);
        if ring.0.len() < 4 {
            return Err(format!("a ring needs at least 4 positions, this one has {}", ring.0.len()));
        }
        if ring.0.first() != ring.0.last() {
            return Err("a ring must be closed: its last position is its first".to_owned());
        }
        if crosses_itself(&ring) || Polygon::new(ring.clone(), Vec::new()).unsigned_area() <= 0.0 {
            return Err("a ring must not cross or touch itself".to_owned());
        }
        Ok(ring)
    }

    fn polygon(&mut self, value: &Value) -> Result<Polygon, String> {
        let mut rings = array(value)?.iter().map(|ring| self.ring(ring)).collect::<Result<Vec<_>, _>>()?;
        if rings.is_empty() {
            return Err("a polygon needs an outer ring".to_owned());
        }
        if rings.len() > MAX_HOLES + 1 {
            return Err(format!("a polygon may have {MAX_HOLES} holes at most"));
        }
        let outer = rings.remove(0);
        let whole = Polygon::new(outer.clone(), Vec::new());
        let holes: Vec<Polygon> = rings.iter().map(|ring| Polygon::new(ring.clone(), Vec::new())).collect();
        if holes.iter().any(|hole| !hole.exterior().0.iter().all(|c| whole.intersects(c))) {
            return Err("a hole must lie inside the outer ring".to_owned());
        }
        if overlap(&holes) {
            return Err("holes must not overlap".to_owned());
        }
        Ok(Polygon::new(outer, rings))
    }

    fn multi_polygon(&mut self, value: &Value) -> Result<MultiPolygon, String> {
        let polygons: Vec<Polygon> =
            array(value)?.iter().map(|polygon| self.polygon(polygon)).collect::<Result<_, _>>()?;
        if polygons.is_empty() {
            return Err("a MultiPolygon needs at least one polygon".to_owned());
        }
        Ok(MultiPolygon(polygons))
    }
}

fn array(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "must be an array here".to_owned())
}

fn position(value: &Value) -> Result<Coord, String> {
    let numbers: Option<Vec<f64>> =
        value.as_array().filter(|n| n.len() == 2 || n.len() == 3).and_then(|n| n.iter().map(Value::as_f64).collect());
    let Some([lon, lat, ..]) = numbers.as_deref() else {
        return Err("a position is [longitude, latitude]".to_owned());
    };
    let (lon, lat) = (*lon, *lat);
    if lat.abs() > 90.0 && lon.abs() <= 90.0 && lat.abs() <= 180.0 {
        return Err(format!("latitude {lat} is outside -90 to 90: longitude comes first"));
    }
    // Written this way round, a number that is no number is refused too.
    if !(lon.abs() <= 180.0 && lat.abs() <= 90.0) {
        return Err(format!("[{lon}, {lat}] is outside -180 to 180 and -90 to 90"));
    }
    Ok(Coord { x: lon, y: lat })
}

/// Whether a closed ring crosses or touches itself elsewhere than at neighbouring corners. Segments are taken from west
/// to east, so only those that overlap in longitude are compared.
fn crosses_itself(ring: &LineString) -> bool {
    let mut segments: Vec<(usize, Line)> = ring.lines().enumerate().collect();
    let last = segments.len() - 1;
    let (west, east) = (|line: &Line| line.start.x.min(line.end.x), |line: &Line| line.start.x.max(line.end.x));
    segments.sort_by(|(_, a), (_, b)| west(a).total_cmp(&west(b)));
    for (place, (i, a)) in segments.iter().enumerate() {
        if a.start == a.end {
            return true;
        }
        for (j, b) in segments[place + 1..].iter().take_while(|(_, b)| west(b) <= east(a)) {
            let neighbours = i.abs_diff(*j) == 1 || i.abs_diff(*j) == last;
            let wrong = if neighbours { turns_back(a, b) } else { a.intersects(b) };
            if wrong {
                return true;
            }
        }
    }
    false
}

/// Whether two segments that share a corner lie on one another.
fn turns_back(a: &Line, b: &Line) -> bool {
    let (before, corner, after) = if a.end == b.start { (a.start, a.end, b.end) } else { (a.end, a.start, b.start) };
    let (back, on) = (before - corner, after - corner);
    RobustKernel::orient2d(before, corner, after) == Orientation::Collinear && back.x * on.x + back.y * on.y > 0.0
}

/// Whether any two polygons share more than their edges; bounding boxes are asked first.
fn overlap(polygons: &[Polygon]) -> bool {
    polygons.iter().enumerate().any(|(i, a)| {
        polygons[i + 1..].iter().any(|b| {
            let boxes = a.bounding_rect().zip(b.bounding_rect());
            boxes.is_some_and(|(a, b)| a.intersects(&b))
                && (a.interior_point().is_some_and(|p| b.contains(&p))
                    || b.interior_point().is_some_and(|p| a.contains(&p)))
        })
    })
}
