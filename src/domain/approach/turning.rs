//! Which share of those who pass an approach turn into a lot, learned from what arrives there: a regression that is small, slow to
//! believe, and never below nothing.
//!
//! Each half minute a lot's arrivals are held against the passages whose arrival was due then, both less what was usual in the
//! minutes before, and less how that was moving: what rises and falls with the hours of the day teaches nothing. All approaches of
//! a lot are judged together, so that a car which passes two of them is one car.

use serde::{Deserialize, Serialize};

use crate::domain::ids::ApproachId;

/// Length of a step of learning, seconds.
pub const BIN_S: i64 = 30;
/// What is usual is an average that fades within so many steps: ten minutes.
const USUAL: f64 = 20.0;
/// How far a share may lie from the one given, before anything was seen (one deviation).
const DOUBT: f64 = 0.15;
/// The least arrivals of a step that are weighed with.
const LEAST: f64 = 0.25;
/// What is farther off than so many deviations counts as that far.
const WILD: f64 = 6.0;
/// Steps after which the deviation is known.
const SETTLED: u32 = 20;
/// The dispersion fades within so many steps.
const DISPERSION: f64 = 200.0;
/// Most rounds in which the shares are brought to agree, and when they do.
const ROUNDS: usize = 60;
const AGREED: f64 = 1e-7;

/// A step of one lot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin<'a> {
    /// Vehicles of each approach, in the order of the legs, whose arrival was due in it if all of them came.
    pub due: &'a [f64],
    /// Vehicles that came.
    pub came: f64,
}

/// What is usual of a number, and by how much the number is off it lately: twice the same average.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Usual {
    level: f64,
    drift: f64,
}

impl Usual {
    /// How far a number is from what was usual before it; and it becomes a part of what is.
    fn part(&mut self, number: f64, pace: f64) -> f64 {
        if pace >= 1.0 {
            *self = Self { level: number, drift: 0.0 };
            return 0.0;
        }
        let off = number - self.level;
        self.level += off * pace;
        let rest = off - self.drift;
        self.drift += rest * pace;
        rest
    }

    fn is_finite(&self) -> bool {
        self.level.is_finite() && self.drift.is_finite()
    }
}

/// What was learned of one lot: the share of each approach that leads to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Turning {
    approaches: Vec<ApproachId>,
    shares: Vec<f64>,
    usual_due: Vec<Usual>,
    usual_came: Usual,
    /// Sums of products of what was due, row by row, and with what came; they fade.
    products: Vec<f64>,
    with_came: Vec<f64>,
    /// The variance of what came against what is expected of passing cars.
    dispersion: f64,
    steps: u32,
}

impl Turning {
    /// Takes the approaches that lead to the lot now, each with the share given for it: what was learned of those that stay is
    /// kept.
    pub fn fit(&mut self, legs: &[(ApproachId, f64)]) {
        if self.approaches.iter().eq(legs.iter().map(|(approach, _)| approach)) {
            return;
        }
        let old: Vec<Option<usize>> = legs.iter().map(|(id, _)| self.place(id)).collect();
        let count = self.approaches.len();
        let pick = |from: &[f64], place: &Option<usize>| place.and_then(|place| from.get(place).copied());
        let mut next = Self {
            approaches: legs.iter().map(|(id, _)| id.clone()).collect(),
            shares: legs.iter().zip(&old).map(|((_, given), was)| pick(&self.shares, was).unwrap_or(*given)).collect(),
            usual_due: old
                .iter()
                .map(|was| was.and_then(|was| self.usual_due.get(was).copied()).unwrap_or_default())
                .collect(),
            products: vec![0.0; legs.len() * legs.len()],
            with_came: old.iter().map(|was| pick(&self.with_came, was).unwrap_or(0.0)).collect(),
            // What is usual of a new approach is not known yet.
            steps: if old.iter().all(Option::is_some) { self.steps } else { 0 },
            ..*self
        };
        for (row, was_row) in old.iter().enumerate() {
            for (column, was_column) in old.iter().enumerate() {
                let was = was_row.zip(*was_column).map(|(row, column)| row * count + column);
                next.products[row * legs.len() + column] = pick(&self.products, &was).unwrap_or(0.0);
            }
        }
        *self = next;
    }

