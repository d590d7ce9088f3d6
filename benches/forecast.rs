//! The forecast of many lots at many horizons, and what one more reading of each costs, beside a bare loop of the same
//! floating-point work in the same run.
//!
//! `./run bench forecast`, or `cargo bench --bench forecast -- SECONDS`. No network, no disk.

use std::{
    hint::black_box,
    io::Write,
    time::{Duration, Instant as Wall},
};

use chrono::Duration as Span;
use yunpark::{
    domain::{calendar::Calendar, time::Instant},
    forecast::{LotModel, Reading, Shared},
};

type Failure = Box<dyn std::error::Error>;

const LOTS: usize = 10_000;
const HORIZONS: usize = 24;
/// Models that are taught; the others are copies of them, each in memory of its own.
const TAUGHT: usize = 50;
const DAYS: i64 = 15;
const FEATURES: usize = 7;
const ANCHORS: usize = 4;
const SIGNS: usize = 5;
/// Most times the bare loop that the real one may take.
const LIMIT: f64 = 3.0;

fn main() -> Result<(), Failure> {
    let seconds: u64 = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(5);
    let span = Duration::from_secs(seconds.max(1)) / 4;
    let mut out = std::io::stdout().lock();
    let calendar = Calendar::plain(chrono_tz::Asia::Shanghai);
    let start = Instant::UNIX_EPOCH + Span::days(20_000);
    let mut shared = Shared::default();
    let mut taught: Vec<LotModel> = (0..TAUGHT).map(|_| LotModel::new()).collect();
    for step in 0..DAYS * 96 {
        let at = start + Span::minutes(15 * step);
        for (index, model) in taught.iter_mut().enumerate() {
            model.learn(reading(at, step, index), &calendar, &mut shared);
        }
    }
    let mut models: Vec<LotModel> = (0..LOTS).map(|lot| taught[lot % TAUGHT].clone()).collect();
    writeln!(out, "{LOTS} lots, taught {DAYS} days; {} bytes a lot in memory", models[0].bytes())?;

    let now = start + Span::minutes(15 * (DAYS * 96 - 1));
    let arrivals: Vec<_> =
        (1..=HORIZONS as i64).map(|step| (calendar.moment(now + Span::minutes(5 * step)), 300 * step)).collect();
    let real = fastest(span, || {
        let mut sum = 0.0;
        for (index, model) in models.iter().enumerate() {
            let now = reading(now, DAYS * 96 - 1, index);
            sum += model.forecast_all(now, &arrivals, &calendar, &shared).iter().map(|f| f.expected).sum::<f64>();
        }
        sum
    });
    let bare = Bare::new();
    let loop_ = fastest(span, || bare.forecast());
    told(&mut out, &format!("forecast of {LOTS} lots x {HORIZONS} horizons"), real, loop_)?;

    let mut step = DAYS * 96;
    let real = fastest(span, || {
        let at = start + Span::minutes(15 * step);
        for (index, model) in models.iter_mut().enumerate() {
            model.learn(reading(at, step, index), &calendar, &mut shared);
        }
        step += 1;
        0.0
    });
    let mut bare = Bare::new();
    let loop_ = fastest(span, || bare.update());
    told(&mut out, &format!("one more reading of {LOTS} lots, with all they teach"), real, loop_)?;
    Ok(())
}

fn reading(at: Instant, step: i64, lot: usize) -> Reading {
    let wave = ((step as f64 / 96.0 + lot as f64 * 0.02) * std::f64::consts::TAU).sin();
    let noise = (step * 7919 + lot as i64 * 104_729).rem_euclid(17) as f64;
    Reading { at, free: (250.0 + 200.0 * wave + noise) as u32, capacity: 500 }
}

/// The shortest run of a few, at least three, within a time.
fn fastest(span: Duration, mut run: impl FnMut() -> f64) -> Duration {
    let began = Wall::now();
    let mut best = Duration::MAX;
    let mut runs = 0;
    while runs < 3 || began.elapsed() < span {
        let from = Wall::now();
        black_box(run());
        best = best.min(from.elapsed());
        runs += 1;
    }
    best
}

