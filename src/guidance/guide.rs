//! The loop that keeps every panel's desired face in step with availability and the clock.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use yunpark_signs::{Face, pages};

use super::{
    arrival::{Ahead, Expected},
    flow::{Flows, Sent},
    panel::PanelState,
    policy::{Composed, Situation, answer, compose, min_dwell, min_interval},
    spoken::size,
};
use crate::{
    availability::{Board, Changes},
    clock::Clock,
    config::Config,
    domain::{
        availability::Availability,
        city::City,
        demand::Coming,
        hours::Hours,
        ids::{LotId, PanelId, SignId},
        lot::Lot,
        sign::{Panel, Sign},
        time::Instant,
    },
    signboard::{Driven, SignBoard, Wanted},
    telemetry::Trail,
};

/// Longest wait for the board's first snapshot. After it the signs are told what is known, which may be nothing.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(10);

/// A forecast for an arrival is asked for once in this time, seconds: the count itself is looked at in every step.
const HALF_MINUTE_S: i64 = 30;

/// Signs of other nodes are looked at once in so many steps, so that what hysteresis remembers of them is there when they come, and
/// where all signs send drivers is summed up then.
const BESIDE: u32 = 8;

/// The forecast for a moment, where one can be made; called often, so it must be quick.
pub type Forecast = Arc<dyn Fn(&LotId, Instant) -> Option<Expected> + Send + Sync>;

/// The drivers known to be on their way to a lot who arrive before a moment.
pub type UnderWay = Arc<dyn Fn(&LotId, Instant) -> Coming + Send + Sync>;

