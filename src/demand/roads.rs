//! The roads that lead to lots: who passed their counters, which share of them turns in, and therefore who is coming.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    availability::Board,
    clock::Clock,
    config::{self, Config},
    domain::{
        approach::{Approach, BIN_S, Bin, Limits, Moved, Passed, Seen, Sighting, State, Turning},
        availability::{Availability, Outcome},
        city::City,
        ids::{ApproachId, LotId},
        time::Instant,
    },
    store::{self, Db, approaches},
};

/// The lots are looked at this often, so that who comes and who leaves are not one.
const LOOK: Duration = Duration::from_millis(250);
/// In so many looks a node asks once what other nodes heard; it keeps what was learned; it forgets.
const ASK_EVERY: u64 = 4;
const KEEP_EVERY: u64 = 1200;
const FORGET_EVERY: u64 = 14_400;
/// What nobody passes, or teaches, is forgotten after so many days.
const SILENT_D: i64 = 2;
const UNTAUGHT_D: i64 = 90;
/// A lot with no more than this share of its places free lets nobody in who would, and teaches nothing.
const FULL: f64 = 0.02;
/// Who passed in the last so many minutes is told.
const OF_LATE_M: i64 = 10;

/// One way to a lot, as it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The approach.
    pub approach: ApproachId,
    /// The driving time from it, seconds.
    pub travel_time_s: u32,
    /// The share of those who pass that is expected to turn in.
    pub share: f64,
}

/// How an approach is, and what was learned of it.
#[derive(Debug, Clone)]
pub struct Road {
    /// The approach.
    pub approach: Approach,
    /// How its counter is.
    pub state: State,
    /// When it was last heard, and how much older its word was by its own clock, milliseconds.
    pub heard: Option<(Instant, i64)>,
    /// Vehicles of the last ten minutes.
    pub passed: u32,
    /// For each of its legs the share that is expected to turn in, and from how many half minutes it was learned.
    pub shares: Vec<(f64, u32)>,
}

/// A lot that is watched for who comes.
#[derive(Debug, Clone, Copy)]
struct Watched {
    seen: Seen,
    came: u32,
    /// Nothing was put right in this step, and whoever wanted in could.
    teaches: bool,
}

#[derive(Debug, Default)]
struct Known {
    passed: BTreeMap<ApproachId, approaches::Known>,
    learned: BTreeMap<LotId, Turning>,
    turns: BTreeMap<LotId, Vec<Turn>>,
    watched: BTreeMap<LotId, Watched>,
    states: BTreeMap<ApproachId, State>,
    /// When the present step of learning began.
    since: Option<Instant>,
    /// The city the turns are of.
    city: Option<Arc<City>>,
}

/// Counts who passes approaches, and learns where they go.
#[derive(Debug)]
pub struct Roads {
    db: Db,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    board: Arc<Board>,
    settings: config::Demand,
    limits: Limits,
    known: RwLock<Known>,
}

impl Roads {
    /// Roads with what the store keeps of them.
    pub async fn open(
        db: Db,
        clock: Clock,
        city: watch::Receiver<Arc<City>>,
        board: Arc<Board>,
        config: &Config,
    ) -> Result<Self, store::Error> {
        let limits = Limits {
            max_future_ms: config.availability.max_future_ms,
            seq_reset_after_s: config.availability.seq_reset_after_s,
            max_delta: config.availability.max_counter_delta,
        };
        let known = RwLock::new(Known { learned: approaches::shares(&db).await?, ..Known::default() });
        let roads = Self { db, clock, city, board, settings: config.demand.clone(), limits, known };
        roads.refresh().await?;
        roads.look();
        Ok(roads)
    }

    /// Counts passages, each once however often and by however many nodes it is said; what became of each.
    pub async fn see(&self, sightings: &[Sighting]) -> Result<Vec<Outcome>, store::Error> {
        let (outcomes, known) = approaches::see(&self.db, sightings, self.limits, self.clock.now()).await?;
        self.write().take(known);
        Ok(outcomes)
    }

    /// How many of those who passed upstream are expected at a lot before an instant: each approach's by its share, and together
    /// no more than their part of the capacity, so that no counter makes a lot full by itself.
    pub fn expected(&self, lot: &LotId, before: Instant) -> f64 {
        let known = self.read();
        let Some(turns) = known.turns.get(lot) else { return 0.0 };
        let now = self.clock.now();
        let of = |turn: &Turn| {
            let passed = known.passed.get(&turn.approach);
            passed.map_or(0.0, |(_, passed)| turn.share * passed.arriving(turn.travel_time_s, now, before))
        };
        let capacity = known.city.as_ref().and_then(|city| city.lots.get(lot)).map_or(0, |lot| lot.capacity);
        turns.iter().map(of).sum::<f64>().min(self.settings.most_share * f64::from(capacity))
    }