    /// Learns a step, in the order of time. `memory` is for how many steps it is remembered, `most` the largest share believed.
    pub fn learn(&mut self, legs: &[(ApproachId, f64)], bin: Bin<'_>, memory: f64, most: f64) {
        self.fit(legs);
        let count = self.approaches.len();
        if bin.due.len() != count || count == 0 || !bin.came.is_finite() || bin.due.iter().any(|due| !due.is_finite()) {
            return;
        }
        let weight = 1.0 / (self.usual_came.level.max(0.0) + LEAST);
        self.steps = self.steps.saturating_add(1);
        let pace = 1.0 / USUAL.min(f64::from(self.steps));
        let due: Vec<f64> = self.usual_due.iter_mut().zip(bin.due).map(|(usual, due)| usual.part(*due, pace)).collect();
        let came = self.usual_came.part(bin.came, pace);
        // The first two only tell what is usual.
        if self.steps > 2 {
            let expected: f64 = due.iter().zip(&self.shares).map(|(due, share)| due * share).sum();
            let mut off = came - expected;
            if self.steps >= SETTLED {
                let far = WILD * (self.dispersion / weight).sqrt();
                off = off.clamp(-far, far);
            }
            let fade = 1.0 - 1.0 / memory.max(1.0);
            for row in 0..count {
                for column in 0..count {
                    let sum = &mut self.products[row * count + column];
                    *sum = *sum * fade + weight * due[row] * due[column];
                }
                self.with_came[row] = self.with_came[row] * fade + weight * due[row] * (expected + off);
            }
            let pace = 1.0 / DISPERSION.min(f64::from(self.steps));
            self.dispersion += (weight * off * off - self.dispersion) * pace;
        }
        self.settle(legs, most);
    }

    /// The shares that agree best with what was seen and with those given: of each in turn, till none moves.
    fn settle(&mut self, legs: &[(ApproachId, f64)], most: f64) {
        let count = self.approaches.len();
        let doubt = self.dispersion.max(0.5) / (DOUBT * DOUBT);
        for _ in 0..ROUNDS {
            let mut moved = 0.0f64;
            for (nth, (_, given)) in legs.iter().enumerate().take(count) {
                let others: f64 = (0..count)
                    .filter(|other| *other != nth)
                    .map(|other| self.products[nth * count + other] * self.shares[other])
                    .sum();
                let own = self.products[nth * count + nth];
                let share = ((self.with_came[nth] + doubt * given - others) / (own + doubt)).clamp(0.0, most);
                moved = moved.max((share - self.shares[nth]).abs());
                self.shares[nth] = share;
            }
            if moved < AGREED {
                break;
            }
        }
    }

    fn place(&self, approach: &ApproachId) -> Option<usize> {
        self.approaches.iter().position(|known| known == approach)
    }

    /// The share of those who pass an approach that turn into the lot; `None` of one that nothing was learned of.
    pub fn share(&self, approach: &ApproachId) -> Option<f64> {
        self.shares.get(self.place(approach)?).copied()
    }

    /// Half minutes it has learned from.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Whether what was read makes sense.
    pub fn is_sound(&self) -> bool {
        let count = self.approaches.len();
        let fits = [self.shares.len(), self.usual_due.len(), self.with_came.len()].iter().all(|len| *len == count);
        let sums =
            self.products.iter().chain(&self.with_came).chain([&self.dispersion]).all(|number| number.is_finite());
        let usual = self.usual_due.iter().chain([&self.usual_came]).all(Usual::is_finite);
        let shares = self.shares.iter().all(|share| (0.0..=1.0).contains(share));
        fits && self.products.len() == count * count && sums && usual && shares
    }
}