fn told(out: &mut impl Write, name: &str, real: Duration, bare: Duration) -> std::io::Result<()> {
    let ratio = real.as_secs_f64() / bare.as_secs_f64();
    let holds = if ratio <= LIMIT { "holds" } else { "FAILS" };
    let each = real.as_nanos() as f64 / LOTS as f64;
    writeln!(
        out,
        "{name}: {:.1} ms ({each:.0} ns a lot); bare loop {:.1} ms; {ratio:.2} times it, at most {LIMIT} {holds}",
        real.as_secs_f64() * 1e3,
        bare.as_secs_f64() * 1e3
    )
}

/// The same floating-point work over flat arrays: no calendar, no gate, no bounds of a lot.
struct Bare {
    profile: Vec<f32>,
    weights: Vec<f64>,
    spread: Vec<f32>,
    covariance: Vec<f64>,
    chance: Vec<f64>,
}

const PROFILE: usize = 1056;
const TRIANGLE: usize = FEATURES * (FEATURES + 1) / 2;

impl Bare {
    fn new() -> Self {
        let values = |count: usize| (0..count).map(move |index| 0.3 + 0.2 * ((index % 97) as f64 / 97.0));
        Self {
            profile: values(LOTS * PROFILE).map(|value| value as f32).collect(),
            weights: values(LOTS * ANCHORS * FEATURES).collect(),
            spread: values(LOTS * ANCHORS * 2).map(|value| value as f32).collect(),
            covariance: values(LOTS * ANCHORS * TRIANGLE).map(|value| value * 0.01).collect(),
            chance: vec![0.1; SIGNS * SIGNS],
        }
    }

