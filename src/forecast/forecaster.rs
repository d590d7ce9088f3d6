//! All lots' models, and the one question guidance and the page ask: how many places will be free at an instant.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::Duration;
use tokio::sync::watch;

use super::model::{Forecast, LotModel, Reading};
use crate::{
    availability::Board,
    clock::Clock,
    domain::{
        availability::{Availability, Quality},
        city::City,
        ids::LotId,
        time::Instant,
    },
    store::history::Point,
};

/// The forecaster of a node. It reads the board as it stands, and learns what [`super::Recorder`] gives it.
#[derive(Debug)]
pub struct Forecaster {
    board: Arc<Board>,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    stale_after_s: u32,
    models: RwLock<Models>,
}

#[derive(Debug, Default)]
struct Models {
    by_lot: BTreeMap<LotId, LotModel>,
    /// Whether the stored history was read, so that a lot without a model is new and not yet to come.
    recalled: bool,
}

impl Forecaster {
    /// A forecaster that knows nothing of the past. `stale_after_s` is the limit of lots that name none of their own.
    pub fn new(board: Arc<Board>, city: watch::Receiver<Arc<City>>, clock: Clock, stale_after_s: u32) -> Self {
        Self { board, city, clock, stale_after_s, models: RwLock::default() }
    }

    /// How many places of a lot will be free at `at`. `None` if the lot is unknown, its present number cannot be
    /// believed, or `at` is more than [`super::MAX_HORIZON_H`] ahead.
    pub fn at(&self, lot: &LotId, at: Instant) -> Option<Forecast> {
        let now = self.clock.now();
        let city = self.city.borrow().clone();
        let counts = self.board.snapshot().lots.get(lot).cloned()?;
        let reading = self.reading(&city, &counts, now)?;
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        match models.by_lot.get(lot) {
            Some(model) => model.forecast(reading, at),
            None => LotModel::new(city.time_zone).forecast(reading, at),
        }
    }

    /// The present counts of every lot whose number can be believed, as of `now`.
    pub(super) fn sample(&self, now: Instant) -> Vec<Point> {
        let city = self.city.borrow().clone();
        let state = self.board.snapshot();
        let believed = state.lots.values().filter(|counts| self.reading(&city, counts, self.clock.now()).is_some());
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

    /// The lots of the city in force.
    pub(super) fn lots(&self) -> Vec<LotId> {
        self.city.borrow().lots.keys().cloned().collect()
    }

    /// The present instant.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Learns a lot's stored history, oldest first.
    pub(super) fn recall(&self, lot: &LotId, points: &[Point]) {
        let mut model = LotModel::new(self.city.borrow().time_zone);
        for point in points {
            model.learn(reading_of(point));
        }
        self.models.write().unwrap_or_else(PoisonError::into_inner).by_lot.insert(lot.clone(), model);
    }

    /// Notes that the stored history of every lot was read.
    pub(super) fn recalled(&self) {
        self.models.write().unwrap_or_else(PoisonError::into_inner).recalled = true;
    }

    /// Learns the newest points. A lot whose history is still to be read waits for it.
    pub(super) fn learn(&self, points: &[Point]) {
        let zone = self.city.borrow().time_zone;
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let recalled = models.recalled;
        for point in points {
            match models.by_lot.get_mut(&point.lot) {
                Some(model) => model.learn(reading_of(point)),
                None if recalled => {
                    let mut model = LotModel::new(zone);
                    model.learn(reading_of(point));
                    models.by_lot.insert(point.lot.clone(), model);
                }
                None => {}
            }
        }
    }

    /// A lot's present reading; `None` if its number cannot be believed.
    fn reading(&self, city: &City, counts: &Availability, now: Instant) -> Option<Reading> {
        let lot = city.lots.get(&counts.lot)?;
        let limit = Duration::seconds(lot.stale_after_s.unwrap_or(self.stale_after_s).into());
        (counts.quality(now, limit) == Quality::Live).then(|| known(counts.free, counts.occupied, now))
    }
}

fn reading_of(point: &Point) -> Reading {
    known(point.free, point.occupied, point.at)
}

/// Places nobody has word of, or out of service, take no part: the share is that of the places known.
fn known(free: u32, occupied: u32, at: Instant) -> Reading {
    Reading { at, free, capacity: free.saturating_add(occupied) }
}
