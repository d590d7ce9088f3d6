//! How much of the town the cells cover: square kilometres, holes between them, places where they overlap, and what lies outside.

use geo::{BooleanOps, BoundingRect, Centroid, GeodesicArea, LineString, MultiPolygon, Polygon, unary_union};
use serde::Serialize;

use super::Grid;
use crate::domain::{city::City, ids::GridCellId};

/// Slivers below this are what drawing by hand leaves, square metres.
const SLIVER_M2: f64 = 25.0;

/// A hole in the grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// Its size, square metres.
    pub area_m2: f64,
    /// Its middle, lon/lat.
    pub at: (f64, f64),
}

/// Two cells that cover the same ground.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// The cells.
    pub cells: (GridCellId, GridCellId),
    /// How much, square metres.
    pub area_m2: f64,
    /// Its middle, lon/lat.
    pub at: (f64, f64),
}

/// Something that lies in no cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// `lot`, `zone`, `camera` or `sign`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// What the grid covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Cells.
    pub cells: usize,
    /// Cells without a code.
    pub without_code: Vec<GridCellId>,
    /// Ground covered, square kilometres; what two cells cover counts once.
    pub covered_km2: f64,
    /// The sum of all cells, square kilometres.
    pub sum_km2: f64,
    /// Holes between cells, the largest first.
    pub gaps: Vec<Gap>,
    /// Pairs that overlap, the largest first.
    pub overlaps: Vec<Overlap>,
    /// Lots, zones, cameras and signs outside.
    pub strays: Vec<Stray>,
}

/// The coverage of a city's grid.
pub fn coverage(city: &City) -> Coverage {
    let cells: Vec<_> = city.grid_cells.values().collect();
    let union = unary_union(cells.iter().map(|cell| &cell.area));
    let m2 = |shape: &MultiPolygon| shape.iter().map(polygon_m2).sum::<f64>();
    let holes = union.iter().flat_map(Polygon::interiors).map(|ring| Polygon::new(ring.clone(), Vec::new()));
    let gaps = holes.filter_map(|hole| {
        let (area_m2, at) = (polygon_m2(&hole), hole.centroid()?);
        (area_m2 >= SLIVER_M2).then_some(Gap { area_m2: area_m2.round(), at: at.x_y() })
    });
    let mut gaps: Vec<Gap> = gaps.collect();
    gaps.sort_by(|one, other| other.area_m2.total_cmp(&one.area_m2));
    let mut overlaps = Vec::new();
    for (nth, one) in cells.iter().enumerate() {
        for other in &cells[nth + 1..] {
            if !touch(&one.area, &other.area) {
                continue;
            }
            let both = one.area.intersection(&other.area);
            let area_m2 = m2(&both);
            if let Some(at) = both.centroid().filter(|_| area_m2 >= SLIVER_M2) {
                let cells = (one.id.clone(), other.id.clone());
                overlaps.push(Overlap { cells, area_m2: area_m2.round(), at: at.x_y() });
            }
        }
    }
    overlaps.sort_by(|one, other| other.area_m2.total_cmp(&one.area_m2));
    let km2 = |m2: f64| (m2 / 100.0).round() / 10_000.0;
    Coverage {
        cells: cells.len(),
        without_code: cells.iter().filter(|cell| cell.code.is_none()).map(|cell| cell.id.clone()).collect(),
        covered_km2: km2(m2(&union)),
        sum_km2: km2(cells.iter().map(|cell| m2(&cell.area)).sum()),
        gaps,
        overlaps,
        strays: strays(city),
    }
}

/// A polygon's size, square metres, whichever way its rings run.
fn polygon_m2(polygon: &Polygon) -> f64 {
    let ring_m2 = |ring: &LineString| Polygon::new(ring.clone(), Vec::new()).geodesic_area_signed().abs();
    ring_m2(polygon.exterior()) - polygon.interiors().iter().map(ring_m2).sum::<f64>()
}

fn touch(one: &MultiPolygon, other: &MultiPolygon) -> bool {
    let (Some(one), Some(other)) = (one.bounding_rect(), other.bounding_rect()) else { return false };
    one.min().x < other.max().x
        && other.min().x < one.max().x
        && one.min().y < other.max().y
        && other.min().y < one.max().y
}

fn strays(city: &City) -> Vec<Stray> {
    let grid = Grid::of(city);
    let lots = city.lots.values().map(|lot| ("lot", lot.id.as_str(), Some((lot.location.x, lot.location.y))));
    let zones = city.zones.values();
    let zones = zones.map(|zone| ("zone", zone.id.as_str(), zone.area.centroid().map(geo::Point::x_y)));
    let cameras = city.cameras.values();
    let cameras = cameras.map(|camera| ("camera", camera.id.as_str(), Some((camera.location.x, camera.location.y))));
    let signs = city.signs.values().map(|sign| ("sign", sign.id.as_str(), Some((sign.location.x, sign.location.y))));
    let all = lots.chain(zones).chain(cameras).chain(signs);
    let out = all.filter(|(_, _, at)| at.is_none_or(|at| grid.cell(at).is_none()));
    out.map(|(kind, id, _)| Stray { kind, id: id.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use geo::{Coord, Rect};

    use super::*;
    use crate::domain::{place::GridCell, text::Localized};

    fn city(cells: &[(f64, f64, f64, f64)]) -> City {
        let mut city = City::default();
        for (nth, (west, south, east, north)) in cells.iter().enumerate() {
            let id = GridCellId::parse(&format!("G{nth}")).unwrap();
            let low = Coord { x: 119.57 + west * 0.001, y: 28.11 + south * 0.001 };
            let high = Coord { x: 119.57 + east * 0.001, y: 28.11 + north * 0.001 };
            let area = MultiPolygon::new(vec![Rect::new(low, high).to_polygon()]);
            let name = Localized::default();
            let cell =
                GridCell { id: id.clone(), name: name.clone(), unit: name, area, code: None, shifts: Vec::new() };
            city.grid_cells.insert(id, cell);
        }
        city
    }

    #[test]
    fn a_ring_of_cells_tells_its_hole_and_two_that_overlap_are_told() {
        // Eight cells around a hole; none overlaps.
        let ring: Vec<(f64, f64, f64, f64)> = (0..9)
            .filter(|nth| *nth != 4)
            .map(|nth| (f64::from(nth % 3), f64::from(nth / 3)))
            .map(|(x, y)| (x, y, x + 1.0, y + 1.0))
            .collect();
        let told = coverage(&city(&ring));
        assert_eq!((told.cells, told.gaps.len(), told.overlaps.len()), (8, 1, 0));
        // A thousandth of a degree is some 98 m by 111 m here.
        assert!((told.gaps[0].area_m2 - 10_890.0).abs() < 100.0, "{:?}", told.gaps);
        assert!((told.covered_km2 - 0.0871).abs() < 0.001, "{told:?}");
        assert!((told.covered_km2 - told.sum_km2).abs() < 1e-9);

        let told = coverage(&city(&[(0.0, 0.0, 1.0, 1.0), (0.5, 0.0, 1.5, 1.0)]));
        assert_eq!(told.overlaps.len(), 1);
        assert!((told.sum_km2 - told.covered_km2 - told.overlaps[0].area_m2 / 1e6).abs() < 0.0002, "{told:?}");
    }
}
