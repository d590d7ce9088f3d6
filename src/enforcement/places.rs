//! Where things lie: the zone and the management cell of a point, and the nearest lots.

use geo::{BoundingRect, Contains, Coord, Distance, Haversine, MultiPolygon, Point};
use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::domain::{
    city::City,
    grid::Grid,
    ids::{GridCellId, LotId, ZoneId},
    lot::VehicleClass,
};

struct Area<Id> {
    id: Id,
    shape: MultiPolygon,
    low: [f64; 2],
    high: [f64; 2],
}

impl<Id> RTreeObject for Area<Id> {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

impl<Id: Clone + Ord> Area<Id> {
    fn of(id: &Id, shape: &MultiPolygon) -> Option<Self> {
        let around = shape.bounding_rect()?;
        let (low, high) = (around.min(), around.max());
        Some(Self { id: id.clone(), shape: shape.clone(), low: [low.x, low.y], high: [high.x, high.y] })
    }
    fn size(&self) -> f64 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }
}

struct LotAt {
    id: LotId,
    at: [f64; 2],
    class: VehicleClass,
}

impl RTreeObject for LotAt {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_point(self.at)
    }
}

impl PointDistance for LotAt {
    fn distance_2(&self, point: &[f64; 2]) -> f64 {
        let (x, y) = (self.at[0] - point[0], self.at[1] - point[1]);
        x * x + y * y
    }
}

/// Zones, cells and lots of one city, by place.
pub(super) struct Places {
    zones: RTree<Area<ZoneId>>,
    cells: Grid,
    lots: RTree<LotAt>,
    /// The corners of all of it.
    around: Option<([f64; 2], [f64; 2])>,
}

/// How far beyond the city's last corner something may still be captured, degrees: some fifty kilometres.
const MARGIN_DEG: f64 = 0.5;

impl Places {
    pub(super) fn of(city: &City) -> Self {
        let zones = city.zones.values().filter_map(|zone| Area::of(&zone.id, &zone.area));
        let lots = city.lots.values();
        let lots = lots.map(|lot| LotAt {
            id: lot.id.clone(),
            at: [lot.location.x, lot.location.y],
            class: lot.vehicle_class,
        });
        let zones: Vec<Area<ZoneId>> = zones.collect();
        let cells = city.grid_cells.values().filter_map(|cell| cell.area.bounding_rect());
        let cells = cells.flat_map(|around| [around.min(), around.max()]).map(|corner| [corner.x, corner.y]);
        let lots: Vec<LotAt> = lots.collect();
        let cameras = city.cameras.values().map(|camera| [camera.location.x, camera.location.y]);
        let corners = zones.iter().flat_map(|area| [area.low, area.high]);
        let corners = corners.chain(cells);
        let around = corners.chain(lots.iter().map(|lot| lot.at)).chain(cameras).fold(None, |around, [x, y]| {
            let (low, high) = around.unwrap_or(([x, y], [x, y]));
            Some(([f64::min(low[0], x), f64::min(low[1], y)], [f64::max(high[0], x), f64::max(high[1], y)]))
        });
        Self { around, zones: RTree::bulk_load(zones), cells: Grid::of(city), lots: RTree::bulk_load(lots) }
    }

    /// Whether a point lies in the city or not far from it; a city without places says nothing.
    pub(super) fn is_near_the_city(&self, (lon, lat): (f64, f64)) -> bool {
        self.around.is_none_or(|(low, high)| {
            (low[0] - MARGIN_DEG..=high[0] + MARGIN_DEG).contains(&lon)
                && (low[1] - MARGIN_DEG..=high[1] + MARGIN_DEG).contains(&lat)
        })
    }

    /// The zone of a point; the smallest where several overlap.
    pub(super) fn zone(&self, at: (f64, f64)) -> Option<ZoneId> {
        area(&self.zones, at)
    }

    /// The management cell of a point; the nearest one for a point on an edge, or a street's width outside.
    pub(super) fn cell(&self, at: (f64, f64)) -> Option<GridCellId> {
        self.cells.cell(at).map(|found| found.cell)
    }

    /// Up to `limit` nearest lots for a class of vehicles, with the distance in metres, nearest first.
    pub(super) fn nearest(&self, at: Coord, class: VehicleClass, limit: usize) -> Vec<(LotId, f64)> {
        let metres = |lot: &LotAt| Haversine.distance(Point::from(at), Point::new(lot.at[0], lot.at[1]));
        // Degrees of longitude are shorter than those of latitude, so more are taken and then measured.
        let mut found: Vec<(LotId, f64)> = self
            .lots
            .nearest_neighbor_iter([at.x, at.y])
            .filter(|lot| lot.class == class)
            .take(limit * 4)
            .map(|lot| (lot.id.clone(), metres(lot)))
            .collect();
        found.sort_by(|one, other| one.1.total_cmp(&other.1));
        found.truncate(limit);
        found
    }
}

fn area<Id: Clone + Ord>(areas: &RTree<Area<Id>>, (lon, lat): (f64, f64)) -> Option<Id> {
    let point = Point::new(lon, lat);
    let around = AABB::from_point([lon, lat]);
    let found = areas.locate_in_envelope_intersecting(around).filter(|area| area.shape.contains(&point));
    found
        .min_by(|one, other| one.size().total_cmp(&other.size()).then(one.id.cmp(&other.id)))
        .map(|area| area.id.clone())
}
