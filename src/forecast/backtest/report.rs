//! The figures of a back-test, as JSON and as a table.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{Plan, grid::Grid, rivals::RIVALS, score::Score};
use crate::domain::time::rfc3339;

/// A lot judged by fewer rows than this says nothing of its band.
const LEAST_ROWS: f64 = 50.0;

/// What a back-test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Lots judged.
    pub lots: usize,
    /// Lots left out because too many of their rows are impossible.
    pub dropped: Vec<String>,
    /// Rows read; of those: negative, above the capacity, duplicates, out of order.
    pub rows: [usize; 5],
    /// Minutes of the grid.
    pub step_min: i64,
    /// Judged from here on.
    pub judged_from: String,
    /// To here.
    pub judged_to: String,
    /// Each horizon.
    pub horizons: Vec<HorizonReport>,
}

/// The figures of a horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HorizonReport {
    /// Minutes ahead.
    pub minutes: u32,
    /// Whether the truth lies between two rows of the series.
    pub interpolated: bool,
    /// Forecasts judged.
    pub rows: u64,
    /// Ours first, then the simpler methods.
    pub methods: Vec<MethodReport>,
    /// Share of truths inside the 90 % band.
    pub coverage: f64,
    /// The same of the lot where it is lowest.
    pub coverage_worst_lot: f64,
    /// That lot.
    pub worst_lot: String,
    /// Mean width of the band, per cent of the capacity.
    pub width_percent: f64,
    /// Share of truths at which the lot was full.
    pub full: f64,
    /// Mean squared error of the chance that the lot is full.
    pub brier: f64,
    /// The same of the bare count: full now is full then.
    pub brier_raw: f64,
    /// Share of forecasts by persistence, by the usual change, by regression.
    pub made_by: [f64; 3],
}

/// The errors of a method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodReport {
    /// Its name.
    pub name: String,
    /// Mean absolute error, per cent of the capacity.
    pub mae_percent: f64,
    /// Root mean squared error, per cent of the capacity.
    pub rmse_percent: f64,
}

impl Report {
    pub(super) fn of(grid: &Grid, plan: &Plan, scores: &[BTreeMap<usize, Score>]) -> Self {
        let dirt = grid.lots.iter().map(|lot| &lot.dirt).chain(grid.dropped.iter().map(|(_, dirt)| dirt));
        let rows = dirt.fold([0; 5], |[rows, negative, above, duplicates, disordered], dirt| {
            [
                rows + dirt.rows,
                negative + dirt.negative,
                above + dirt.above,
                duplicates + dirt.duplicates,
                disordered + dirt.disordered,
            ]
        });
        let last = grid.last_instant();
        let horizons = plan.horizons_min.iter().zip(scores);
        Self {
            lots: grid.lots.len(),
            dropped: grid
                .dropped
                .iter()
                .map(|(lot, dirt)| {
                    format!("{lot} ({} of {} rows impossible)", dirt.negative + dirt.impossible, dirt.rows)
                })
                .collect(),
            rows,
            step_min: grid.step_s / 60,
            judged_from: rfc3339(plan.judged_from),
            judged_to: rfc3339(plan.judged_until.map_or(last, |until| until.min(last))),
            horizons: horizons.map(|(minutes, scores)| HorizonReport::of(grid, *minutes, scores)).collect(),
        }
    }
}

impl HorizonReport {
    fn of(grid: &Grid, minutes: u32, scores: &BTreeMap<usize, Score>) -> Self {
        let mut all = Score::new(RIVALS.len());
        for score in scores.values() {
            all.add(score);
        }
        let rows = all.rows.max(1.0);
        let names = std::iter::once("yunpark").chain(RIVALS);
        let methods = names.enumerate().map(|(index, name)| MethodReport {
            name: name.to_owned(),
            mae_percent: 100.0 * all.absolute[index] / rows,
            rmse_percent: 100.0 * (all.squared[index] / rows).sqrt(),
        });
        let judged = scores.iter().filter(|(_, score)| score.rows >= LEAST_ROWS);
        let worst = judged
            .map(|(lot, score)| (score.inside / score.rows, grid.lots[*lot].lot.clone()))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let (coverage_worst_lot, worst_lot) = worst.unwrap_or_default();
        Self {
            minutes,
            interpolated: i64::from(minutes) * 60 % grid.step_s != 0,
            rows: all.rows as u64,
            methods: methods.collect(),
            coverage: all.inside / rows,
            coverage_worst_lot,
            worst_lot,
            width_percent: 100.0 * all.width / rows,
            full: all.full / rows,
            brier: all.brier / rows,
            brier_raw: all.brier_raw / rows,
            made_by: all.methods.map(|made| made / rows),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, negative, above, duplicates, disordered] = self.rows;
        writeln!(
            f,
            "{} lots on a grid of {} minutes, judged from {} to {}",
            self.lots, self.step_min, self.judged_from, self.judged_to
        )?;
        writeln!(
            f,
            "{rows} rows: {negative} negative, {above} above the capacity, {duplicates} duplicates, {disordered} out of order"
        )?;
        if !self.dropped.is_empty() {
            writeln!(f, "left out: {}", self.dropped.join(", "))?;
        }
        for horizon in &self.horizons {
            let between = if horizon.interpolated { ", the truth interpolated between rows" } else { "" };
            writeln!(
                f,
                "\n{} minutes ahead, {} forecasts{between}; per cent of the capacity",
                horizon.minutes, horizon.rows
            )?;
            writeln!(f, "  {:34} {:>7} {:>7}", "method", "MAE", "RMSE")?;
            for method in &horizon.methods {
                writeln!(f, "  {:34} {:>7.3} {:>7.3}", method.name, method.mae_percent, method.rmse_percent)?;
            }
            writeln!(
                f,
                "  90 % band: {:.1} % inside, {:.1} % in the lot where fewest are ({}); {:.1} % of the capacity wide",
                100.0 * horizon.coverage,
                100.0 * horizon.coverage_worst_lot,
                horizon.worst_lot,
                horizon.width_percent
            )?;
            writeln!(
                f,
                "  P(full): {:.2} % of truths are full; Brier {:.5}, of the bare count {:.5}",
                100.0 * horizon.full,
                horizon.brier,
                horizon.brier_raw
            )?;
        }
        Ok(())
    }
}
