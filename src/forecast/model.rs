//! The forecast of one lot, pure and online: what is usual, how far from it the lot is, and how wrong that has been.

mod chance;
mod curve;
mod errors;
mod features;
mod pending;
mod profile;
mod rls;
mod shared;

use chrono::{Duration, NaiveDate};
use serde::{Deserialize, Serialize};

use self::{
    chance::{Outlook, full_at},
    curve::{Curve, instant, seconds},
    errors::{Errors, Trusted, part},
    features::{ANCHORS, ANCHORS_MIN, FEATURES, Here, Reach, prior, wide},
    pending::{Pending, Regressed},
    profile::{Profile, Usual},
    rls::{Rls, dot},
};
use crate::domain::{
    calendar::{Between, Calendar, Moment},
    time::Instant,
};

pub use shared::Shared;

/// Furthest a forecast reaches, hours.
pub const MAX_HORIZON_H: i64 = 24;
/// What a lot has learned of itself fades within this time, seconds.
const OWN_MEMORY_S: f64 = 30.0 * 86_400.0;
/// Forecasts are set aside for judging at most this often, seconds: a reading a little early still counts.
const ASIDE_EVERY_S: i64 = 14 * 60;
/// A lot's own weights count as much as those of all lots once it has learned far more often than this. Two memories, a long one
/// and a short one, are better than either, even where they come from the same lot.
const OWN_AFTER: f64 = 60.0;
/// The furthest look back of a forecast, seconds.
const EARLIEST_S: i64 = 45 * 60;
/// Beyond a day without a reading nothing is left of what is set aside.
const FORGOTTEN_S: i64 = 86_400;

/// Which rule made a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Today's number stays.
    Persistence,
    /// Today's number, moved as is usual.
    UsualChange,
    /// The usual number, and what is left of today's distance from it.
    Regression,
}

/// What is known of a lot at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: Instant,
    /// Free places.
    pub free: u32,
    /// Places in service, at least `free`.
    pub capacity: u32,
}

/// Free places expected, with the band the truth lies in nine times out of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Expected, unrounded.
    pub expected: f64,
    /// Expected.
    pub free: u32,
    /// Lower end of the band.
    pub low: u32,
    /// Upper end of the band.
    pub high: u32,
    /// How likely more places are free than those at which the lot counts as full, 0 to 1.
    pub chance: f64,
    /// Which rule made it.
    pub method: Method,
    /// What it rests on.
    pub why: Why,
}

/// What a forecast rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Why {
    /// Free places that are usual now, if anything is.
    pub usual_now: Option<u32>,
    /// Free places that are usual then.
    pub usual_then: Option<u32>,
    /// Days of that weekday the usual number rests on.
    pub days: u32,
    /// Mean error of late of a number that stays, of one moved as usual, and of the regression; places.
    pub errors: [f64; 3],
    /// The greatest number of free places at which the lot counts as full.
    pub full_at: u32,
}

/// What one lot has taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LotModel {
    curve: Curve,
    profile: Profile,
    /// The newest local day of the curve, which enters the profile when it is over: no forecast rests on the day it is made.
    day: Option<NaiveDate>,
    own: Vec<Rls>,
    errors: Vec<Errors>,
    pending: Vec<Pending>,
    aside_s: Option<i64>,
}

impl Default for LotModel {
    fn default() -> Self {
        Self::new()
    }
}

impl LotModel {
    /// A model that has seen nothing.
    pub fn new() -> Self {
        Self {
            curve: Curve::new(),
            profile: Profile::new(),
            day: None,
            own: (0..ANCHORS).map(|anchor| Rls::new(prior(anchor))).collect(),
            errors: ANCHORS_MIN.iter().map(|minutes| Errors::new(*minutes)).collect(),
            pending: Vec::new(),
            aside_s: None,
        }
    }

