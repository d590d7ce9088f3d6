//! How well lots of a recorded series are forecast: the model is fed the rows in the order of time, as it is when it runs live,
//! and judged on what comes after, beside simpler methods on the same rows.

mod csv;
mod grid;
mod guess;
mod report;
mod rivals;
mod score;

use std::collections::BTreeMap;

use chrono::Duration;

use super::model::{LotModel, Reading, Shared};
use crate::domain::{calendar::Calendar, time::Instant};

pub use csv::{Columns, Fault, Table, until};
pub use grid::{Dirt, Grid, LotSeries};
pub use report::{HorizonReport, MethodReport, Report};

use rivals::{RIVALS, Rival};
use score::Score;

/// What is judged.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Horizons, minutes.
    pub horizons_min: Vec<u32>,
    /// Forecasts are judged from here on.
    pub judged_from: Instant,
    /// And before here.
    pub judged_until: Option<Instant>,
    /// Weekdays and holidays.
    pub calendar: Calendar,
}

/// Runs the model and its rivals over a grid. No forecast sees a row later than its own.
pub fn run(grid: &Grid, plan: &Plan) -> Report {
    let mut shared = Shared::default();
    let mut models: Vec<LotModel> = grid.lots.iter().map(|_| LotModel::new()).collect();
    let mut rivals: Vec<Rival> = grid.lots.iter().map(|_| Rival::new(grid, &plan.horizons_min)).collect();
    let mut scores: Vec<BTreeMap<usize, Score>> = plan.horizons_min.iter().map(|_| BTreeMap::new()).collect();
    for cell in grid.first..=grid.last {
        let at = grid.instant(cell);
        for (index, lot) in grid.lots.iter().enumerate() {
            if let Some(row) = lot.row(cell) {
                models[index].learn(
                    Reading { at: row.at, free: row.free, capacity: row.capacity },
                    &plan.calendar,
                    &mut shared,
                );
                rivals[index].learn(cell, lot);
            }
        }
        if at < plan.judged_from || plan.judged_until.is_some_and(|until| at >= until) {
            continue;
        }
        for (index, lot) in grid.lots.iter().enumerate() {
            let Some(row) = lot.row(cell) else { continue };
            let now = Reading { at: row.at, free: row.free, capacity: row.capacity };
            for (horizon, minutes) in plan.horizons_min.iter().enumerate() {
                let Some(truth) = lot.share_after(grid, cell, *minutes) else { continue };
                let to = at + Duration::minutes(i64::from(*minutes));
                let Some(forecast) = models[index].forecast(now, to, &plan.calendar, &shared) else { continue };
                let score = scores[horizon].entry(index).or_insert_with(|| Score::new(RIVALS.len()));
                score.judge(&forecast, row, truth, &rivals[index].forecasts(cell, lot, horizon));
            }
        }
    }
    Report::of(grid, plan, &scores)
}

#[cfg(test)]
mod tests;
