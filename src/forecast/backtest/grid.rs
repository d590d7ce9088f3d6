//! Rows of a series cleaned and put on one grid of instants for all lots.

use std::collections::BTreeMap;

use super::csv::{RawRow, Table};
use crate::domain::time::{Instant, from_micros};

/// A count this far above the capacity is no count of that lot.
const IMPOSSIBLE_SHARE: f64 = 1.1;
/// A lot with more impossible rows than this share of all is left out.
const DROPPED_SHARE: f64 = 0.01;
/// Steps a grid may have, minutes.
const STEPS_MIN: [u32; 7] = [1, 2, 5, 10, 15, 30, 60];

/// A row on the grid: when it was really taken, and its counts within the capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When it was taken.
    pub at: Instant,
    /// Free places.
    pub free: u32,
    /// Capacity.
    pub capacity: u32,
}

impl Row {
    /// The occupied share.
    pub(super) fn share(&self) -> f64 {
        1.0 - f64::from(self.free) / f64::from(self.capacity)
    }
}

/// What was wrong with a lot's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dirt {
    /// Rows read.
    pub rows: usize,
    /// Counts below zero, told as zero.
    pub negative: usize,
    /// Counts above the capacity, told as the capacity.
    pub above: usize,
    /// Of those, counts so far above that they are impossible.
    pub impossible: usize,
    /// Rows of an instant that had one already.
    pub duplicates: usize,
    /// Rows earlier than the one before.
    pub disordered: usize,
}

/// A lot's rows by cell of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct LotSeries {
    /// The lot.
    pub lot: String,
    /// What was wrong with its rows.
    pub dirt: Dirt,
    first: i64,
    rows: Vec<Option<Row>>,
}

/// A series on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Seconds from one instant to the next.
    pub step_s: i64,
    /// The first cell.
    pub first: i64,
    /// The last cell.
    pub last: i64,
    /// The lots that are judged.
    pub lots: Vec<LotSeries>,
    /// Lots that were left out for impossible rows.
    pub dropped: Vec<(String, Dirt)>,
}

impl Grid {
    /// Puts a table on a grid; the step is the usual distance of its rows where none is given.
    pub fn of(table: &Table, step_min: Option<u32>) -> Self {
        let mut by_lot: BTreeMap<&str, Vec<&RawRow>> = BTreeMap::new();
        for row in &table.rows {
            by_lot.entry(&row.lot).or_default().push(row);
        }
        let step_s = i64::from(step_min.unwrap_or_else(|| usual_step(&by_lot))) * 60;
        let (mut lots, mut dropped) = (Vec::new(), Vec::new());
        for (lot, rows) in by_lot {
            let series = LotSeries::of(lot, rows, step_s);
            let wrong = series.dirt.negative + series.dirt.impossible;
            if series.rows.is_empty() || wrong as f64 > DROPPED_SHARE * series.dirt.rows as f64 {
                dropped.push((series.lot, series.dirt));
            } else {
                lots.push(series);
            }
        }
        let first = lots.iter().map(|lot| lot.first).min().unwrap_or(0);
        let last = lots.iter().map(|lot| lot.first + lot.rows.len() as i64 - 1).max().unwrap_or(-1);
        Self { step_s, first, last, lots, dropped }
    }

    /// The instant of a cell.
    pub fn instant(&self, cell: i64) -> Instant {
        from_micros(cell.saturating_mul(self.step_s).saturating_mul(1_000_000)).unwrap_or_default()
    }

    /// The instant of the last cell.
    pub fn last_instant(&self) -> Instant {
        self.instant(self.last)
    }
}

impl LotSeries {
    fn of(lot: &str, mut rows: Vec<&RawRow>, step_s: i64) -> Self {
        let mut dirt = Dirt { rows: rows.len(), ..Dirt::default() };
        dirt.disordered = rows.windows(2).filter(|pair| pair[1].at < pair[0].at).count();
        rows.sort_by_key(|row| row.at);
        dirt.duplicates = rows.windows(2).filter(|pair| pair[1].at == pair[0].at).count();
        let mut cells: BTreeMap<i64, Row> = BTreeMap::new();
        for row in rows {
            if row.capacity.is_nan() || row.capacity < 1.0 {
                dirt.impossible += 1;
                continue;
            }
            let capacity = row.capacity.round() as u32;
            dirt.negative += usize::from(row.occupied < 0.0);
            dirt.above += usize::from(row.occupied > row.capacity);
            dirt.impossible += usize::from(row.occupied > IMPOSSIBLE_SHARE * row.capacity);
            let occupied = row.occupied.round().clamp(0.0, f64::from(capacity)) as u32;
            let cell = (row.at.timestamp() + step_s / 2).div_euclid(step_s);
            cells.insert(cell, Row { at: row.at, free: capacity - occupied, capacity });
        }
        let (Some(first), Some(last)) = (cells.keys().next().copied(), cells.keys().next_back().copied()) else {
            return Self { lot: lot.to_owned(), dirt, first: 0, rows: Vec::new() };
        };
        let mut dense = vec![None; (last - first + 1) as usize];
        for (cell, row) in cells {
            dense[(cell - first) as usize] = Some(row);
        }
        Self { lot: lot.to_owned(), dirt, first, rows: dense }
    }

    /// The row of a cell.
    pub(super) fn row(&self, cell: i64) -> Option<&Row> {
        self.rows.get(usize::try_from(cell - self.first).ok()?)?.as_ref()
    }

    /// The occupied share of a cell.
    pub(super) fn share(&self, cell: i64) -> Option<f64> {
        Some(self.row(cell)?.share())
    }

    /// The occupied share so many minutes after a cell, between two rows in proportion.
    pub(super) fn share_after(&self, grid: &Grid, cell: i64, minutes: u32) -> Option<f64> {
        let ahead_s = i64::from(minutes) * 60;
        let (whole, past_s) = (ahead_s.div_euclid(grid.step_s), ahead_s.rem_euclid(grid.step_s));
        let before = self.share(cell + whole)?;
        if past_s == 0 {
            return Some(before);
        }
        let after = self.share(cell + whole + 1)?;
        Some(before + (after - before) * past_s as f64 / grid.step_s as f64)
    }
}

/// The usual distance of a lot's rows, as a step a grid may have.
fn usual_step(by_lot: &BTreeMap<&str, Vec<&RawRow>>) -> u32 {
    let mut distances: Vec<i64> = Vec::new();
    for rows in by_lot.values() {
        let mut times: Vec<i64> = rows.iter().map(|row| row.at.timestamp()).collect();
        times.sort_unstable();
        times.dedup();
        distances.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
    }
    distances.sort_unstable();
    let middle = distances.get(distances.len() / 2).copied().unwrap_or(900);
    let near = |step: &&u32| (i64::from(**step) * 60 - middle).abs();
    STEPS_MIN.iter().min_by_key(near).copied().unwrap_or(15)
}