/// Keeps the sign board's desired faces in step.
pub struct Guide {
    config: Arc<Config>,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    board: Arc<Board>,
    signs: Arc<SignBoard>,
    forecast: Forecast,
    under_way: UnderWay,
    flows: Flows,
    /// Forecasts already asked for, by the lot and the half minute of arrival.
    forecasts: RefCell<HashMap<(LotId, i64), Option<Expected>>>,
    panels: BTreeMap<(SignId, PanelId), PanelState>,
    /// When a sign was last told something new.
    told_at: HashMap<SignId, Instant>,
    /// Opening hours already read, by their text; `None` is unreadable.
    hours: HashMap<String, Option<Hours>>,
    /// Steps so far, up to [`BESIDE`].
    steps: u32,
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
        under_way: UnderWay,
    ) -> Self {
        let (panels, told_at, hours, flows) = (BTreeMap::new(), HashMap::new(), HashMap::new(), Flows::default());
        let forecasts = RefCell::default();
        Self {
            config,
            clock,
            city,
            board,
            signs,
            forecast,
            under_way,
            flows,
            forecasts,
            panels,
            told_at,
            hours,
            steps: 0,
        }
    }

    /// Recomposes at every tick, and at once when a lot changes, at most once a tick.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        let mut steps = self.board.subscribe();
        let tick = Duration::from_millis(self.config.guidance.tick_ms);
        // A board that has not filled yet knows of no lot: to compose from it would take every number off the street.
        let ready = async {
            while !self.board.is_ready() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            waited = tokio::time::timeout(FIRST_SNAPSHOT, ready) => if waited.is_err() {
                tracing::warn!("the board still has no snapshot; the signs are told that nothing is known");
            },
        }
        loop {
            let began = tokio::time::Instant::now();
            let city = self.city.borrow_and_update().clone();
            let board = self.board.clone();
            while let Ok(step) = steps.try_recv() {
                self.follow(&step);
            }
            self.step(&city, &board.snapshot().lots);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(began + tick) => {}
            }
            // A quiet city is looked at less often; the clock alone moves only ages, opening hours and forecasts.
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                step = steps.recv() => match step {
                    Ok(step) => self.follow(&step),
                    Err(broadcast::error::RecvError::Lagged(_)) => steps = steps.resubscribe(),
                    Err(broadcast::error::RecvError::Closed) => tokio::time::sleep(tick).await,
                },
                () = tokio::time::sleep(tick) => {}
            }
        }
    }

    /// Takes up what another node follows, where it has moved a lot.
    fn follow(&self, step: &Changes) {
        let followed = step.changes.iter().filter_map(|change| Some((change, Trail::parse(change.trail.as_deref()?)?)));
        followed.for_each(|(change, trail)| self.signs.trails().moves(&change.availability.lot, &trail));
    }

    /// Composes every panel once and tells the board what is new.
    fn step(&mut self, city: &City, lots: &BTreeMap<LotId, Availability>) {
        let now = self.clock.now();
        self.steps = (self.steps + 1) % BESIDE;
        let mut hours = std::mem::take(&mut self.hours);
        if hours.len() > 2 * city.lots.len() + 16 {
            hours.clear();
        }
        for text in city.lots.values().filter_map(|lot| lot.opening_hours.as_ref()) {
            if !hours.contains_key(text) {
                hours.insert(text.clone(), Hours::parse(text).ok());
            }
        }
        let is_open = once_per_lot(|lot| match lot.opening_hours.as_ref() {
            None => true,
            Some(text) => hours.get(text).and_then(Option::as_ref).is_some_and(|h| h.is_open(city.time_zone, now)),
        });
        let config = self.config.clone();
        let (forecast, under_way) = (self.forecast.clone(), self.under_way.clone());
        let mut flows = std::mem::take(&mut self.flows);
        flows.observe(lots, now);
        let forecasts = self.forecasts.take();
        let forecasts = RefCell::new(kept(forecasts, now));
        let ahead = |lot: &LotId, at: Instant| Ahead {
            forecast: *forecasts
                .borrow_mut()
                .entry((lot.clone(), at.timestamp().div_euclid(HALF_MINUTE_S)))
                .or_insert_with(|| forecast(lot, at)),
            rates: flows.rates(lot, now),
            under_way: under_way(lot, at),
        };
        let orders = self.signs.orders();
        let situation = Situation {
            city,
            lots,
            now,
            rules: &config.guidance,
            stale_after: chrono::Duration::seconds(i64::from(config.availability.stale_after_s)),
            answer: answer(&config.display),
            is_open: &is_open,
            ahead: &ahead,
            age: &|lot| flows.age(lot, now),
            orders: &orders,
        };
        let mut sent = (self.steps == 0).then(Sent::default);
        let mut present: BTreeMap<SignId, BTreeSet<PanelId>> = BTreeMap::new();
        for sign in city.signs.values() {
            let panels = present.entry(sign.id.clone()).or_default();
            for panel in &sign.panels {
                panels.insert(panel.id.clone());
                self.guide(sign, panel, &situation, &mut sent);
            }
        }
        if self.panels.keys().any(|(sign, panel)| !present.get(sign).is_some_and(|panels| panels.contains(panel))) {
            self.panels.retain(|(sign, panel), _| present.get(sign).is_some_and(|panels| panels.contains(panel)));
            self.told_at.retain(|sign, _| present.contains_key(sign));
            self.signs.retain(&present);
        }
        drop(is_open);
        if let Some(sent) = sent {
            flows.send(sent);
        }
        self.hours = hours;
        self.flows = flows;
        self.forecasts = forecasts;
    }

    /// Composes a panel, adds where it sends drivers, and tells the board what is new.
    fn guide(&mut self, sign: &Sign, panel: &Panel, situation: &Situation<'_>, sent: &mut Option<Sent>) {
        let state = self.panels.entry((sign.id.clone(), panel.id.clone())).or_default();
        let token = match self.signs.driven(&sign.id) {
            Driven::Alone => None,
            Driven::Here(token) => Some(token),
            Driven::Elsewhere => {
                state.forget();
                self.told_at.remove(&sign.id);
                if let Some(sent) = sent {
                    sent.add(situation.city, panel, &compose(sign, panel, situation, state).face);
                }
                return;
            }
        };
        if state.shown.as_ref().is_some_and(|shown| token.is_some_and(|token| shown.version < token)) {
            // Told under a lease that is over.
            state.forget();
        }
        let Composed { face, good_until, basis, lost } = compose(sign, panel, situation, state);
        if let Some(sent) = sent {
            sent.add(situation.city, panel, &face);
        }
        self.signs.rest_on(&sign.id, &panel.id, basis);
        // A face that does not fit is never cut: the panel goes dark, and the API says why. One that is shown already fits.
        let is_shown = state.shown.as_ref().is_some_and(|shown| shown.shows_same(&face));
        let misfit = if is_shown { None } else { pages(&face, size(panel)).err() };
        let (face, good_until, fault) = match misfit {
            None => (face, good_until, None),
            Some(error) => (Face::blank(0), None, Some(error.to_string())),
        };
        if state.shown.as_ref().is_some_and(|shown| shown.shows_same(&face)) {
            // The same numbers, confirmed: they may stand longer. Numbers a panel rests on get no more time than they had.
            self.signs.extend(&sign.id, &panel.id, good_until);
        }
        let last = state.shown.as_ref().map(|face| face.version);
        let signs = &self.signs;
        let version = || {
            let told = last.or_else(|| signs.status(&sign.id).confirmed.get(&panel.id).map(|c| c.face.version));
            next_version(told, token, situation.now)
        };
        // All panels of a sign may change in one step, then the sign rests.
        let interval = min_interval(sign, situation.rules);
        let since = self.told_at.get(&sign.id).map(|at| situation.now - *at);
        if since.is_some_and(|since| since > chrono::Duration::zero() && since < interval) {
            return;
        }
        let dwell = min_dwell(sign, situation.rules);
        if let Some(face) = state.advance(face, &lost, situation.now, dwell, version) {
            self.told_at.insert(sign.id.clone(), situation.now);
            if let Some(fault) = &fault {
                tracing::warn!(sign.id = %sign.id, panel.id = %panel.id, fault = %fault, "a face does not fit its panel");
            }
            let told_of = panel.lines.iter().flat_map(|line| situation.city.target_lots(&line.target));
            if let Some(trail) = signs.trails().changes(&sign.id, told_of.map(|lot| &lot.id)) {
                let span = trail.guiding(&sign.id);
                span.in_scope(|| tracing::debug!(target: "yunpark::trail", { panel.id = %panel.id }, "a panel is to show another face"));
            }
            signs.desire(&sign.id, &panel.id, Wanted { good_until, ..face.into() }, fault);
        }
    }
}

