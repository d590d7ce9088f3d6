//! What already stands on the ground: keeps lots, buildings and zones off the roads, the water and each other.

use std::collections::{HashMap, HashSet};

use super::geometry::{Point, bounds, distance_to_segment, overlap};

const CELL_M: f64 = 120.0;

/// Roads and taken areas, found by place.
#[derive(Debug, Default)]
pub struct Ground {
    roads: Vec<Road>,
    roads_by_cell: HashMap<(i32, i32), Vec<usize>>,
    taken: Vec<Vec<Point>>,
    taken_by_cell: HashMap<(i32, i32), Vec<usize>>,
}

#[derive(Debug)]
struct Road {
    street: usize,
    from: Point,
    to: Point,
    half_width_m: f64,
}

fn cells(points: &[Point], margin_m: f64) -> impl Iterator<Item = (i32, i32)> + use<> {
    let (low, high) = bounds(points);
    let cell = |metres: f64| (metres / CELL_M).floor() as i32;
    let (west, east) = (cell(low.x - margin_m), cell(high.x + margin_m));
    let (south, north) = (cell(low.y - margin_m), cell(high.y + margin_m));
    (west..=east).flat_map(move |x| (south..=north).map(move |y| (x, y)))
}

impl Ground {
    /// Lays a street.
    pub fn lay_road(&mut self, street: usize, line: &[Point], half_width_m: f64) {
        for pair in line.windows(2) {
            for cell in cells(pair, half_width_m) {
                self.roads_by_cell.entry(cell).or_default().push(self.roads.len());
            }
            self.roads.push(Road { street, from: pair[0], to: pair[1], half_width_m });
        }
    }

    /// Takes an area for good.
    pub fn take(&mut self, area: Vec<Point>) {
        for cell in cells(&area, 0.0) {
            self.taken_by_cell.entry(cell).or_default().push(self.taken.len());
        }
        self.taken.push(area);
    }

    /// Whether an area is free: `margin_m` off every road (but `along`, if given) and on nothing taken.
    pub fn is_free(&self, area: &[Point], margin_m: f64, along: Option<usize>) -> bool {
        let near: HashSet<(i32, i32)> = cells(area, margin_m).collect();
        let mut seen = HashSet::new();
        for index in near.iter().filter_map(|cell| self.taken_by_cell.get(cell)).flatten() {
            if seen.insert(*index) && overlap(&self.taken[*index], area) {
                return false;
            }
        }
        seen.clear();
        for index in near.iter().filter_map(|cell| self.roads_by_cell.get(cell)).flatten() {
            let road = &self.roads[*index];
            if Some(road.street) != along
                && seen.insert(*index)
                && distance_to_segment(area, road.from, road.to) < road.half_width_m + margin_m
            {
                return false;
            }
        }
        true
    }
}
