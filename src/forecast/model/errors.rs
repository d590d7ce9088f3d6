//! How wrong forecasts of one horizon have been: which method to trust, and how wide the band must be.

use serde::{Deserialize, Serialize};

/// Weight of the newest error of a method.
const METHOD_WEIGHT: f32 = 0.04;
/// Weight of the newest error of a part of the day.
const SPREAD_WEIGHT: f32 = 0.05;
/// Parts of the day that have errors of their own.
pub(super) const PARTS: usize = 6;
/// How fast the ends of the band follow, in usual errors.
const QUANTILE_STEP: f32 = 0.2;
/// The share of errors left out at each end: a little less than one in twenty, for the ends follow and come late.
const TAIL: f32 = 0.044;
/// The ends before anything was seen, in usual errors: a little wider than those of a two-sided exponential.
const FIRST_END: f32 = 2.5;
/// Ends are kept within these, in usual errors.
const ENDS: (f32, f32) = (0.5, 12.0);
/// A simpler method must have been better by this factor to be taken.
const CLEARLY: f32 = 0.95;
/// The error believed before any was seen, shares of the capacity: a base and what an hour adds. A number that stays is wrong
/// by about 2 % at 15 minutes and 7 % at an hour on public series of city lots.
const FIRST_ERROR: (f32, f32) = (0.01, 0.06);
/// The usual error never falls below this share of the capacity.
const LEAST_SPREAD: f32 = 0.001;

/// What the methods were wrong by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Missed {
    /// The number that stays.
    pub(super) still: f32,
    /// The number moved as usual.
    pub(super) moved: f32,
    /// The regression.
    pub(super) regression: f32,
}

/// Errors of one horizon, shares of the capacity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Errors {
    still: f32,
    moved: f32,
    regression: f32,
    spread: [f32; PARTS],
    low: f32,
    high: f32,
}

/// A method of forecasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trusted {
    /// The number that stays.
    Still,
    /// The number moved as usual.
    Moved,
    /// The regression.
    Regression,
}

impl Errors {
    /// What is believed before anything was seen, at a horizon of so many minutes.
    pub(super) fn new(minutes: i64) -> Self {
        let first = FIRST_ERROR.0 + FIRST_ERROR.1 * minutes as f32 / 60.0;
        Self {
            still: first,
            moved: 0.7 * first,
            regression: 0.7 * first,
            spread: [0.5 * first; PARTS],
            low: FIRST_END,
            high: FIRST_END,
        }
    }

    /// The method that was least wrong of late; a simpler one only where it was clearly better.
    pub(super) fn trusted(&self) -> Trusted {
        let simpler = self.still.min(self.moved);
        if self.regression * CLEARLY <= simpler {
            Trusted::Regression
        } else if self.still <= self.moved {
            Trusted::Still
        } else {
            Trusted::Moved
        }
    }

    /// Mean absolute errors of late, of the three methods.
    pub(super) fn told(&self) -> (f32, f32, f32) {
        (self.still, self.moved, self.regression)
    }

    /// Learns what the methods missed by.
    pub(super) fn learn_methods(&mut self, missed: &Missed) {
        let track = |error: &mut f32, newest: f32| *error += METHOD_WEIGHT * (newest.abs() - *error);
        track(&mut self.still, missed.still);
        track(&mut self.moved, missed.moved);
        track(&mut self.regression, missed.regression);
    }

    /// Learns that a forecast was too low by `error`, in a part of the day.
    pub(super) fn learn_band(&mut self, error: f32, part: usize) {
        let spread = self.spread(part);
        let step = |end: &mut f32, out: bool| {
            let by = if out { 1.0 - TAIL } else { -TAIL };
            *end = (*end + QUANTILE_STEP * by).clamp(ENDS.0, ENDS.1);
        };
        let (above, below) = (error > self.high * spread, error < -self.low * spread);
        step(&mut self.high, above);
        step(&mut self.low, below);
        let seen = &mut self.spread[part];
        *seen += SPREAD_WEIGHT * (error.abs().min(8.0 * spread) - *seen);
    }

    /// The usual error in a part of the day.
    pub(super) fn spread(&self, part: usize) -> f32 {
        self.spread[part].max(LEAST_SPREAD)
    }

    /// How far the truth may lie below and above a forecast.
    pub(super) fn ends(&self, part: usize) -> (f32, f32) {
        let spread = self.spread(part);
        (self.low * spread, self.high * spread)
    }
}

/// The part of the day an hour lies in.
pub(super) fn part(hour: u8) -> usize {
    (usize::from(hour) * PARTS / 24).min(PARTS - 1)
}