    /// One lot's forecasts at every horizon.
    #[inline]
    fn lot(&self, lot: usize, horizons: usize) -> f64 {
        let profile = &self.profile[lot * PROFILE..(lot + 1) * PROFILE];
        let own = &self.weights[lot * ANCHORS * FEATURES..(lot + 1) * ANCHORS * FEATURES];
        let mut mixed = [0.0; ANCHORS * FEATURES];
        for (mixed, own) in mixed.iter_mut().zip(own) {
            *mixed = 0.4 * own + 0.6 * 0.5;
        }
        let usual = |slot: usize, share: f32| {
            let at = |slot: usize| {
                let (weekday, kind) = (profile[slot % 672], profile[672 + slot % 384]);
                (0.8 * weekday + 0.2 * kind, kind)
            };
            let (a, b) = (at(slot), at(slot + 1));
            (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
        };
        let here = usual(lot % 600, 0.3);
        let share = 0.4_f32;
        let residual = share - here.0;
        let mut sum = 0.0;
        for horizon in 0..horizons {
            let way = horizon as f64 / horizons as f64;
            let upper = (horizon * ANCHORS / horizons).max(1);
            let then = usual(lot % 600 + horizon / 3, way as f32);
            let change = then.0 - here.0;
            let x = [residual, 0.01, 0.02, change, 0.02, then.1 - here.1 - change, residual * change / here.0.max(0.1)];
            let (low, high) = (&mixed[(upper - 1) * FEATURES..], &mixed[upper * FEATURES..]);
            let moved: f64 = (0..FEATURES)
                .map(|feature| (low[feature] + (high[feature] - low[feature]) * way) * f64::from(x[feature]))
                .sum();
            let expected = (1.0 - (f64::from(then.0) + moved).clamp(0.0, 1.0)) * 500.0;
            let spread = &self.spread[lot * ANCHORS * 2..];
            let ends = spread[upper] + (spread[upper + 1] - spread[upper]) * way as f32;
            let wide = spread[upper + 2] + (spread[upper + 3] - spread[upper + 2]) * way as f32;
            let over = |free: f64| (free as f32 - 10.5).asinh() / 3.0;
            let signs = [
                1.0,
                ((expected as f32 - 10.5) / (ends * 500.0)).clamp(-8.0, 8.0),
                0.0,
                over(200.0),
                over(f64::from(then.0) * 500.0),
            ];
            let logit = |scale: f64| -> f64 {
                signs.iter().zip(&self.chance).map(|(sign, weight)| scale * weight * f64::from(*sign)).sum()
            };
            let (a, b) = (1.0 / (1.0 + (-logit(1.0)).exp()), 1.0 / (1.0 + (-logit(1.1)).exp()));
            let (below, above) =
                ((expected - f64::from(ends)).clamp(0.0, 500.0), (expected + f64::from(wide)).clamp(0.0, 500.0));
            sum += expected + below.floor() + above.ceil() + a + (b - a) * way;
        }
        sum
    }

    fn forecast(&self) -> f64 {
        (0..LOTS).map(|lot| self.lot(lot, HORIZONS)).sum()
    }

    /// For each lot: four forecasts, and for each anchor two regressions and one chance that learn.
    fn update(&mut self) -> f64 {
        let mut sum = 0.0;
        let mut all = [0.02; TRIANGLE];
        let mut all_weights = [0.1; FEATURES];
        let (mut chance, mut chance_weights) = ([0.1; SIGNS * SIGNS], [0.1; SIGNS]);
        for lot in 0..LOTS {
            sum += self.lot(lot, ANCHORS);
            for anchor in 0..ANCHORS {
                let at = lot * ANCHORS + anchor;
                let x: [f64; FEATURES] = std::array::from_fn(|feature| 0.01 * (feature + lot % 7) as f64);
                let target = 0.01 * (lot % 5) as f64;
                learn(
                    &mut self.covariance[at * TRIANGLE..(at + 1) * TRIANGLE],
                    &mut self.weights[at * FEATURES..(at + 1) * FEATURES],
                    &x,
                    target,
                );
                learn(&mut all, &mut all_weights, &x, target);
                let signs: [f64; SIGNS] = std::array::from_fn(|sign| 0.1 * (sign + lot % 3) as f64);
                let logit: f64 = signs.iter().zip(&chance_weights).map(|(sign, weight)| sign * weight).sum();
                let p = 1.0 / (1.0 + (-logit).exp());
                let seen: [f64; SIGNS] = std::array::from_fn(|row| {
                    (0..SIGNS).map(|column| chance[row * SIGNS + column] * signs[column]).sum()
                });
                let denominator = 4.0 + seen.iter().zip(&signs).map(|(a, b)| a * b).sum::<f64>();
                for row in 0..SIGNS {
                    let gain = seen[row] / denominator;
                    chance_weights[row] += gain * (0.5 - p);
                    for column in 0..SIGNS {
                        chance[row * SIGNS + column] -= 1e-3 * gain * seen[column];
                    }
                }
            }
        }
        sum + all_weights[0] + chance_weights[0]
    }
}

/// One step of recursive least squares over the upper triangle.
#[inline]
fn learn(covariance: &mut [f64], weights: &mut [f64], x: &[f64; FEATURES], target: f64) {
    let index = |row: usize, column: usize| {
        let (low, high) = if row < column { (row, column) } else { (column, row) };
        low * (2 * FEATURES - low - 1) / 2 + high
    };
    for value in covariance.iter_mut() {
        *value *= 1.0001;
    }
    let seen: [f64; FEATURES] =
        std::array::from_fn(|row| (0..FEATURES).map(|column| covariance[index(row, column)] * x[column]).sum());
    let denominator = 1.0 + seen.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
    let error = target - weights.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
    for row in 0..FEATURES {
        let gain = seen[row] / denominator;
        weights[row] += gain * error;
        for column in row..FEATURES {
            covariance[index(row, column)] -= gain * seen[column];
        }
    }
}
