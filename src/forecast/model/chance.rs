//! How likely a lot is full on arrival: a logistic regression of its own, learned online from all lots together, because a
//! mean that leans to the usual finds full lots worse than the bare count does.

use serde::{Deserialize, Serialize};

/// How many features there are.
pub(super) const SIGNS: usize = 5;
/// Variance of each weight before anything was seen.
const FIRST_VARIANCE: f64 = 0.1;
/// Of what is learned, this much fades at each step.
const FADE: f64 = 1e-5;
/// The margin counts to at most so many usual errors.
const FURTHEST: f32 = 8.0;

/// What tells a full lot.
pub(super) type Signs = [f32; SIGNS];

/// What a chance is asked about, in places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlook {
    /// Free now.
    pub(super) now: f32,
    /// Free as forecast.
    pub(super) then: f32,
    /// Free as usual at that time; as forecast if nothing is usual.
    pub(super) usual: f32,
    /// The usual error of the forecast.
    pub(super) spread: f32,
    /// The greatest number of free places at which the lot counts as full.
    pub(super) full_at: f32,
}

impl Outlook {
    pub(super) fn signs(&self) -> Signs {
        let over = |free: f32| ((free - self.full_at - 0.5).asinh()) / 3.0;
        let margin = ((self.then - self.full_at - 0.5) / self.spread.max(0.5)).clamp(-FURTHEST, FURTHEST);
        [1.0, margin, f32::from(u8::from(self.now <= self.full_at)), over(self.now), over(self.usual)]
    }
}

/// The weights of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Chance {
    weights: [f64; SIGNS],
    covariance: Vec<f64>,
}

impl Chance {
    /// Weights before anything was seen: those of a two-sided exponential error.
    pub(super) fn new() -> Self {
        let mut covariance = vec![0.0; SIGNS * SIGNS];
        for sign in 0..SIGNS {
            covariance[sign * SIGNS + sign] = FIRST_VARIANCE;
        }
        Self { weights: [0.0, -1.0, 0.5, 0.0, 0.0], covariance }
    }

    /// Whether stored weights have the form this version works with.
    pub(super) fn is_sound(&self) -> bool {
        self.covariance.len() == SIGNS * SIGNS
    }

    /// The chance that the lot is full, 0 to 1.
    pub(super) fn full(&self, signs: &Signs) -> f64 {
        let sum: f64 = self.weights.iter().zip(signs).map(|(weight, sign)| weight * f64::from(*sign)).sum();
        1.0 / (1.0 + (-sum).exp())
    }

    /// Learns whether it was.
    pub(super) fn learn(&mut self, signs: &Signs, was_full: bool) {
        let chance = self.full(signs);
        let x: [f64; SIGNS] = signs.map(f64::from);
        let curvature = (chance * (1.0 - chance)).max(1e-4);
        let mut seen = [0.0; SIGNS];
        for (row, value) in seen.iter_mut().enumerate() {
            *value = (0..SIGNS).map(|column| self.covariance[row * SIGNS + column] * x[column]).sum();
        }
        let denominator = 1.0 / curvature + seen.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>();
        let error = (f64::from(u8::from(was_full)) - chance) / curvature;
        for row in 0..SIGNS {
            let gain = seen[row] / denominator;
            self.weights[row] += (gain * error).clamp(-0.1, 0.1);
            for (column, seen) in seen.iter().enumerate() {
                self.covariance[row * SIGNS + column] -= gain * seen;
            }
        }
        for sign in 0..SIGNS {
            let variance = &mut self.covariance[sign * SIGNS + sign];
            *variance = (*variance + FADE * FIRST_VARIANCE).clamp(1e-9, FIRST_VARIANCE);
        }
    }
}

/// The greatest number of free places at which a lot counts as full: three or 2 %, but at most a fifth of a small lot.
pub(super) fn full_at(capacity: u32) -> u32 {
    (capacity / 50).max(3).min(capacity / 5)
}
