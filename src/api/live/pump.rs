//! The pump: turns the board's changes into frames for the hub, one each tick at most.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::broadcast::error::TryRecvError, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Shared, lots},
    domain::{
        availability::{Availability, Cursor, Level, Quality, SpaceStatus},
        city::City,
        hours::Hours,
        ids::{LotId, SpaceId},
        time::Instant,
    },
    live::{LotFrame, Tick},
};

/// Every lot is looked at this often, so that a number growing stale is told without a change.
const SWEEP: Duration = Duration::from_secs(1);

/// Opening hours of the lots of one city, read once.
#[derive(Default)]
struct Openings {
    city: Arc<City>,
    hours: HashMap<LotId, Option<Hours>>,
}

impl Openings {
    fn of(city: &Arc<City>) -> Self {
        let written = city.lots.values().filter_map(|lot| Some((lot.id.clone(), lot.opening_hours.as_deref()?)));
        Self { city: city.clone(), hours: written.map(|(lot, text)| (lot, Hours::parse(text).ok())).collect() }
    }

    /// A lot without hours is always open; one whose hours cannot be read counts as closed.
    fn is_open(&self, lot: &LotId, now: Instant) -> bool {
        let hours = self.hours.get(lot);
        hours.is_none_or(|hours| hours.as_ref().is_some_and(|hours| hours.is_open(self.city.time_zone, now)))
    }
}

/// What was last told of a lot; it is told again when one of these differs.
type Told = (u64, Option<Instant>, Quality, Level);

/// Turns the board's changes into frames for the hub, one each tick at most.
pub async fn pump(services: Shared, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
    let mut changes = services.board.subscribe();
    let mut ticks = tokio::time::interval(Duration::from_millis(services.config.http.live_tick_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: HashMap<LotId, Told> = HashMap::new();
    let mut openings = Openings::default();
    let mut last_sweep: Option<tokio::time::Instant> = None;
    let mut cursor = Cursor::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let mut moved: BTreeMap<LotId, BTreeMap<SpaceId, SpaceStatus>> = BTreeMap::new();
        let (mut spaces_lost, mut renew) = (false, false);
        loop {
            match changes.try_recv() {
                Ok(batch) => {
                    renew |= batch.resynced;
                    cursor = batch.cursor.clone();
                    for change in &batch.changes {
                        let spaces = moved.entry(change.availability.lot.clone()).or_default();
                        spaces.extend(change.spaces.iter().map(|space| (space.space.clone(), space.clone())));
                    }
                }
                Err(TryRecvError::Lagged(_)) => spaces_lost = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let sweep = last_sweep.is_none_or(|at| at.elapsed() >= SWEEP) || spaces_lost || renew;
        let state = services.board.snapshot();
        if sweep {
            last_sweep = Some(tokio::time::Instant::now());
            // All lots are looked at, so the frame holds whatever stands up to the state's own cursor. Otherwise it holds the
            // drained steps only, and the state may be ahead of them.
            cursor = state.cursor.clone();
        }
        let city = services.city.borrow().clone();
        if !Arc::ptr_eq(&city, &openings.city) {
            openings = Openings::of(&city);
        }
        let now = services.clock.now();
        let mut lots = Vec::new();
        for lot in city.lots.values().filter(|lot| sweep || moved.contains_key(&lot.id)) {
            let unheard;
            let availability = if let Some(known) = state.lots.get(&lot.id) {
                known
            } else {
                unheard = Availability::unheard(lot.id.clone(), lot.capacity);
                &unheard
            };
            let view = lots::AvailabilityView::when(
                openings.is_open(&lot.id, now),
                lot,
                availability,
                now,
                &services.config.availability,
            );
            let fresh = (view.version, view.observed_at, view.quality, view.level);
            let before = told.insert(lot.id.clone(), fresh);
            if before != Some(fresh)
                && let Ok(json) = serde_json::value::to_raw_value(&view)
            {
                let by_clock = before.is_none_or(|(version, at, ..)| (version, at) == (fresh.0, fresh.1));
                lots.push(LotFrame { id: lot.id.clone(), at: lot.location, json: Arc::from(json), by_clock });
            }
        }
        let retired: Vec<LotId> = told.keys().filter(|id| !city.lots.contains_key(*id)).cloned().collect();
        for lot in &retired {
            told.remove(lot);
        }
        let spaces: Vec<_> = moved
            .into_iter()
            .filter(|(_, spaces)| !spaces.is_empty())
            .map(|(lot, spaces)| (lot, spaces.into_values().collect()))
            .collect();
        if lots.is_empty() && spaces.is_empty() && retired.is_empty() && !spaces_lost && !renew {
            continue;
        }
        services.hub.publish(Tick { cursor: cursor.clone(), lots, spaces, spaces_lost, renew, retired });
    }
}