/// Forecasts for arrivals that are still ahead.
fn kept(
    mut forecasts: HashMap<(LotId, i64), Option<Expected>>,
    now: Instant,
) -> HashMap<(LotId, i64), Option<Expected>> {
    let past = now.timestamp().div_euclid(HALF_MINUTE_S);
    forecasts.retain(|(_, half), _| *half >= past);
    forecasts
}

/// Answers as `judge` does, but asks it only once for each lot.
fn once_per_lot<'a>(judge: impl Fn(&Lot) -> bool + 'a) -> impl Fn(&Lot) -> bool + 'a {
    let known: RefCell<HashMap<LotId, bool>> = RefCell::default();
    move |lot| {
        if let Some(open) = known.borrow().get(&lot.id) {
            return *open;
        }
        let open = judge(lot);
        known.borrow_mut().insert(lot.id.clone(), open);
        open
    }
}

/// A version above the last, and above every version told before a restart: the clock in milliseconds, which runs at least
/// as fast as panels are told (a tick has at least one).
///
/// Under a lease it is the token, and then one more with each face. Tokens are milliseconds too, so that nothing told under one
/// lease reaches the next, however late it is told; and a node that is alone again goes on above them all.
pub fn next_version(last: Option<u64>, token: Option<u64>, now: Instant) -> u64 {
    let least = token.unwrap_or_else(|| u64::try_from(now.timestamp_millis()).unwrap_or(0));
    last.map_or(least, |last| least.max(last.saturating_add(1)))
}

#[cfg(test)]
#[path = "guide_tests.rs"]
mod tests;