    /// Whether a counted road leads to a lot.
    pub fn leads_to(&self, lot: &LotId) -> bool {
        self.read().turns.contains_key(lot)
    }

    /// Every approach of the city, by id.
    pub fn told(&self) -> Vec<Road> {
        let (city, now) = (self.city.borrow().clone(), self.clock.now());
        let known = self.read();
        let nothing = Passed::default();
        let of = |approach: &Approach| {
            let passed = known.passed.get(&approach.id).map_or(&nothing, |(_, passed)| passed);
            let share = |leg: &crate::domain::approach::Leg| {
                let turns =
                    known.turns.get(&leg.lot).and_then(|turns| turns.iter().find(|turn| turn.approach == approach.id));
                (turns.map_or(leg.share, |turn| turn.share), known.learned.get(&leg.lot).map_or(0, Turning::steps))
            };
            Road {
                state: passed.state(now),
                heard: passed.heard(),
                passed: passed.since(now - chrono::Duration::minutes(OF_LATE_M)),
                shares: approach.leads_to.iter().map(share).collect(),
                approach: approach.clone(),
            }
        };
        city.approaches.values().map(of).collect()
    }

    /// Looks, learns and follows what other nodes heard, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let mut round = 0u64;
        loop {
            let is_last = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            round = round.wrapping_add(1);
            if self.city.borrow().approaches.is_empty() && !is_last {
                continue;
            }
            if round.is_multiple_of(ASK_EVERY)
                && let Err(error) = self.refresh().await
            {
                tracing::warn!(%error, "who passed upstream could not be read; what is known counts until it is over");
            }
            self.look();
            if round.is_multiple_of(ASK_EVERY) {
                self.tell_states();
            }
            let written = async {
                if is_last || round.is_multiple_of(KEEP_EVERY) {
                    self.keep().await?;
                }
                if round.is_multiple_of(FORGET_EVERY) {
                    let now = self.clock.now();
                    let before = |days| now - chrono::Duration::days(days);
                    approaches::forget(&self.db, before(SILENT_D), before(UNTAUGHT_D)).await?;
                }
                Ok::<_, store::Error>(())
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, "which way drivers turn could not be kept");
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Takes over what other nodes heard.
    async fn refresh(&self) -> Result<(), store::Error> {
        let revisions = approaches::revisions(&self.db).await?;
        let news: Vec<ApproachId> = {
            let known = self.read();
            let is_news =
                |(id, revision): &(&ApproachId, &i64)| known.passed.get(*id).is_none_or(|(at, _)| at < *revision);
            revisions.iter().filter(is_news).map(|(id, _)| id.clone()).collect()
        };
        for approach in news {
            if let Some(passed) = approaches::passed(&self.db, &approach).await? {
                self.write().take([(approach, passed)]);
            }
        }
        self.write().passed.retain(|id, _| revisions.contains_key(id));
        Ok(())
    }

    /// Looks at the lots downstream, and learns when a step is over.
    fn look(&self) {
        self.look_at(&self.board.snapshot().lots);
    }

    fn look_at(&self, lots: &BTreeMap<LotId, Availability>) {
        let (city, now) = (self.city.borrow().clone(), self.clock.now());
        let mut known = self.write();
        let known = &mut *known;
        known.follow(&city);
        for lot in known.turns.keys() {
            let Some(availability) = lots.get(lot) else { continue };
            let watched = known.watched.entry(lot.clone()).or_insert_with(|| Watched {
                seen: Seen::new(availability),
                came: 0,
                teaches: false,
            });
            match watched.seen.look(availability) {
                Moved::Came(came) => watched.came += came,
                Moved::Corrected => watched.teaches = false,
                Moved::Nothing | Moved::Left(_) => {}
            }
            watched.teaches &= lets_in(availability);
        }
        let since = *known.since.get_or_insert(now);
        let past_s = (now - since).num_milliseconds() as f64 / 1000.0;
        if (0.0..BIN_S as f64).contains(&past_s) {
            return;
        }
        // A step that took much longer was slept through: nobody knows who came when.
        if past_s >= 0.0 && past_s < 1.5 * BIN_S as f64 {
            known.learn(since, now, past_s, &self.settings);
        }
        known.begin(now);
    }

    /// Tells when a counter falls silent, or its clock goes wrong, and when it is well again.
    fn tell_states(&self) {
        let (roads, mut known) = (self.told(), self.write());
        for state in State::ALL {
            let count = roads.iter().filter(|road| road.state == state).count();
            metrics::gauge!("yunpark_approaches", "state" => state.as_str()).set(count as f64);
        }
        known.states.retain(|id, _| roads.iter().any(|road| road.approach.id == *id));
        for road in roads {
            let before = known.states.insert(road.approach.id.clone(), road.state);
            match (before, road.state) {
                (Some(before), now) if before == now => {}
                (_, State::Silent | State::ClockOff) => {
                    tracing::warn!(approach.id = %road.approach.id, state = road.state.as_str(), "a counter upstream of lots is ill");
                }
                (Some(State::Silent | State::ClockOff), State::Live) => {
                    tracing::info!(approach.id = %road.approach.id, "a counter upstream of lots is well again");
                }
                _ => {}
            }
        }
    }

    /// Keeps what was learned.
    async fn keep(&self) -> Result<(), store::Error> {
        let learned: Vec<(LotId, Turning)> = {
            let known = self.read();
            let of_city = known.learned.iter().filter(|(lot, _)| known.turns.contains_key(*lot));
            of_city.map(|(lot, turning)| (lot.clone(), turning.clone())).collect()
        };
        approaches::keep_shares(&self.db, &learned, self.clock.now()).await
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether whoever wanted in could, and would have been seen.
fn lets_in(lot: &Availability) -> bool {
    !lot.closed && f64::from(lot.free) > (FULL * f64::from(lot.capacity)).max(1.0)
}

impl Known {
    /// Takes what is newer.
    fn take(&mut self, news: impl IntoIterator<Item = (ApproachId, approaches::Known)>) {
        for (approach, (revision, passed)) in news {
            if self.passed.get(&approach).is_none_or(|(at, _)| *at < revision) {
                self.passed.insert(approach, (revision, passed));
            }
        }
    }

    /// Takes over the approaches of another city.
    fn follow(&mut self, city: &Arc<City>) {
        if self.city.as_ref().is_some_and(|known| Arc::ptr_eq(known, city)) {
            return;
        }
        self.city = Some(city.clone());
        self.settle();
    }

    /// The turns of the city in force, by what was learned.
    fn settle(&mut self) {
        let Some(city) = &self.city else { return };
        let mut turns: BTreeMap<LotId, Vec<Turn>> = BTreeMap::new();
        for approach in city.approaches.values() {
            let learned = |lot: &LotId| self.learned.get(lot).and_then(|turning| turning.share(&approach.id));
            let shares: Vec<f64> = approach.leads_to.iter().map(|leg| learned(&leg.lot).unwrap_or(leg.share)).collect();
            // No more turn in than pass.
            let scale = 1.0 / shares.iter().sum::<f64>().max(1.0);
            for (leg, share) in approach.leads_to.iter().zip(shares) {
                let turn =
                    Turn { approach: approach.id.clone(), travel_time_s: leg.travel_time_s, share: share * scale };
                turns.entry(leg.lot.clone()).or_default().push(turn);
            }
        }
        self.watched.retain(|lot, _| turns.contains_key(lot));
        self.turns = turns;
    }

    /// Learns what came to each lot in a step.
    fn learn(&mut self, since: Instant, now: Instant, past_s: f64, settings: &config::Demand) {
        let Some(city) = self.city.clone() else { return };
        // A step a little longer than the others counts as one of their length.
        let scale = BIN_S as f64 / past_s;
        for (lot, turns) in &self.turns {
            let Some(watched) = self.watched.get(lot).filter(|watched| watched.teaches) else { continue };
            let due = turns.iter().map(|turn| {
                let (_, passed) = self.passed.get(&turn.approach)?;
                let speaks = passed.state(now) == State::Live;
                speaks.then(|| passed.arriving(turn.travel_time_s, since, now) * scale)
            });
            let Some(due) = due.collect::<Option<Vec<f64>>>() else { continue };
            let given = |turn: &Turn| {
                let approach = city.approaches.get(&turn.approach);
                let leg = approach.and_then(|approach| approach.leads_to.iter().find(|leg| leg.lot == *lot));
                (turn.approach.clone(), leg.map_or(0.0, |leg| leg.share))
            };
            let legs: Vec<(ApproachId, f64)> = turns.iter().map(given).collect();
            let memory = settings.turn_memory_days * 86_400.0 / BIN_S as f64;
            let bin = Bin { due: &due, came: f64::from(watched.came) * scale };
            self.learned.entry(lot.clone()).or_default().learn(&legs, bin, memory, settings.most_turn);
        }
        self.settle();
    }

    /// Begins the next step.
    fn begin(&mut self, now: Instant) {
        self.since = Some(now);
        for watched in self.watched.values_mut() {
            (watched.came, watched.teaches) = (0, true);
        }
    }
}

#[cfg(test)]
#[path = "roads_tests.rs"]
mod tests;
