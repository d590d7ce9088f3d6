//! What forecasts of one lot and horizon were wrong by.

use super::grid::Row;
use crate::forecast::model::Forecast;

/// Sums over the rows judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Score {
    pub(super) rows: f64,
    /// Absolute and squared errors, shares of the capacity: of the model, then of each rival.
    pub(super) absolute: Vec<f64>,
    pub(super) squared: Vec<f64>,
    pub(super) inside: f64,
    pub(super) width: f64,
    pub(super) full: f64,
    pub(super) brier: f64,
    pub(super) brier_raw: f64,
    /// Rows that each method made.
    pub(super) methods: [f64; 3],
}

impl Score {
    pub(super) fn new(rivals: usize) -> Self {
        Self {
            rows: 0.0,
            absolute: vec![0.0; rivals + 1],
            squared: vec![0.0; rivals + 1],
            inside: 0.0,
            width: 0.0,
            full: 0.0,
            brier: 0.0,
            brier_raw: 0.0,
            methods: [0.0; 3],
        }
    }

    /// Judges a forecast made at `row` by the occupied share that came.
    pub(super) fn judge(&mut self, forecast: &Forecast, row: &Row, truth: f64, rivals: &[f64]) {
        let capacity = f64::from(row.capacity);
        let ours = 1.0 - forecast.expected / capacity;
        self.rows += 1.0;
        for (index, share) in std::iter::once(&ours).chain(rivals).enumerate() {
            self.absolute[index] += (share - truth).abs();
            self.squared[index] += (share - truth).powi(2);
        }
        let free = (1.0 - truth) * capacity;
        let within = f64::from(forecast.low) - 1e-6 <= free && free <= f64::from(forecast.high) + 1e-6;
        self.inside += f64::from(u8::from(within));
        self.width += f64::from(forecast.high - forecast.low) / capacity;
        let is_full = |free: f64| f64::from(u8::from(free.round() <= f64::from(forecast.why.full_at)));
        let was = is_full(free);
        self.full += was;
        self.brier += (1.0 - forecast.chance - was).powi(2);
        self.brier_raw += (is_full(f64::from(row.free)) - was).powi(2);
        self.methods[forecast.method as usize] += 1.0;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        for (sum, more) in self.absolute.iter_mut().zip(&other.absolute) {
            *sum += more;
        }
        for (sum, more) in self.squared.iter_mut().zip(&other.squared) {
            *sum += more;
        }
        self.inside += other.inside;
        self.width += other.width;
        self.full += other.full;
        self.brier += other.brier;
        self.brier_raw += other.brier_raw;
        for (sum, more) in self.methods.iter_mut().zip(other.methods) {
            *sum += more;
        }
    }
}
