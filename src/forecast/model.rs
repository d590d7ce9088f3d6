//! The forecast of one lot, pure: today's number moved by what the same hours usually bring, and how wrong that has been.

use std::collections::VecDeque;

use chrono::{Datelike, Duration, Timelike};
use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::time::Instant;

/// Furthest a forecast reaches, hours.
pub const MAX_HORIZON_H: i64 = 24;

/// Minutes of one slot of the profile; a slot stands for the quarter of an hour around its instant.
const SLOT_MIN: u32 = 15;
const SLOTS_A_DAY: usize = (24 * 60 / SLOT_MIN) as usize;
/// Kinds of days: Monday to Friday, Saturday, Sunday.
const CLASSES: usize = 3;
/// Weight of the newest visit of a slot.
const PROFILE_WEIGHT: f32 = 0.3;
/// Horizons whose errors are tracked, minutes.
const TRACKED_MIN: [i64; 3] = [15, 30, 60];
/// Weight of the newest error.
const ERROR_WEIGHT: f32 = 0.05;
/// A reading this far from a forecast's instant still judges it, minutes.
const JUDGED_WITHIN_MIN: i64 = 7;
/// Forecasts are set aside for judging at most this often, minutes.
const ASIDE_EVERY_MIN: i64 = 5;
/// Four errors in five are smaller than this many mean absolute errors (of a two-sided exponential).
const BAND: f64 = 1.6;
/// The error believed before any was seen, shares of the capacity: a base and what an hour adds. Persistence on public
/// series of city lots is wrong by about 2 % at 15 minutes and 7 % at an hour.
const FIRST_ERROR: (f32, f32) = (0.01, 0.06);

/// Which rule made a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Today's number stays.
    Persistence,
    /// Today's number, moved as on days of this kind (working day, Saturday, Sunday).
    DayClass,
    /// Today's number, moved as on this weekday.
    Profile,
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

/// Free places expected, with the band the truth lies in four times out of five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Expected.
    pub free: u32,
    /// Lower end of the band.
    pub low: u32,
    /// Upper end of the band.
    pub high: u32,
    /// Which rule made it.
    pub method: Method,
}

/// A slot of a profile: the mean free share of its visits, newer ones weighing more.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    share: f32,
    seen: bool,
}

impl Slot {
    fn learn(&mut self, share: f32) {
        self.share = if self.seen { self.share + PROFILE_WEIGHT * (share - self.share) } else { share };
        self.seen = true;
    }
}

/// The slot being visited: its readings are averaged and enter the profile when the visit is over, so a forecast never
/// looks at the visit it stands in.
#[derive(Debug, Clone, Copy)]
struct Visit {
    weekday: usize,
    slot: usize,
    started: Instant,
    sum: f64,
    count: u32,
}

/// A forecast set aside until its instant comes.
#[derive(Debug, Clone, Copy)]
struct Aside {
    at: Instant,
    horizon: usize,
    still: f32,
    moved: Option<f32>,
}

/// What one lot has taught.
#[derive(Debug, Clone)]
pub struct LotModel {
    zone: Tz,
    weekdays: Vec<Slot>,
    classes: Vec<Slot>,
    visit: Option<Visit>,
    asides: VecDeque<Aside>,
    last_aside: Option<Instant>,
    last: Option<Instant>,
    /// Mean absolute error by horizon: of persistence, of the profile; `None` before the first.
    errors: [(Option<f32>, Option<f32>); TRACKED_MIN.len()],
}

