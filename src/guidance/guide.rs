//! The loop that keeps every panel's desired face in step with availability and the clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use yunpark_signs::{Face, Size, fit};

use super::policy::{PanelState, Situation, compose};
use crate::{
    availability::Board,
    clock::Clock,
    config::Config,
    domain::{
        availability::Availability,
        city::City,
        hours::Hours,
        ids::{LotId, PanelId, SignId},
        lot::Lot,
        sign::{Panel, Sign},
        time::Instant,
    },
    signboard::SignBoard,
};

/// Free places forecast for a moment, where a forecast can be made; called often, so it must be quick.
pub type Forecast = Arc<dyn Fn(&LotId, Instant) -> Option<u32> + Send + Sync>;

/// Keeps the sign board's desired faces in step.
pub struct Guide {
    config: Arc<Config>,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    board: Arc<Board>,
    signs: Arc<SignBoard>,
    forecast: Forecast,
    panels: BTreeMap<(SignId, PanelId), PanelState>,
    /// Opening hours already read, by their text; `None` is unreadable.
    hours: HashMap<String, Option<Hours>>,
}

impl Guide {
    /// A guide that has told no panel anything yet.
    pub fn new(
        config: Arc<Config>,
        clock: Clock,
        city: watch::Receiver<Arc<City>>,
        board: Arc<Board>,
        signs: Arc<SignBoard>,
        forecast: Forecast,
    ) -> Self {
        Self { config, clock, city, board, signs, forecast, panels: BTreeMap::new(), hours: HashMap::new() }
    }

    /// Recomposes at every tick, and at once when a lot changes, at most once a tick.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        let mut steps = self.board.subscribe();
        let tick = Duration::from_millis(self.config.guidance.tick_ms);
        loop {
            let began = tokio::time::Instant::now();
            let city = self.city.borrow_and_update().clone();
            let board = self.board.clone();
            self.step(&city, &board.snapshot().lots);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(began + tick) => {}
            }
            // A quiet city is looked at less often; the clock alone moves only ages, opening hours and forecasts.
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                step = steps.recv() => match step {
                    Ok(_) => while steps.try_recv().is_ok() {},
                    Err(broadcast::error::RecvError::Lagged(_)) => steps = steps.resubscribe(),
                    Err(broadcast::error::RecvError::Closed) => tokio::time::sleep(tick).await,
                },
                () = tokio::time::sleep(tick) => {}
            }
        }
    }

    /// Composes every panel once and tells the board what is new.
    fn step(&mut self, city: &City, lots: &BTreeMap<LotId, Availability>) {
        let now = self.clock.now();
        let mut hours = std::mem::take(&mut self.hours);
        if hours.len() > 2 * city.lots.len() + 16 {
            hours.clear();
        }
        for text in city.lots.values().filter_map(|lot| lot.opening_hours.as_ref()) {
            if !hours.contains_key(text) {
                hours.insert(text.clone(), Hours::parse(text).ok());
            }
        }
        let is_open = |lot: &Lot| match lot.opening_hours.as_ref() {
            None => true,
            Some(text) => hours.get(text).and_then(Option::as_ref).is_some_and(|h| h.is_open(city.time_zone, now)),
        };
        let config = self.config.clone();
        let forecast = self.forecast.clone();
        let situation = Situation {
            city,
            lots,
            now,
            rules: &config.guidance,
            stale_after: chrono::Duration::seconds(i64::from(config.availability.stale_after_s)),
            is_open: &is_open,
            forecast: &*forecast,
        };
        let mut present: BTreeMap<SignId, BTreeSet<PanelId>> = BTreeMap::new();
        for sign in city.signs.values() {
            let panels = present.entry(sign.id.clone()).or_default();
            for panel in &sign.panels {
                panels.insert(panel.id.clone());
                self.guide(sign, panel, &situation);
            }
        }
        if self.panels.keys().any(|(sign, panel)| !present.get(sign).is_some_and(|panels| panels.contains(panel))) {
            self.panels.retain(|(sign, panel), _| present.get(sign).is_some_and(|panels| panels.contains(panel)));
            self.signs.retain(&present);
        }
        self.hours = hours;
    }

    fn guide(&mut self, sign: &Sign, panel: &Panel, situation: &Situation<'_>) {
        let state = self.panels.entry((sign.id.clone(), panel.id.clone())).or_default();
        let composed = compose(panel, sign.language, situation, state);
        let size = Size { width: u32::from(panel.width_px), height: u32::from(panel.height_px) };
        // A face that does not fit is never cut: the panel goes dark, and the API says why.
        let (face, fault) = match fit(&composed, size) {
            Ok(_) => (composed, None),
            Err(error) => (Face::blank(0), Some(error.to_string())),
        };
        let last = state.shown.as_ref().map(|face| face.version);
        let signs = &self.signs;
        let version = || {
            let told = last.or_else(|| signs.status(&sign.id).confirmed.get(&panel.id).map(|c| c.face.version));
            next_version(told, situation.now)
        };
        let dwell = chrono::Duration::milliseconds(situation.rules.min_dwell_ms.min(i64::MAX as u64) as i64);
        if let Some(face) = state.advance(face, situation.now, dwell, version) {
            if let Some(fault) = &fault {
                tracing::warn!(sign.id = %sign.id, panel.id = %panel.id, fault = %fault, "a face does not fit its panel");
            }
            signs.desire(&sign.id, &panel.id, face, fault);
        }
    }
}

/// A version above the last, and above every version told before a restart: the clock in milliseconds, which runs at least
/// as fast as panels are told (a tick has at least one).
pub fn next_version(last: Option<u64>, now: Instant) -> u64 {
    let clock = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    last.map_or(clock, |last| clock.max(last.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn versions_only_grow_even_when_the_clock_is_set_back(moves in prop::collection::vec(-5_000i64..5_000, 1..50)) {
            let mut now = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
            let mut last = None;
            for by in moves {
                now += chrono::Duration::milliseconds(by);
                let version = next_version(last, now);
                prop_assert!(last.is_none_or(|last| version > last));
                last = Some(version);
            }
        }

        #[test]
        fn after_a_restart_versions_go_on_above_the_old_ones(faces in 1u64..200, away_ms in 0i64..10_000) {
            let start = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
            // One face a millisecond is faster than any tick.
            let mut last = None;
            let mut now = start;
            for _ in 0..faces {
                last = Some(next_version(last, now));
                now += chrono::Duration::milliseconds(1);
            }
            let reborn = next_version(None, now + chrono::Duration::milliseconds(away_ms));
            prop_assert!(Some(reborn) > last);
        }
    }
}
