//! Where a matter lies: its cell, its town, and the class of its street.

use geo::{Closest, ClosestPoint, Contains, Coord, Distance, Haversine, LineString, Point};

use crate::domain::{city::City, grid::Grid, ids::GridCellId};

/// A street this far away is the one a matter lies at, metres.
const STREET_M: f64 = 60.0;
/// The class of a place at no known street.
const BASIC: u8 = 4;

/// A place as the flow goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cell: Option<GridCellId>,
    pub(super) town: Option<String>,
    pub(super) street_class: u8,
}

pub(super) struct Places {
    grid: Grid,
    streets: Vec<(u8, LineString)>,
}

impl Places {
    pub(super) fn of(city: &City) -> Self {
        let streets = city.streets.values().map(|street| (street.class, street.line.clone())).collect();
        Self { grid: Grid::of(city), streets }
    }

    /// The place of a point; without one, of a cell somebody names.
    pub(super) fn place(&self, city: &City, location: Option<(f64, f64)>, named: Option<&GridCellId>) -> Place {
        let found = location.and_then(|at| self.grid.cell(at)).map(|found| found.cell);
        let cell = found.or_else(|| named.filter(|id| city.grid_cells.contains_key(*id)).cloned());
        let code = cell.as_ref().and_then(|id| city.grid_cells.get(id)).and_then(|cell| cell.code.as_ref());
        Place {
            town: code.map(|code| code.town().to_owned()),
            street_class: location.and_then(|at| self.street_class(city, at)).unwrap_or(BASIC),
            cell,
        }
    }

    /// The class of the strictest zone a point lies in, or of the nearest street.
    fn street_class(&self, city: &City, (lon, lat): (f64, f64)) -> Option<u8> {
        let here = Point::new(lon, lat);
        let zones = city.zones.values().filter(|zone| zone.area.contains(&here));
        if let Some(class) = zones.map(|zone| zone.street_class).min() {
            return Some(class);
        }
        let near = self.streets.iter().filter_map(|(class, line)| {
            let metres = metres_to(line, here)?;
            (metres <= STREET_M).then_some((metres, *class))
        });
        near.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, class)| class)
    }

    /// The strictest class of the streets and zones in each cell, for patrols.
    pub(super) fn strictest(&self, city: &City, cell: &GridCellId) -> u8 {
        use geo::{Centroid, Intersects};
        let Some(cell) = city.grid_cells.get(cell) else { return BASIC };
        let streets = self.streets.iter().filter(|(_, line)| cell.area.intersects(line)).map(|(class, _)| *class);
        let zones = city.zones.values();
        let zones = zones.filter(|zone| zone.area.centroid().is_some_and(|at| cell.area.contains(&at)));
        streets.chain(zones.map(|zone| zone.street_class)).min().unwrap_or(BASIC)
    }
}

fn metres_to(line: &LineString, here: Point) -> Option<f64> {
    let stretch = here.y().to_radians().cos().max(0.01);
    let even = |coord: &Coord| Coord { x: (coord.x - here.x()) * stretch, y: coord.y - here.y() };
    let line: LineString = line.coords().map(even).collect();
    let (Closest::Intersection(at) | Closest::SinglePoint(at)) = line.closest_point(&Point::new(0.0, 0.0)) else {
        return None;
    };
    Some(Haversine.distance(Point::new(at.x() / stretch + here.x(), at.y() + here.y()), here))
}