    /// Whether a stored model has the form this version works with.
    pub fn is_sound(&self) -> bool {
        self.own.len() == ANCHORS
            && self.errors.len() == ANCHORS
            && self.profile.is_sound()
            && self.curve.is_sound()
            && self.pending.iter().all(|pending| usize::from(pending.anchor) < ANCHORS)
    }

    /// The memory it takes, bytes, while a day's forecasts wait to be judged.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.curve.bytes()
            + self.profile.bytes()
            + self.own.capacity() * size_of::<Rls>()
            + self.errors.capacity() * size_of::<Errors>()
            + self.pending.capacity() * size_of::<Pending>()
    }

    /// When it last learned.
    pub fn learned_until(&self) -> Option<Instant> {
        crate::domain::time::from_micros(self.curve.last()?.0.checked_mul(1_000_000)?)
    }

    /// The share of places that is usually taken at a moment, and the days of that weekday this rests on.
    pub fn usual(&self, moment: &Moment) -> Option<(f32, u8)> {
        self.profile.usual(moment).map(|usual| (usual.share, usual.days))
    }

    /// The share of places that were taken at an instant of the last day and a half, where that is known.
    pub fn share_at(&self, at: Instant) -> Option<f32> {
        self.curve.near(seconds(at))
    }

    /// Learns from a reading, and lets all lots learn. Readings come in the order of time; one that is not newer than the last
    /// teaches nothing.
    pub fn learn(&mut self, reading: Reading, calendar: &Calendar, shared: &mut Shared) {
        let at_s = seconds(reading.at);
        let last_s = self.curve.last().map(|(last_s, _)| last_s);
        if reading.capacity == 0 || last_s.is_some_and(|last_s| at_s <= last_s) {
            return;
        }
        let share = share_of(reading);
        let mut known: Vec<(i64, f32)> = Vec::new();
        self.curve.take(at_s, share, |slot, share| known.push((slot, share)));
        for (slot, _) in known {
            self.pass(slot, calendar);
        }
        self.judge(at_s, shared);
        if self.aside_s.is_none_or(|last_s| at_s - last_s >= ASIDE_EVERY_S) {
            self.aside_s = Some(at_s);
            self.set_aside(reading, at_s, calendar, shared);
        }
    }

    /// How many places will be free at `at`, given the newest reading. `None` more than a day ahead or of an empty lot.
    pub fn forecast(&self, now: Reading, at: Instant, calendar: &Calendar, shared: &Shared) -> Option<Forecast> {
        let horizon = (at - now.at).max(Duration::zero());
        if horizon > Duration::hours(MAX_HORIZON_H) || now.capacity == 0 {
            return None;
        }
        let start = self.start(now, &calendar.between(now.at - Duration::seconds(EARLIEST_S), now.at), shared);
        Some(self.look_ahead(&start, &calendar.moment(now.at + horizon), horizon.num_seconds()))
    }

    /// The same for several arrivals at once: each its moment and how far ahead it is, seconds.
    pub fn forecast_all(
        &self,
        now: Reading,
        arrivals: &[(Moment, i64)],
        calendar: &Calendar,
        shared: &Shared,
    ) -> Vec<Forecast> {
        if now.capacity == 0 {
            return Vec::new();
        }
        let start = self.start(now, &calendar.between(now.at - Duration::seconds(EARLIEST_S), now.at), shared);
        arrivals.iter().map(|(moment, horizon_s)| self.look_ahead(&start, moment, *horizon_s)).collect()
    }

    /// A slot of the curve became known: when it begins a day, the day before enters the profile.
    fn pass(&mut self, slot: i64, calendar: &Calendar) {
        let Some(date) = instant(slot).map(|at| calendar.date(at)) else { return };
        let Some(over) = self.day.replace(date).filter(|over| *over != date) else { return };
        for (slot, share) in self.curve.kept() {
            let Some(at) = instant(slot) else { continue };
            if calendar.date(at) == over {
                self.profile.learn(calendar.moment(at).cells[0], share);
            }
        }
    }

    fn start<'a>(&self, now: Reading, clock: &Between<'_>, shared: &'a Shared) -> Start<'a> {
        let at_s = seconds(now.at);
        let share = share_of(now);
        let usual = self.profile.usual(&clock.moment(now.at));
        let before = |ago_s: i64| self.profile.usual(&clock.moment(now.at - Duration::seconds(ago_s)));
        let here = usual.map(|usual| Here::new(&self.curve, at_s, share, usual, before));
        let mut weights = [[0.0; FEATURES]; ANCHORS];
        for (anchor, weights) in weights.iter_mut().enumerate() {
            let seen = f64::from(self.own[anchor].seen());
            let own = 0.5 * seen / (seen + OWN_AFTER);
            let (mine, all) = (self.own[anchor].weights(), shared.weights(anchor));
            for (weight, (mine, all)) in weights.iter_mut().zip(mine.iter().zip(all)) {
                *weight = own * mine + (1.0 - own) * all;
            }
        }
        Start { share, capacity: now.capacity, free: now.free.min(now.capacity), here, weights, shared }
    }

    fn look_ahead(&self, start: &Start<'_>, moment: &Moment, horizon_s: i64) -> Forecast {
        let reach = Reach::of(horizon_s);
        let errors = &self.errors[reach.upper];
        let then = start.here.and_then(|here| Some((here, self.profile.usual(moment)?)));
        let (share, method) = match then {
            None => (start.share, Method::Persistence),
            Some((here, usual)) => match errors.trusted() {
                Trusted::Still => (start.share, Method::Persistence),
                Trusted::Moved => (start.share + usual.share - here.usual.share, Method::UsualChange),
                Trusted::Regression => (regression(&here, &usual, &reach.weights(&start.weights)), Method::Regression),
            },
        };
        self.told(start, share.clamp(0.0, 1.0), method, then, moment, &reach)
    }

    fn told(
        &self,
        start: &Start<'_>,
        share: f32,
        method: Method,
        then: Option<(Here, Usual)>,
        moment: &Moment,
        reach: &Reach,
    ) -> Forecast {
        let part = part(moment.hour);
        let capacity = f64::from(start.capacity);
        let expected = (1.0 - f64::from(share)) * capacity;
        let more = f64::from(reach.value(|anchor| self.errors[anchor].ends(part).1));
        let less = f64::from(reach.value(|anchor| self.errors[anchor].ends(part).0));
        // What fills up beyond the forecast leaves less free.
        let (low, high) = (expected - more * capacity, expected + less * capacity);
        let outlook = Outlook {
            now: start.free as f32,
            then: expected as f32,
            usual: then.map_or(expected as f32, |(_, usual)| (1.0 - usual.share) * start.capacity as f32),
            spread: reach.value(|anchor| self.errors[anchor].spread(part)) * start.capacity as f32,
            full_at: full_at(start.capacity) as f32,
        };
        let signs = outlook.signs();
        let upper = start.shared.full(reach.upper, &signs);
        let lower = if reach.upper == 0 { f64::from(signs[2]) } else { start.shared.full(reach.upper - 1, &signs) };
        let places = |free: f64| free.clamp(0.0, capacity) as u32;
        let usual = |share: f32| places(((1.0 - f64::from(share)) * capacity).round());
        let (still, moved, regression) = self.errors[reach.upper].told();
        Forecast {
            expected,
            free: places(expected.round()),
            // What single precision leaves over is no place.
            low: places((low + 1e-3).floor()),
            high: places((high - 1e-3).ceil()),
            chance: 1.0 - (lower + (upper - lower) * reach.way),
            method,
            why: Why {
                usual_now: then.map(|(here, _)| usual(here.usual.share)),
                usual_then: then.map(|(_, then)| usual(then.share)),
                days: then.map_or(0, |(_, then)| then.days.into()),
                errors: [still, moved, regression].map(|error| f64::from(error) * capacity),
                full_at: full_at(start.capacity),
            },
        }
    }

    /// Sets forecasts of every anchor aside until their instants come.
    fn set_aside(&mut self, reading: Reading, at_s: i64, calendar: &Calendar, shared: &Shared) {
        let furthest = Duration::minutes(ANCHORS_MIN[ANCHORS - 1]);
        let clock = calendar.between(reading.at - Duration::seconds(EARLIEST_S), reading.at + furthest);
        let start = self.start(reading, &clock, shared);
        let (capacity, full_at) = (reading.capacity as f32, full_at(reading.capacity) as f32);
        let aside: [Pending; ANCHORS] = std::array::from_fn(|anchor| {
            let minutes = ANCHORS_MIN[anchor];
            let moment = clock.moment(reading.at + Duration::minutes(minutes));
            let errors = &self.errors[anchor];
            let then = start.here.and_then(|here| Some((here, self.profile.usual(&moment)?)));
            let regressed = then.map(|(here, usual)| Regressed {
                moved: start.share + usual.share - here.usual.share,
                all: regression(&here, &usual, &start.weights[anchor]),
                usual: usual.share,
                x: here.features(&usual),
            });
            let told = match (&regressed, errors.trusted()) {
                (None, _) | (_, Trusted::Still) => start.share,
                (Some(regressed), Trusted::Moved) => regressed.moved,
                (Some(regressed), Trusted::Regression) => regressed.all,
            };
            let told = told.clamp(0.0, 1.0);
            let part = part(moment.hour);
            let outlook = Outlook {
                now: start.free as f32,
                then: (1.0 - told) * capacity,
                usual: (1.0 - regressed.as_ref().map_or(told, |regressed| regressed.usual)) * capacity,
                spread: errors.spread(part) * capacity,
                full_at,
            };
            Pending {
                anchor: anchor as u8,
                to_s: at_s + minutes * 60,
                part: part as u8,
                capacity: reading.capacity,
                still: start.share,
                told,
                regression: regressed,
                signs: outlook.signs(),
            }
        });
        self.pending.extend(aside);
    }

    /// Judges the forecasts whose instant has come, and learns from them.
    fn judge(&mut self, at_s: i64, shared: &mut Shared) {
        let mut pending = std::mem::take(&mut self.pending);
        for pending in pending.iter().filter(|pending| pending.to_s <= at_s && at_s - pending.to_s < FORGOTTEN_S) {
            // Nothing is learned from an instant inside a gap.
            let Some(truth) = self.curve.at(pending.to_s) else { continue };
            let anchor = usize::from(pending.anchor);
            let errors = &mut self.errors[anchor];
            errors.learn_band(truth - pending.told, usize::from(pending.part));
            let free = ((1.0 - truth) * pending.capacity as f32).round() as u32;
            shared.learn_full(anchor, &pending.signs, free <= full_at(pending.capacity));
            let Some(regressed) = &pending.regression else { continue };
            errors.learn_methods(&errors::Missed {
                still: truth - pending.still,
                moved: truth - regressed.moved,
                regression: truth - regressed.all,
            });
            let (x, target) = (wide(&regressed.x), f64::from(truth - regressed.usual));
            self.own[anchor].learn(&x, target, at_s, OWN_MEMORY_S);
            shared.learn(anchor, &x, target, at_s);
        }
        pending.retain(|pending| pending.to_s > at_s);
        self.pending = pending;
    }
}

/// What forecasts from one reading have in common.
struct Start<'a> {
    share: f32,
    capacity: u32,
    free: u32,
    here: Option<Here>,
    weights: [[f64; FEATURES]; ANCHORS],
    shared: &'a Shared,
}

#[inline]
fn regression(here: &Here, usual: &Usual, weights: &[f64; FEATURES]) -> f32 {
    usual.share + dot(weights, &wide(&here.features(usual))) as f32
}

/// The occupied share of a reading.
fn share_of(reading: Reading) -> f32 {
    1.0 - (f64::from(reading.free.min(reading.capacity)) / f64::from(reading.capacity)) as f32
}

#[cfg(test)]
mod tests;
