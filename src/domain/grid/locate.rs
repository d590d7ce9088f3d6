//! Which cell a point lies in: inside of one, or nearest to one where it lies on an edge or a little outside.

use geo::{BoundingRect, Closest, ClosestPoint, Contains, Coord, Distance, Haversine, LineString, MultiPolygon, Point};
use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::domain::{city::City, ids::GridCellId};

/// A point this far outside every cell still belongs to the nearest one, metres: a street's width.
const EDGE_M: f64 = 30.0;
/// That far in degrees, with room to spare at any latitude where people live.
const EDGE_DEG: f64 = 0.001;

/// A cell that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The cell.
    pub cell: GridCellId,
    /// How far outside the point lies, metres; 0 inside.
    pub off_m: f64,
}

struct Area {
    id: GridCellId,
    shape: MultiPolygon,
    low: [f64; 2],
    high: [f64; 2],
}

impl RTreeObject for Area {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

impl PointDistance for Area {
    fn distance_2(&self, point: &[f64; 2]) -> f64 {
        self.envelope().distance_2(point)
    }
}

/// The cells of a city by place.
pub struct Grid(RTree<Area>);

impl Grid {
    /// The cells of a city.
    pub fn of(city: &City) -> Self {
        let areas = city.grid_cells.values().filter_map(|cell| {
            let around = cell.area.bounding_rect()?;
            let (low, high) = (around.min(), around.max());
            Some(Area { id: cell.id.clone(), shape: cell.area.clone(), low: [low.x, low.y], high: [high.x, high.y] })
        });
        Self(RTree::bulk_load(areas.collect()))
    }

    /// The cell of a point: the smallest it lies inside of, or else the nearest within a street's width.
    pub fn cell(&self, (lon, lat): (f64, f64)) -> Option<Found> {
        let point = Point::new(lon, lat);
        let inside = self.0.locate_in_envelope_intersecting(AABB::from_point([lon, lat]));
        let size = |area: &Area| (area.high[0] - area.low[0]) * (area.high[1] - area.low[1]);
        let inside = inside.filter(|area| area.shape.contains(&point));
        let inside = inside.min_by(|one, other| size(one).total_cmp(&size(other)).then(one.id.cmp(&other.id)));
        if let Some(area) = inside {
            return Some(Found { cell: area.id.clone(), off_m: 0.0 });
        }
        let wide = AABB::from_corners([lon - EDGE_DEG, lat - EDGE_DEG], [lon + EDGE_DEG, lat + EDGE_DEG]);
        let near = self.0.locate_in_envelope_intersecting(wide).filter_map(|area| {
            let off_m = off(&area.shape, point)?;
            (off_m <= EDGE_M).then(|| Found { cell: area.id.clone(), off_m })
        });
        near.min_by(|one, other| one.off_m.total_cmp(&other.off_m).then(one.cell.cmp(&other.cell)))
    }
}

/// How far a point lies from a shape's edge, metres.
fn off(shape: &MultiPolygon, point: Point) -> Option<f64> {
    // Degrees of longitude are shorter than those of latitude: the nearest point is sought where both are alike.
    let stretch = point.y().to_radians().cos().max(0.01);
    let even = |coord: Coord| Coord { x: (coord.x - point.x()) * stretch, y: coord.y - point.y() };
    let edges = shape.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
    let nearest = edges.filter_map(|ring| {
        let ring: LineString = ring.coords().map(|coord| even(*coord)).collect();
        let (Closest::Intersection(at) | Closest::SinglePoint(at)) = ring.closest_point(&Point::new(0.0, 0.0)) else {
            return None;
        };
        let at = Point::new(at.x() / stretch + point.x(), at.y() + point.y());
        Some(Haversine.distance(at, point))
    });
    nearest.min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use geo::polygon;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{place::GridCell, text::Localized};

    /// Four cells, two by two, each some hundred metres wide.
    fn grid() -> Grid {
        let mut city = City::default();
        for (nth, (x, y)) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].into_iter().enumerate() {
            let at = |dx: f64, dy: f64| Coord { x: 119.57 + (x + dx) * 0.001, y: 28.11 + (y + dy) * 0.001 };
            let id = GridCellId::parse(&format!("G{nth}")).unwrap();
            let (a, b, c, d) = (at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0));
            let area = MultiPolygon::new(vec![polygon![a, b, c, d]]);
            let name = Localized::default();
            let cell =
                GridCell { id: id.clone(), name: name.clone(), unit: name, area, code: None, shifts: Vec::new() };
            city.grid_cells.insert(id, cell);
        }
        Grid::of(&city)
    }

    #[test]
    fn a_point_is_in_its_cell_on_an_edge_in_the_nearest_and_far_away_in_none() {
        let grid = grid();
        let cell = |lon, lat| grid.cell((lon, lat)).map(|found| (found.cell.as_str().to_owned(), found.off_m.round()));
        assert_eq!(cell(119.5705, 28.1105), Some(("G0".to_owned(), 0.0)));
        // On the edge between two, and where four meet: always the same one.
        assert_eq!(cell(119.571, 28.1105), Some(("G0".to_owned(), 0.0)));
        assert_eq!(cell(119.571, 28.111), Some(("G0".to_owned(), 0.0)));
        // Twenty metres east of the last cell, and forty.
        assert_eq!(cell(119.5722, 28.1115), Some(("G3".to_owned(), 20.0)));
        assert_eq!(cell(119.5724, 28.1115), None);
    }

    proptest! {
        #[test]
        fn no_point_of_the_grid_is_without_a_cell(x in 0.0_f64..=2.0, y in 0.0_f64..=2.0) {
            prop_assert!(grid().cell((119.57 + x * 0.001, 28.11 + y * 0.001)).is_some());
        }
    }
}
