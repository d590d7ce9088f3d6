//! All lots' models, and the one question guidance and the page ask: how many places will be free at an instant.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{Duration, NaiveDate, NaiveTime};
use tokio::sync::watch;

use super::{
    kept::{Kept, Models},
    model::{Forecast, LotModel, Reading},
};
use crate::{
    availability::Board,
    clock::Clock,
    config,
    domain::{
        availability::{Availability, Quality},
        calendar::{Calendar, Day, SLOT_MIN},
        city::City,
        hours::is_open,
        ids::LotId,
        time::Instant,
    },
    store::history::Point,
};

/// What can be said of an arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// Free places are forecast from a reading of that age.
    Expected {
        /// The forecast.
        forecast: Forecast,
        /// When the number it goes by was true.
        read_at: Instant,
    },
    /// The lot is shut at that time.
    Closed,
}

/// What a day is usually like at a lot.
#[derive(Debug, Clone, PartialEq)]
pub struct UsualDay {
    /// The local day.
    pub date: NaiveDate,
    /// What it is like: days of one kind are alike.
    pub day: Day,
    /// Most days of that weekday a moment of it rests on; 0 where only its kind of day was seen.
    pub days: u32,
    /// The share of places that is usually taken, at the quarters of an hour of which anything is known.
    pub shares: Vec<(Instant, f32)>,
}

/// How far back a lot's movement is told.
const MOVED_WITHIN: Duration = Duration::minutes(15);

/// The forecaster of a node. It reads the board as it stands, and learns what [`super::Recorder`] gives it.
#[derive(Debug)]
pub struct Forecaster {
    board: Arc<Board>,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    stale_after_s: u32,
    settings: config::Forecast,
    rules: watch::Receiver<Arc<config::Rules>>,
    calendar: RwLock<(Arc<config::Rules>, Arc<Calendar>)>,
    models: RwLock<Models>,
}

impl Forecaster {
    /// A forecaster that knows nothing of the past. `stale_after_s` is the limit of lots that name none of their own.
    pub fn new(
        board: Arc<Board>,
        city: watch::Receiver<Arc<City>>,
        clock: Clock,
        stale_after_s: u32,
        settings: config::Forecast,
        rules: watch::Receiver<Arc<config::Rules>>,
    ) -> Self {
        let standing = rules.borrow().clone();
        let drawn = drawn(&standing, city.borrow().time_zone);
        let calendar = RwLock::new((standing, drawn));
        Self { board, city, clock, stale_after_s, settings, rules, calendar, models: RwLock::default() }
    }

    /// How many places of a lot will be free at `at`. `None` if the lot is unknown, its number is too old to go by, or `at` is
    /// more than [`super::MAX_HORIZON_H`] ahead.
    pub fn at(&self, lot: &LotId, at: Instant) -> Option<Arrival> {
        let now = self.clock.now();
        let city = self.city.borrow().clone();
        let place = city.lots.get(lot)?;
        let counts = self.board.snapshot().lots.get(lot).cloned()?;
        let at = at.max(now);
        if counts.closed || !is_open(place.opening_hours.as_deref(), city.time_zone, at) {
            return Some(Arrival::Closed);
        }
        let reading = self.reading(&city, &counts, now)?;
        let calendar = self.calendar(&city);
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let forecast = match models.by_lot.get(lot) {
            Some(model) => model.forecast(reading, at, &calendar, &models.shared),
            None => LotModel::new().forecast(reading, at, &calendar, &models.shared),
        };
        Some(Arrival::Expected { forecast: forecast?, read_at: reading.at })
    }

    /// What a local day, today where none is named, is usually like at a lot. `None` if the city has no such lot.
    pub fn usual_day(&self, lot: &LotId, date: Option<NaiveDate>) -> Option<UsualDay> {
        let city = self.city.borrow().clone();
        if !city.lots.contains_key(lot) {
            return None;
        }
        let calendar = self.calendar(&city);
        let date = date.unwrap_or_else(|| calendar.date(self.clock.now()));
        let mut usual = UsualDay { date, day: calendar.day(date), days: 0, shares: Vec::new() };
        let Some(midnight) = date.and_time(NaiveTime::MIN).and_local_timezone(city.time_zone).earliest() else {
            return Some(usual);
        };
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let Some(model) = models.by_lot.get(lot) else { return Some(usual) };
        let mut at = midnight.to_utc();
        while calendar.date(at) == date {
            if let Some((share, days)) = model.usual(&calendar.moment(at)) {
                usual.days = usual.days.max(days.into());
                usual.shares.push((at, share));
            }
            at += Duration::minutes(SLOT_MIN.into());
        }
        Some(usual)
    }

