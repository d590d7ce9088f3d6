//! Recursive least squares with forgetting by time, a bounded covariance, and a robust step: one update costs what a handful of
//! multiplications cost, and a wild reading moves it no further than a bad one.

use serde::{Deserialize, Serialize};

use super::features::FEATURES;

/// Entries of the upper triangle of the covariance.
const TRIANGLE: usize = FEATURES * (FEATURES + 1) / 2;
/// Variance of each weight before anything was seen.
const FIRST_VARIANCE: f64 = 250.0;
/// The covariance grows by forgetting to at most this many times what it began with.
const GROWTH: f64 = 10.0;
/// An error of more than so many usual ones counts as so many.
const ROBUST: f64 = 2.0;
/// The usual error before any was seen, shares of the capacity.
const FIRST_ERROR: f64 = 0.02;
/// Weight of the newest error in the usual one.
const ERROR_WEIGHT: f64 = 0.01;

/// Weights that follow what the residual turns out to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rls {
    weights: [f64; FEATURES],
    #[serde(with = "serde_arrays")]
    covariance: [f64; TRIANGLE],
    usual_error: f64,
    last_s: i64,
    seen: u32,
}

/// Arrays longer than serde's own impls reach, as sequences.
mod serde_arrays {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer, const N: usize>(array: &[f64; N], to: S) -> Result<S::Ok, S::Error> {
        array.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[f64; N], D::Error> {
        let list = Vec::<f64>::deserialize(from)?;
        list.try_into().map_err(|list: Vec<f64>| D::Error::invalid_length(list.len(), &"another number of values"))
    }
}

impl Rls {
    /// Weights before anything was seen.
    pub(super) fn new(prior: [f64; FEATURES]) -> Self {
        let mut covariance = [0.0; TRIANGLE];
        for feature in 0..FEATURES {
            covariance[index(feature, feature)] = FIRST_VARIANCE;
        }
        Self { weights: prior, covariance, usual_error: FIRST_ERROR, last_s: i64::MIN, seen: 0 }
    }

    /// The weights.
    pub(super) fn weights(&self) -> &[f64; FEATURES] {
        &self.weights
    }

    /// How many times it has learned.
    pub(super) fn seen(&self) -> u32 {
        self.seen
    }

    /// Learns that `x` turned out as `target` at `at_s`; what was learned fades within `memory_s`.
    pub(super) fn learn(&mut self, x: &[f64; FEATURES], target: f64, at_s: i64, memory_s: f64) {
        let past_s = if self.last_s == i64::MIN { 0 } else { at_s.saturating_sub(self.last_s).max(0) };
        self.last_s = self.last_s.max(at_s);
        self.seen = self.seen.saturating_add(1);
        self.forget((-(past_s as f64) / memory_s).exp());
        let error = target - dot(&self.weights, x);
        let wild = error.abs() / (ROBUST * self.usual_error);
        let noise = wild.max(1.0);
        self.usual_error += ERROR_WEIGHT * (error.abs().min(5.0 * self.usual_error) - self.usual_error);
        self.usual_error = self.usual_error.max(1e-6);
        let mut seen = [0.0; FEATURES];
        for (row, value) in seen.iter_mut().enumerate() {
            *value = (0..FEATURES).map(|column| self.covariance[index(row, column)] * x[column]).sum();
        }
        let denominator = noise + dot(&seen, x);
        for row in 0..FEATURES {
            let gain = seen[row] / denominator;
            self.weights[row] += gain * error;
            for (column, seen) in seen.iter().enumerate().skip(row) {
                self.covariance[index(row, column)] -= gain * seen;
            }
        }
    }

    fn forget(&mut self, keep: f64) {
        let trace: f64 = (0..FEATURES).map(|feature| self.covariance[index(feature, feature)]).sum();
        let most = GROWTH * FIRST_VARIANCE * FEATURES as f64;
        if keep < 1.0 && trace > 0.0 {
            let growth = (1.0 / keep.max(1e-6)).min((most / trace).max(1.0));
            self.covariance.iter_mut().for_each(|value| *value *= growth);
        }
    }
}

pub(super) fn dot(a: &[f64; FEATURES], b: &[f64; FEATURES]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Where an entry of the symmetric covariance is kept.
fn index(row: usize, column: usize) -> usize {
    let (low, high) = if row < column { (row, column) } else { (column, row) };
    low * (2 * FEATURES - low - 1) / 2 + high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_triangle_has_its_own_place() {
        let mut places: Vec<usize> =
            (0..FEATURES).flat_map(|row| (row..FEATURES).map(move |column| index(row, column))).collect();
        places.sort_unstable();
        assert_eq!(places, (0..TRIANGLE).collect::<Vec<_>>());
    }

    #[test]
    fn it_finds_the_weights_of_a_law_and_a_wild_reading_does_not_throw_it_off() {
        let law = [0.8, -0.3, 0.1, 0.05, 1.0, 0.4, -0.2];
        let mut rls = Rls::new([0.0; FEATURES]);
        let mut x = [0.0; FEATURES];
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        for step in 0..2000 {
            for value in &mut x {
                *value = 0.2 * next();
            }
            let wild = if step % 100 == 99 { 1.0 } else { 0.0 };
            rls.learn(&x, dot(&law, &x) + wild, step * 900, 30.0 * 86_400.0);
        }
        for (found, law) in rls.weights().iter().zip(law) {
            assert!((found - law).abs() < 0.1, "{found} for {law}");
        }
    }
}
