//! The simpler methods a forecast is measured beside, each fed the same rows of the same grid up to the same instant.

use super::grid::{Grid, LotSeries};

/// Their names, in the order of [`Rival::forecasts`].
pub(super) const RIVALS: [&str; 8] = [
    "persistence",
    "same time last week",
    "weekday profile",
    "persistence + last week's change",
    "persistence + profile change",
    "profile + AR(1) residual",
    "Holt-Winters, weekly season",
    "profile + RLS, 5 features",
];

/// Weight of the newest day in the profile.
const PROFILE_WEIGHT: f64 = 0.3;
/// Holt-Winters: how far level and season follow an error.
const LEVEL_WEIGHT: f64 = 0.95;
const SEASON_WEIGHT: f64 = 0.1;
/// Forgetting of the regression and of the autocorrelation, a row.
const FORGETTING: f64 = 0.9995;
const FIRST_VARIANCE: f64 = 10.0;
const FEATURES: usize = 5;

/// All rivals for one lot.
#[derive(Debug, Clone)]
pub(super) struct Rival {
    day: i64,
    week: i64,
    /// Grid cells of each horizon: whole, and whether the truth lies half-way to the next.
    horizons: Vec<Ahead>,
    weekdays: Vec<f64>,
    visits: Vec<f64>,
    kinds: Vec<f64>,
    season: Vec<f64>,
    level: f64,
    /// The residual, and what was usual, of the newest cells: (cell, share, usual).
    recent: Vec<(i64, f64, f64)>,
}

#[derive(Debug, Clone)]
struct Ahead {
    cells: i64,
    part: f64,
    correlation: (f64, f64),
    weights: [f64; FEATURES],
    covariance: [[f64; FEATURES]; FEATURES],
    asides: Vec<(i64, [f64; FEATURES], f64)>,
}

impl Rival {
    pub(super) fn new(grid: &Grid, horizons_min: &[u32]) -> Self {
        let day = 86_400 / grid.step_s;
        let ahead = |minutes: &u32| {
            let ahead_s = i64::from(*minutes) * 60;
            let mut covariance = [[0.0; FEATURES]; FEATURES];
            for (feature, row) in covariance.iter_mut().enumerate() {
                row[feature] = FIRST_VARIANCE;
            }
            Ahead {
                cells: ahead_s.div_euclid(grid.step_s),
                part: ahead_s.rem_euclid(grid.step_s) as f64 / grid.step_s as f64,
                correlation: (0.0, 0.0),
                weights: [0.9, 0.0, 0.0, 0.0, 0.0],
                covariance,
                asides: Vec::new(),
            }
        };
        Self {
            day,
            week: 7 * day,
            horizons: horizons_min.iter().map(ahead).collect(),
            weekdays: vec![f64::NAN; (7 * day) as usize],
            visits: vec![0.0; (7 * day) as usize],
            kinds: vec![f64::NAN; (3 * day) as usize],
            season: vec![0.0; (7 * day) as usize],
            level: 0.5,
            recent: Vec::new(),
        }
    }

    /// Learns the row of a cell.
    pub(super) fn learn(&mut self, cell: i64, lot: &LotSeries) {
        let Some(share) = lot.share(cell) else { return };
        let usual = self.usual(cell).unwrap_or(f64::NAN);
        self.recent.push((cell, share, usual));
        if self.recent.len() > 64 {
            self.recent.drain(..32);
        }
        let places: Vec<i64> = self.horizons.iter().map(|ahead| ahead.cells + i64::from(ahead.part > 0.0)).collect();
        for (index, cells) in places.into_iter().enumerate() {
            self.train(index, cell, cells.max(1), share, usual);
        }
        let week = cell.rem_euclid(self.week) as usize;
        let kind = self.kind(cell);
        let track =
            |old: &mut f64, weight: f64| *old = if old.is_nan() { share } else { *old + weight * (share - *old) };
        track(&mut self.weekdays[week], PROFILE_WEIGHT);
        track(&mut self.kinds[kind], PROFILE_WEIGHT);
        self.visits[week] += 1.0;
        // The first week sets the season around a level in the middle; then both follow the error.
        if self.visits[week] <= 1.0 {
            self.season[week] = share - self.level;
        } else {
            let error = share - self.season[week] - self.level;
            self.level += LEVEL_WEIGHT * error;
            self.season[week] += SEASON_WEIGHT * error;
        }
    }

    /// The weekday of a cell (Monday is 0): the grid counts from a Thursday.
    fn kind(&self, cell: i64) -> usize {
        let weekday = (cell.div_euclid(self.day) + 3).rem_euclid(7);
        ((weekday - 4).clamp(0, 2) * self.day + cell.rem_euclid(self.day)) as usize
    }

    fn usual(&self, cell: i64) -> Option<f64> {
        let week = cell.rem_euclid(self.week) as usize;
        let (own, kind) = (self.weekdays[week], self.kinds[self.kind(cell)]);
        let trust = self.visits[week] / (self.visits[week] + 1.0);
        match (own.is_nan(), kind.is_nan()) {
            (true, true) => None,
            (true, false) => Some(kind),
            (false, true) => Some(own),
            (false, false) => Some(trust * own + (1.0 - trust) * kind),
        }
    }

