//! What a forecast is made from: how far the lot is from what is usual, which way that went, and what usually comes.

use super::{curve::Curve, profile::Usual};

/// How many features there are.
pub(super) const FEATURES: usize = 7;
/// The horizons each of which has weights of its own, minutes.
pub(super) const ANCHORS_MIN: [i64; 4] = [15, 30, 60, 120];
/// How many there are.
pub(super) const ANCHORS: usize = ANCHORS_MIN.len();
/// The constant feature: of the size of the others, so that its weight is.
const CONSTANT: f32 = 0.02;
/// A usual share below this does not stretch the residual further.
const LEAST_USUAL: f32 = 0.1;
/// The residual fades to half in this time beyond the last horizon, seconds.
const HALF_LIFE_S: f64 = 7200.0;

/// A lot at an instant, in occupied shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Here {
    pub(super) usual: Usual,
    /// How far it is above the usual.
    residual: f32,
    /// How much of that came in the last quarter of an hour, and in the half hour before.
    newer: f32,
    older: f32,
}

impl Here {
    /// A lot that is at `share` at `at_s` where `usual` would be; `before` says what was usual a number of seconds earlier.
    pub(super) fn new(
        curve: &Curve,
        at_s: i64,
        share: f32,
        usual: Usual,
        before: impl Fn(i64) -> Option<Usual>,
    ) -> Self {
        let residual = share - usual.share;
        let past = |ago_s: i64| Some(curve.near(at_s - ago_s)? - before(ago_s)?.share);
        let (newer, older) = match (past(900), past(2700)) {
            (Some(newer), Some(older)) => (residual - newer, newer - older),
            (Some(newer), None) => (residual - newer, 0.0),
            (None, _) => (0.0, 0.0),
        };
        Self { usual, residual, newer, older }
    }

    /// The features of a forecast to where `then` is usual.
    #[inline]
    pub(super) fn features(&self, then: &Usual) -> [f32; FEATURES] {
        let change = then.share - self.usual.share;
        let kind_change = then.kind_share - self.usual.kind_share;
        [
            self.residual,
            self.newer,
            self.older,
            change,
            CONSTANT,
            kind_change - change,
            self.residual * change / self.usual.share.max(LEAST_USUAL),
        ]
    }
}

/// The weights before anything was seen: most of the residual stays, the less the later.
pub(super) fn prior(anchor: usize) -> [f64; FEATURES] {
    let mut weights = [0.0; FEATURES];
    weights[0] = [0.95, 0.9, 0.85, 0.7][anchor];
    weights
}

/// The weights of an arrival now: the residual as it is.
const NOW: [f64; FEATURES] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

/// Where a horizon lies among the anchors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reach {
    /// The first anchor that reaches as far, or the last.
    pub(super) upper: usize,
    /// How far it is from the anchor before, or from now, to that one; 0 to 1.
    pub(super) way: f64,
    /// What is left of the residual beyond the last anchor.
    pub(super) fade: f64,
    /// How much wider errors are beyond the last anchor.
    pub(super) wider: f32,
}

impl Reach {
    /// The place of a horizon of `horizon_s` seconds.
    pub(super) fn of(horizon_s: i64) -> Self {
        let last_s = ANCHORS_MIN[ANCHORS - 1] * 60;
        if horizon_s > last_s {
            let over_s = (horizon_s - last_s) as f64;
            let wider = (horizon_s as f32 / last_s as f32).sqrt().min(2.0);
            return Self { upper: ANCHORS - 1, way: 1.0, fade: (-over_s / HALF_LIFE_S).exp2(), wider };
        }
        let upper = ANCHORS_MIN.iter().position(|minutes| horizon_s <= minutes * 60).unwrap_or(ANCHORS - 1);
        let from_s = if upper == 0 { 0 } else { ANCHORS_MIN[upper - 1] * 60 };
        let way = (horizon_s - from_s) as f64 / (ANCHORS_MIN[upper] * 60 - from_s) as f64;
        Self { upper, way: way.clamp(0.0, 1.0), fade: 1.0, wider: 1.0 }
    }

    /// The weights of this horizon, from those of the anchors.
    #[inline]
    pub(super) fn weights(&self, anchors: &[[f64; FEATURES]; ANCHORS]) -> [f64; FEATURES] {
        let lower = if self.upper == 0 { &NOW } else { &anchors[self.upper - 1] };
        let upper = &anchors[self.upper];
        let mut weights = [0.0; FEATURES];
        for (feature, weight) in weights.iter_mut().enumerate() {
            *weight = (lower[feature] + (upper[feature] - lower[feature]) * self.way) * self.fade;
        }
        weights
    }

    /// A value of this horizon that is 0 now, from those of the anchors.
    #[inline]
    pub(super) fn value(&self, at: impl Fn(usize) -> f32) -> f32 {
        let lower = if self.upper == 0 { 0.0 } else { at(self.upper - 1) };
        (lower + (at(self.upper) - lower) * self.way as f32) * self.wider
    }
}

/// Features as the regression takes them.
pub(super) fn wide(x: &[f32; FEATURES]) -> [f64; FEATURES] {
    x.map(f64::from)
}