    /// How many more places of a lot are free than a quarter of an hour ago; `None` where either is not known.
    pub fn moved(&self, lot: &LotId) -> Option<i64> {
        let city = self.city.borrow().clone();
        let counts = self.board.snapshot().lots.get(lot).cloned()?;
        let now = self.clock.now();
        let reading = self.reading(&city, &counts, now).filter(|reading| reading.at == now && reading.capacity > 0)?;
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let before = models.by_lot.get(lot)?.share_at(now - MOVED_WITHIN)?;
        let free_before = (1.0 - f64::from(before)) * f64::from(reading.capacity);
        Some((f64::from(reading.free) - free_before).round() as i64)
    }

    /// The present counts of every lot whose number can be believed, as of `now`.
    pub(super) fn sample(&self, now: Instant) -> Vec<Point> {
        let city = self.city.borrow().clone();
        let state = self.board.snapshot();
        let believed = state.lots.values().filter(|counts| self.is_live(&city, counts, self.clock.now()));
        let point = |counts: &Availability| Point {
            lot: counts.lot.clone(),
            at: now,
            free: counts.free,
            occupied: counts.occupied,
            unknown: counts.unknown,
            out_of_service: counts.out_of_service,
            capacity: counts.capacity,
        };
        believed.map(point).collect()
    }

    /// The present instant.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes what an earlier node learned.
    pub(super) fn restore(&self, kept: Kept) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = Models::of(kept);
    }

    /// What was learned, to be kept; `None` before the stored past was learned, or if nothing was learned yet.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).kept()
    }

    /// Learns points in the order of time. A lot that an operator has closed teaches nothing: what it is like then is not what
    /// it is like.
    pub(super) fn learn(&self, points: &[Point]) {
        let calendar = self.calendar(&self.city.borrow());
        let state = self.board.snapshot();
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let Models { by_lot, shared, as_of, .. } = &mut *models;
        for point in points.iter().filter(|point| state.lots.get(&point.lot).is_none_or(|counts| !counts.closed)) {
            let model = by_lot.entry(point.lot.clone()).or_default();
            model.learn(known(point.free, point.occupied, point.at), &calendar, shared);
            *as_of = Some(as_of.map_or(point.at, |as_of| as_of.max(point.at)));
        }
    }

    /// Notes that the stored past was learned, so that what is learned may be kept.
    pub(super) fn recalled(&self) {
        self.models.write().unwrap_or_else(PoisonError::into_inner).recalled = true;
    }

    /// Forgets the lots that are no longer in the city.
    pub(super) fn forget_retired(&self) {
        let city = self.city.borrow().clone();
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        models.by_lot.retain(|lot, _| city.lots.contains_key(lot));
    }

    /// The calendar in force, on the clocks of the city in force.
    fn calendar(&self, city: &City) -> Arc<Calendar> {
        let rules = self.rules.borrow().clone();
        let (of, known) = self.calendar.read().unwrap_or_else(PoisonError::into_inner).clone();
        if Arc::ptr_eq(&of, &rules) && known.zone() == city.time_zone {
            return known;
        }
        let calendar = drawn(&rules, city.time_zone);
        *self.calendar.write().unwrap_or_else(PoisonError::into_inner) = (rules, calendar.clone());
        calendar
    }

    fn is_live(&self, city: &City, counts: &Availability, now: Instant) -> bool {
        city.lots.get(&counts.lot).is_some_and(|lot| {
            let limit = Duration::seconds(lot.stale_after_s.unwrap_or(self.stale_after_s).into());
            counts.quality(now, limit) == Quality::Live
        })
    }

    /// A lot's newest reading: as of now while its number is live, as of its last word for some time after.
    fn reading(&self, city: &City, counts: &Availability, now: Instant) -> Option<Reading> {
        if self.is_live(city, counts, now) {
            return Some(known(counts.free, counts.occupied, now));
        }
        let observed_at = counts.observed_at?;
        let oldest = Duration::seconds(self.settings.oldest_reading_s.into());
        (city.lots.contains_key(&counts.lot) && now - observed_at <= oldest)
            .then(|| known(counts.free, counts.occupied, observed_at))
    }
}

/// The holidays of the rules on the clocks of a zone.
fn drawn(rules: &config::Rules, zone: chrono_tz::Tz) -> Arc<Calendar> {
    let days = &rules.law.calendar;
    Arc::new(Calendar::new(zone, days.holidays.clone(), days.workdays.clone()))
}

/// Places nobody has word of, or out of service, take no part: the share is that of the places known.
fn known(free: u32, occupied: u32, at: Instant) -> Reading {
    Reading { at, free, capacity: free.saturating_add(occupied) }
}

/// Models by lot, as they learn.
pub(super) type ByLot = BTreeMap<LotId, LotModel>;
