//! What time alone does to availability: silent sensors, states held back, and the nightly corrections of counters.

use std::{sync::Arc, time::Duration};

use chrono::TimeZone as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Engine, contract::Error};
use crate::{
    clock::Clock,
    domain::{
        action::Action,
        availability::{Freshness, SpaceStatus},
        city::City,
        ids::LotId,
        lot::{Lot, NightlyReset},
        observation::SpaceState,
        time::Instant,
    },
};

/// How often time is let pass over the engine.
const EVERY: Duration = Duration::from_secs(1);
/// How long after its time a correction is still made up for, by a node that was away.
const MAKE_UP_MINUTES: i64 = 60;

/// A scheduled correction that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// The lot.
    pub lot: LotId,
    /// Occupied places from then on.
    pub occupied: u32,
    /// Vehicles inside as they had been counted; `None` if they never were.
    pub counted: Option<i64>,
    /// When.
    pub at: Instant,
}

/// Looks after one engine. Every node may run one: what is done already is not done again.
#[derive(Debug)]
pub struct Upkeep {
    engine: Engine,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    resets: Option<mpsc::Sender<Reset>>,
}

impl Upkeep {
    /// Upkeep of an engine by the city in force.
    pub fn new(engine: Engine, city: watch::Receiver<Arc<City>>, clock: Clock) -> Self {
        Self { engine, city, clock, resets: None }
    }

    /// Tells each scheduled correction once it is done.
    #[must_use]
    pub fn telling(self, resets: mpsc::Sender<Reset>) -> Self {
        Self { resets: Some(resets), ..self }
    }

    /// Runs until `stop`. An engine that does not answer is tried again a second later.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut is_away = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            match self.step().await {
                Ok(()) => is_away = false,
                Err(error) if is_away => tracing::debug!(%error, "availability still cannot be looked after"),
                Err(error) => {
                    is_away = true;
                    tracing::warn!(%error, "availability cannot be looked after; trying again");
                }
            }
        }
    }

    async fn step(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let moved = self.engine.sweep(now).await?;
        if moved > 0 {
            metrics::counter!("yunpark_availability_swept_lots_total").increment(moved as u64);
        }
        let city = self.city.borrow().clone();
        for lot in city.lots.values() {
            if let Some(reset) = lot.nightly_reset
                && let Some(due_at) = due_at(&city, reset, now)
            {
                self.correct(lot, reset, due_at, now).await?;
            }
        }
        Ok(())
    }

    /// Corrects a lot's counters, unless an absolute count was taken since the correction was due.
    async fn correct(&self, lot: &Lot, reset: NightlyReset, due_at: Instant, now: Instant) -> Result<(), Error> {
        let Some(counters) = self.engine.counters(&lot.id).await? else { return Ok(()) };
        if counters.anchored_at.is_some_and(|at| at >= due_at) {
            return Ok(());
        }
        let occupied = match reset.occupied {
            Some(occupied) => Some(occupied),
            None => self.engine.spaces(&lot.id).await?.and_then(|spaces| observed(&spaces)),
        };
        let Some(occupied) = occupied else {
            tracing::warn!(lot.id = %lot.id, "the nightly correction was left out: not all spaces are known");
            return Ok(());
        };
        self.engine.act(&Action::Correct { lot: lot.id.clone(), occupied }, now).await?;
        let reset = Reset { lot: lot.id.clone(), occupied, counted: counters.inside, at: now };
        if self.resets.as_ref().is_some_and(|resets| resets.try_send(reset).is_err()) {
            metrics::counter!("yunpark_scheduled_resets_not_entered_total").increment(1);
            tracing::error!(lot.id = %lot.id, "a scheduled correction was done and cannot be entered in the ledger");
        }
        tracing::info!(lot.id = %lot.id, occupied, inside = ?counters.inside, "the counters were corrected for the night");
        Ok(())
    }
}

/// When today's correction was due, if that is past and not long past.
fn due_at(city: &City, reset: NightlyReset, now: Instant) -> Option<Instant> {
    let today = now.with_timezone(&city.time_zone).date_naive();
    [today, today.pred_opt()?].into_iter().find_map(|day| {
        let due_at = city.time_zone.from_local_datetime(&day.and_time(reset.at)).earliest()?.to_utc();
        (due_at <= now && now - due_at < chrono::Duration::minutes(MAKE_UP_MINUTES)).then_some(due_at)
    })
}

/// The occupied spaces, if every space has a word that counts.
fn observed(spaces: &[SpaceStatus]) -> Option<u32> {
    let is_known = |space: &SpaceStatus| space.freshness == Freshness::Live && space.state != SpaceState::Unknown;
    let is_occupied = |space: &&SpaceStatus| space.state == SpaceState::Occupied;
    spaces.iter().all(is_known).then(|| spaces.iter().filter(is_occupied).count() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn a_correction_is_due_at_its_own_hour_of_the_citys_day_and_an_hour_after() {
        let city = City::default();
        let reset =
            |at: &str| NightlyReset { at: chrono::NaiveTime::parse_from_str(at, "%H:%M").unwrap(), occupied: Some(3) };
        let at = |text: &str| parse_rfc3339(text).unwrap();
        let due = at("2026-03-09T19:30:00Z");
        assert_eq!(due_at(&city, reset("03:30"), at("2026-03-09T19:29:59Z")), None);
        assert_eq!(due_at(&city, reset("03:30"), due), Some(due));
        assert_eq!(due_at(&city, reset("03:30"), at("2026-03-09T20:29:59Z")), Some(due));
        assert_eq!(due_at(&city, reset("03:30"), at("2026-03-09T20:30:00Z")), None);
        let late = at("2026-03-09T15:50:00Z");
        assert_eq!(due_at(&city, reset("23:50"), at("2026-03-09T16:10:00Z")), Some(late), "over midnight");
    }
}