impl LotModel {
    /// A model that has seen nothing, on the clocks of the lot's city.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            weekdays: vec![Slot::default(); 7 * SLOTS_A_DAY],
            classes: vec![Slot::default(); CLASSES * SLOTS_A_DAY],
            visit: None,
            asides: VecDeque::new(),
            last_aside: None,
            last: None,
            errors: [(None, None); TRACKED_MIN.len()],
        }
    }

    /// Learns from a reading. Readings come in the order of time; an older one than the last teaches nothing.
    pub fn learn(&mut self, reading: Reading) {
        if reading.capacity == 0 || self.last.is_some_and(|last| reading.at <= last) {
            return;
        }
        self.last = Some(reading.at);
        let share = share_of(reading);
        self.judge(reading.at, share);
        self.visit(reading.at, share);
        self.set_aside(reading.at, share);
    }

    /// How many places will be free at `at`, given the newest reading. `None` more than a day ahead or of an empty lot.
    pub fn forecast(&self, now: Reading, at: Instant) -> Option<Forecast> {
        let horizon = (at - now.at).max(Duration::zero());
        if horizon > Duration::hours(MAX_HORIZON_H) || now.capacity == 0 {
            return None;
        }
        let still = share_of(now);
        let moved = self.moved(now.at, now.at + horizon, still);
        let tracked = tracked(horizon);
        let (still_error, moved_error) = self.errors[tracked];
        // Whichever has been less wrong; a lot that is shut or frozen is best left where it is.
        let trusted = match (still_error, moved_error) {
            (Some(still_error), Some(moved_error)) => moved_error <= still_error,
            _ => true,
        };
        let (share, method, error) = match moved.filter(|_| trusted) {
            Some((share, method)) => (share, method, moved_error.or(still_error)),
            None => (still, Method::Persistence, still_error),
        };
        let band = BAND * f64::from(reach(error, tracked, horizon));
        let places = |share: f64| (share.clamp(0.0, 1.0) * f64::from(now.capacity)).round() as u32;
        let share = f64::from(share);
        Some(Forecast { free: places(share), low: places(share - band), high: places(share + band), method })
    }

    /// The share moved by the profile's change from one instant to another, if the profile has seen both.
    fn moved(&self, from: Instant, to: Instant, share: f32) -> Option<(f32, Method)> {
        let weekday =
            self.usual(&self.weekdays, from, |weekday| weekday).zip(self.usual(&self.weekdays, to, |day| day));
        let class = || self.usual(&self.classes, from, class_of).zip(self.usual(&self.classes, to, class_of));
        let by = |(from, to): (f32, f32), method| ((share + to - from).clamp(0.0, 1.0), method);
        weekday.map(|change| by(change, Method::Profile)).or_else(|| class().map(|change| by(change, Method::DayClass)))
    }

    /// The usual share at an instant: between two seen slots in proportion, else that of the nearer slot.
    fn usual(&self, slots: &[Slot], at: Instant, day: fn(usize) -> usize) -> Option<f32> {
        let seen = |at: Instant| {
            let (weekday, slot) = self.place(at);
            Some(slots[day(weekday) * SLOTS_A_DAY + slot]).filter(|slot| slot.seen).map(|slot| slot.share)
        };
        let past_s = i64::from(at.with_timezone(&self.zone).num_seconds_from_midnight() % (SLOT_MIN * 60));
        let before = at - Duration::seconds(past_s);
        let after = before + Duration::minutes(SLOT_MIN.into());
        match (seen(before), seen(after)) {
            (Some(a), Some(b)) => Some(a + (b - a) * past_s as f32 / (SLOT_MIN * 60) as f32),
            _ => seen(at),
        }
    }

    /// Weekday (Monday is 0) and the nearest slot of the day.
    fn place(&self, at: Instant) -> (usize, usize) {
        let half = Duration::seconds(i64::from(SLOT_MIN) * 30);
        let local = (at + half).with_timezone(&self.zone);
        let slot = (local.num_seconds_from_midnight() / (SLOT_MIN * 60)) as usize;
        (local.weekday().num_days_from_monday() as usize, slot.min(SLOTS_A_DAY - 1))
    }

    fn visit(&mut self, at: Instant, share: f32) {
        let (weekday, slot) = self.place(at);
        match &mut self.visit {
            Some(visit)
                if (visit.weekday, visit.slot) == (weekday, slot) && at - visit.started < Duration::hours(1) =>
            {
                visit.sum += f64::from(share);
                visit.count += 1;
            }
            visit => {
                let over = visit.replace(Visit { weekday, slot, started: at, sum: share.into(), count: 1 });
                if let Some(over) = over {
                    let mean = (over.sum / f64::from(over.count)) as f32;
                    self.weekdays[over.weekday * SLOTS_A_DAY + over.slot].learn(mean);
                    self.classes[class_of(over.weekday) * SLOTS_A_DAY + over.slot].learn(mean);
                }
            }
        }
    }

    /// Judges the forecasts whose instant has come; those nobody reported in time for are dropped.
    fn judge(&mut self, at: Instant, share: f32) {
        let within = Duration::minutes(JUDGED_WITHIN_MIN);
        let errors = &mut self.errors;
        self.asides.retain(|aside| {
            if at < aside.at {
                return true;
            }
            if at - aside.at <= within {
                let (still, moved) = &mut errors[aside.horizon];
                track(still, (share - aside.still).abs());
                if let Some(forecast) = aside.moved {
                    track(moved, (share - forecast).abs());
                }
            }
            false
        });
    }

    fn set_aside(&mut self, at: Instant, share: f32) {
        if self.last_aside.is_some_and(|last| at - last < Duration::minutes(ASIDE_EVERY_MIN)) {
            return;
        }
        self.last_aside = Some(at);
        for (horizon, minutes) in TRACKED_MIN.into_iter().enumerate() {
            let to = at + Duration::minutes(minutes);
            let moved = self.moved(at, to, share).map(|(share, _)| share);
            self.asides.push_back(Aside { at: to, horizon, still: share, moved });
        }
    }
}

fn share_of(reading: Reading) -> f32 {
    (f64::from(reading.free.min(reading.capacity)) / f64::from(reading.capacity)) as f32
}

fn class_of(weekday: usize) -> usize {
    weekday.saturating_sub(4).min(CLASSES - 1)
}

fn track(error: &mut Option<f32>, newest: f32) {
    *error = Some(error.map_or(newest, |error| error + ERROR_WEIGHT * (newest - error)));
}

/// The tracked horizon that a horizon is judged by: the shortest that reaches as far, else the longest.
fn tracked(horizon: Duration) -> usize {
    TRACKED_MIN.iter().position(|minutes| horizon <= Duration::minutes(*minutes)).unwrap_or(TRACKED_MIN.len() - 1)
}

/// The mean absolute error to expect at a horizon: in proportion below the first tracked one, with the root of time
/// beyond the last.
fn reach(error: Option<f32>, tracked: usize, horizon: Duration) -> f32 {
    let minutes = horizon.num_seconds() as f32 / 60.0;
    let Some(error) = error else {
        return if minutes > 0.0 { FIRST_ERROR.0 + FIRST_ERROR.1 * (minutes / 60.0).min(4.0) } else { 0.0 };
    };
    let known = TRACKED_MIN[tracked] as f32;
    if minutes <= known {
        error * if tracked == 0 { minutes / known } else { 1.0 }
    } else {
        error * (minutes / known).sqrt()
    }
}

#[cfg(test)]
mod tests;
