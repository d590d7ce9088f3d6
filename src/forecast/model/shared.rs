//! What all lots of a city teach together: how residuals fade these days, and how likely a lot is full.

use serde::{Deserialize, Serialize};

use super::{
    chance::{Chance, Signs},
    features::{ANCHORS, FEATURES, prior},
    rls::Rls,
};

/// What all lots have taught fades within this time, seconds: days before a feast are not like those after it.
const MEMORY_S: f64 = 4.0 * 86_400.0;

/// The weights of all lots together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    regressions: Vec<Rls>,
    chances: Vec<Chance>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            regressions: (0..ANCHORS).map(|anchor| Rls::new(prior(anchor))).collect(),
            chances: (0..ANCHORS).map(|_| Chance::new()).collect(),
        }
    }
}

impl Shared {
    /// Whether stored weights have the form this version works with.
    pub fn is_sound(&self) -> bool {
        self.regressions.len() == ANCHORS && self.chances.len() == ANCHORS && self.chances.iter().all(Chance::is_sound)
    }

    pub(super) fn weights(&self, anchor: usize) -> &[f64; FEATURES] {
        self.regressions[anchor].weights()
    }

    pub(super) fn learn(&mut self, anchor: usize, x: &[f64; FEATURES], target: f64, at_s: i64) {
        self.regressions[anchor].learn(x, target, at_s, MEMORY_S);
    }

    pub(super) fn full(&self, anchor: usize, signs: &Signs) -> f64 {
        self.chances[anchor].full(signs)
    }

    pub(super) fn learn_full(&mut self, anchor: usize, signs: &Signs, was_full: bool) {
        self.chances[anchor].learn(signs, was_full);
    }
}