    fn back(&self, cell: i64) -> Option<f64> {
        self.recent
            .iter()
            .rev()
            .find(|(at, ..)| *at == cell)
            .map(|(_, share, usual)| share - usual)
            .filter(|r| !r.is_nan())
    }

    fn features(&self, cell: i64, cells: i64, share: f64, usual: f64) -> Option<[f64; FEATURES]> {
        let residual = share - usual;
        let (last, before) = (self.back(cell - 1), self.back(cell - 2));
        let newer = last.map_or(0.0, |last| residual - last);
        let older = last.zip(before).map_or(0.0, |(last, before)| last - before);
        let x = [residual, newer, older, self.usual(cell + cells)? - usual, 1.0];
        x.iter().all(|value| !value.is_nan()).then_some(x)
    }

    fn train(&mut self, index: usize, cell: i64, cells: i64, share: f64, usual: f64) {
        let x = self.features(cell, cells, share, usual);
        let then = self.usual(cell + cells);
        let residual = share - usual;
        let ahead = &mut self.horizons[index];
        let due = ahead.asides.iter().position(|(to, ..)| *to == cell);
        ahead.asides.retain(|(to, ..)| *to >= cell);
        if due.is_some() && !residual.is_nan() {
            let at = ahead.asides.iter().position(|(to, ..)| *to == cell);
            if let Some((_, x, then)) = at.map(|at| ahead.asides.swap_remove(at)) {
                ahead.correlation.0 = FORGETTING * ahead.correlation.0 + x[0] * (share - then);
                ahead.correlation.1 = FORGETTING * ahead.correlation.1 + x[0] * x[0];
                ahead.regress(&x, share - then);
            }
        }
        if let Some((x, then)) = x.zip(then) {
            ahead.asides.push((cell + cells, x, then));
        }
    }

    /// The occupied shares each rival forecasts for a horizon; where one has nothing to go by, the number stays.
    pub(super) fn forecasts(&self, cell: i64, lot: &LotSeries, horizon: usize) -> [f64; RIVALS.len()] {
        let ahead = &self.horizons[horizon];
        let Some(share) = lot.share(cell) else { return [f64::NAN; RIVALS.len()] };
        let low = self.at(cell, lot, share, ahead, ahead.cells);
        if ahead.part == 0.0 {
            return low;
        }
        let high = self.at(cell, lot, share, ahead, ahead.cells + 1);
        std::array::from_fn(|rival| low[rival] + (high[rival] - low[rival]) * ahead.part)
    }

    fn at(&self, cell: i64, lot: &LotSeries, share: f64, ahead: &Ahead, cells: i64) -> [f64; RIVALS.len()] {
        if cells == 0 {
            return [share; RIVALS.len()];
        }
        let to = cell + cells;
        let last_week = |cell: i64| (1..=4).find_map(|weeks| lot.share(cell - weeks * self.week));
        let usual_now = self.recent.last().filter(|(at, ..)| *at == cell).map_or(f64::NAN, |(.., usual)| *usual);
        let (usual, residual) = (self.usual(to), share - usual_now);
        let or_still = |value: Option<f64>| value.filter(|value| !value.is_nan()).unwrap_or(share).clamp(0.0, 1.0);
        let moved = usual.map(|usual| share + usual - usual_now);
        let (covariance, variance) = ahead.correlation;
        let fade = if variance > 0.0 { (covariance / variance).clamp(0.0, 1.0) } else { 0.9 };
        let season = |cell: i64| self.season[cell.rem_euclid(self.week) as usize];
        let regressed = self
            .features(cell, cells, share, usual_now)
            .zip(usual)
            .map(|(x, usual)| usual + x.iter().zip(ahead.weights).map(|(x, weight)| x * weight).sum::<f64>());
        [
            share,
            or_still(last_week(to)),
            or_still(usual),
            or_still(last_week(to).zip(last_week(cell)).map(|(then, now)| share + then - now)),
            or_still(moved),
            or_still(usual.map(|usual| usual + fade * residual)),
            or_still((self.visits[to.rem_euclid(self.week) as usize] > 0.0).then(|| self.level + season(to))),
            or_still(regressed.or(moved)),
        ]
    }
}

impl Ahead {
    fn regress(&mut self, x: &[f64; FEATURES], target: f64) {
        let seen: [f64; FEATURES] =
            std::array::from_fn(|row| self.covariance[row].iter().zip(x).map(|(value, x)| value * x).sum());
        let denominator = FORGETTING + seen.iter().zip(x).map(|(value, x)| value * x).sum::<f64>();
        let error = target - self.weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>();
        let trace: f64 = (0..FEATURES).map(|feature| self.covariance[feature][feature]).sum();
        let grow = if trace < 10.0 * FIRST_VARIANCE * FEATURES as f64 { 1.0 / FORGETTING } else { 1.0 };
        for row in 0..FEATURES {
            let gain = seen[row] / denominator;
            self.weights[row] += gain * error;
            for (value, seen) in self.covariance[row].iter_mut().zip(&seen) {
                *value = (*value - gain * seen) * grow;
            }
        }
    }
}
