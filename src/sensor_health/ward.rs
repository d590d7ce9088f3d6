//! The ward: a memory of each sensor the city binds, and what is wrong with it.
//!
//! Hearing a sensor costs a look-up under a lock. Every few seconds what changed is merged into the database, and what other
//! nodes wrote is merged into this node's memory, so that all nodes tell the same and a restart forgets little.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config,
    domain::{
        city::{City, SensorBinding},
        ids::{LotId, SensorId},
        sensor_event::SensorEvent,
        sensor_health::{
            Illness, Limits, Memory, Neighbours, Profile, Severity, diagnose, is_trustworthy, learning_moves,
        },
        time::Instant,
    },
    store::{
        Db, Error,
        sensor_health::{self, Gateway},
    },
};

/// What changed is merged into the database this often.
const EVERY: Duration = Duration::from_secs(2);
/// Most sensors of one transaction.
const BATCH: usize = 256;
/// Nodes' clocks may differ by this much, seconds.
const OVERLAP_S: i64 = 30;
/// The illnesses are counted for the metrics once in so many rounds.
const COUNT_EVERY: u32 = 8;

/// How one sensor is.
#[derive(Debug, Clone)]
pub struct SensorState {
    /// What it reports for.
    pub binding: SensorBinding,
    /// What is remembered of it.
    pub memory: Arc<Memory>,
    /// It says something at least this often, seconds.
    pub heartbeat_s: Option<u32>,
    /// What is wrong with it, gravest first.
    pub illnesses: Vec<Illness>,
}

impl SensorState {
    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.illnesses.iter().map(|illness| illness.severity()).max().unwrap_or(Severity::Well)
    }

    /// Whether enforcement may rest on it.
    pub fn is_trustworthy(&self) -> bool {
        is_trustworthy(&self.illnesses)
    }
}

/// A gateway's name as it is compared: The Things Stack writes `eui-` before what ChirpStack writes alone.
fn alike(name: &str) -> String {
    name.strip_prefix("eui-").unwrap_or(name).to_ascii_lowercase()
}

#[derive(Debug, Default)]
struct State {
    memories: HashMap<SensorId, Arc<Memory>>,
    changed: HashSet<SensorId>,
    gateways: BTreeMap<String, Gateway>,
}

/// What this node knows of all sensors.
pub struct Ward {
    db: Db,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    /// This node's name among those that share the database.
    node: String,
    limits: Limits,
    heartbeat_of: fn(&City, &SensorBinding) -> Option<u32>,
    state: RwLock<State>,
}

impl Ward {
    /// A ward that remembers what the database holds. `heartbeat_of` is how often a sensor says something at least.
    pub async fn open(
        db: Db,
        clock: Clock,
        city: watch::Receiver<Arc<City>>,
        node: String,
        config: &config::Sensors,
        heartbeat_of: fn(&City, &SensorBinding) -> Option<u32>,
    ) -> Result<Self, Error> {
        let limits = Limits {
            heartbeats: config.heartbeats,
            stays: config.stuck_stays,
            stuck_after_s: config.stuck_after_s,
            flapping_moves: config.flapping_moves,
            flapping_window_s: config.flapping_window_s,
            battery_low_mv: config.battery_low_mv,
            battery_low_percent: config.battery_low_percent,
            clock_skew_s: config.clock_skew_s,
        };
        let ward = Self { db, clock, city, node, limits, heartbeat_of, state: RwLock::default() };
        ward.refresh(None).await?;
        Ok(ward)
    }

    /// Notes statements that this node received, each with whether it is new.
    pub fn hear(&self, events: &[SensorEvent], is_new: &[bool]) {
        let city = self.city.borrow().clone();
        let mut state = self.write();
        for (event, is_new) in events.iter().zip(is_new) {
            // What is bound to nothing has no health to keep.
            if let Some((sensor, _)) = city.sensors.get_key_value(event.id.device.as_str()) {
                let memory = Arc::make_mut(state.memories.entry(sensor.clone()).or_default());
                memory.hear(event, &self.node, *is_new);
                state.changed.insert(sensor.clone());
            }
        }
    }

    /// Notes that a count of a sensor could not be true.
    pub fn distrust(&self, sensor: &str, at: Instant) {
        let city = self.city.borrow().clone();
        if let Some((sensor, _)) = city.sensors.get_key_value(sensor) {
            let mut state = self.write();
            Arc::make_mut(state.memories.entry(sensor.clone()).or_default()).distrust(at, &self.node);
            state.changed.insert(sensor.clone());
        }
    }

    /// Notes what a gateway said of itself, or what its last will says.
    pub async fn note_gateway(&self, gateway: Gateway) -> Result<(), Error> {
        sensor_health::note_gateway(&self.db, &gateway).await?;
        self.take_gateways(sensor_health::gateways(&self.db).await?);
        Ok(())
    }

    /// Merges with the database until `stop`, and once more then.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let mut refreshed = self.clock.now();
        let mut round: u32 = 0;
        loop {
            let is_last = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let from = refreshed - chrono::Duration::seconds(OVERLAP_S);
            let now = self.clock.now();
            let done = async {
                self.keep(now).await?;
                self.refresh(Some(from)).await
            };
            match done.await {
                Ok(()) => refreshed = now,
                Err(error) => {
                    metrics::counter!("yunpark_sensor_health_failures_total").increment(1);
                    tracing::warn!(%error, "the sensors' health cannot be kept at the moment");
                }
            }
            if is_last {
                return Ok(());
            }
            if round.is_multiple_of(COUNT_EVERY) {
                self.count();
            }
            round = round.wrapping_add(1);
        }
    }

    /// Merges what changed into the database.
    async fn keep(&self, now: Instant) -> Result<(), Error> {
        loop {
            let batch: Vec<(SensorId, Memory)> = {
                let mut state = self.write();
                let sensors: Vec<SensorId> = state.changed.iter().take(BATCH).cloned().collect();
                sensors
                    .into_iter()
                    .filter_map(|sensor| {
                        state.changed.remove(&sensor);
                        Some((sensor.clone(), Memory::clone(state.memories.get(&sensor)?)))
                    })
                    .collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            match sensor_health::merge(&self.db, &batch, now).await {
                Ok(merged) => {
                    let sensors = batch.into_iter().map(|(sensor, _)| sensor);
                    self.learn(sensors.zip(merged));
                }
                Err(error) => {
                    self.write().changed.extend(batch.into_iter().map(|(sensor, _)| sensor));
                    return Err(error);
                }
            }
        }
    }

    /// Merges what the database holds since an instant into this node's memory.
    async fn refresh(&self, since: Option<Instant>) -> Result<(), Error> {
        self.learn(sensor_health::since(&self.db, since).await?);
        self.take_gateways(sensor_health::gateways(&self.db).await?);
        Ok(())
    }

    fn learn(&self, memories: impl IntoIterator<Item = (SensorId, Memory)>) {
        let mut state = self.write();
        for (sensor, theirs) in memories {
            let mine = Arc::make_mut(state.memories.entry(sensor).or_default());
            *mine = std::mem::take(mine).merge(&theirs);
        }
    }

    fn take_gateways(&self, gateways: Vec<Gateway>) {
        self.write().gateways = gateways.into_iter().map(|gateway| (alike(&gateway.id), gateway)).collect();
    }

    /// All gateways that ever said so, by id.
    pub fn gateways(&self) -> Vec<Gateway> {
        self.read().gateways.values().cloned().collect()
    }

    /// How every sensor of the city is, by id; of one lot, if one is named.
    pub fn sensors(&self, lot: Option<&LotId>) -> Vec<SensorState> {
        let (city, now) = (self.city.borrow().clone(), self.clock.now());
        let state = self.read();
        let bound: Vec<&SensorBinding> =
            city.sensors.values().filter(|binding| lot.is_none_or(|lot| binding.lot.as_ref() == Some(lot))).collect();
        let mut pace: HashMap<Option<&LotId>, Vec<Instant>> = HashMap::new();
        for binding in bound.iter().filter(|binding| binding.space.is_some()) {
            let moved_at = state.memories.get(&binding.id).and_then(|memory| memory.moved_at());
            pace.entry(binding.lot.as_ref()).or_default().push(moved_at.unwrap_or(Instant::UNIX_EPOCH));
        }
        for moved in pace.values_mut() {
            moved.sort();
        }
        let one = |binding: &&SensorBinding| {
            let memory = state.memories.get(&binding.id).cloned().unwrap_or_default();
            let neighbours = match (binding.space.is_some(), memory.moved_at(), pace.get(&binding.lot.as_ref())) {
                (true, Some(mine), Some(all)) => Neighbours {
                    all: all.len().saturating_sub(1),
                    moved_since: all.len() - all.partition_point(|other| *other <= mine),
                },
                _ => Neighbours::default(),
            };
            let is_down = |name: &String| state.gateways.get(&alike(name)).is_some_and(|gateway| !gateway.is_online);
            let through = memory.gateways.as_ref().map_or(&[][..], |(_, names)| names);
            let profile = Profile {
                heartbeat_s: (self.heartbeat_of)(&city, binding),
                learning_moves: learning_moves(&binding.codec),
                // One that never says whether it is there is taken to be.
                is_gateway_down: !through.is_empty() && through.iter().all(is_down),
            };
            let illnesses = diagnose(&memory, profile, neighbours, &self.limits, now);
            SensorState { binding: (*binding).clone(), memory, heartbeat_s: profile.heartbeat_s, illnesses }
        };
        bound.iter().map(one).collect()
    }

    /// Whether enforcement may rest on what a sensor says; `None` if the city binds no such sensor.
    pub fn is_trustworthy(&self, sensor: &SensorId) -> Option<bool> {
        let lot = self.city.borrow().sensors.get(sensor)?.lot.clone();
        let found = self.sensors(lot.as_ref()).into_iter().find(|state| state.binding.id == *sensor)?;
        Some(found.is_trustworthy())
    }

    /// Places of a lot whose number enforcement must not rest on, since their sensors cannot be trusted at the moment;
    /// `None` if that is the whole lot, because one of its counters cannot.
    pub fn doubtful_places(&self, lot: &LotId) -> Option<u32> {
        let mut places = BTreeSet::new();
        for state in self.sensors(Some(lot)).into_iter().filter(|state| !state.is_trustworthy()) {
            places.insert(state.binding.space?);
        }
        u32::try_from(places.len()).ok()
    }

    fn count(&self) {
        let all = self.sensors(None);
        for illness in Illness::ALL {
            let ill = all.iter().filter(|state| state.illnesses.contains(&illness)).count();
            metrics::gauge!("yunpark_sensors_with", "illness" => illness.as_str()).set(ill as f64);
        }
        for (severity, word) in [(Severity::Well, "well"), (Severity::Notice, "notice"), (Severity::Ill, "ill")] {
            let count = all.iter().filter(|state| state.severity() == severity).count();
            metrics::gauge!("yunpark_sensors", "state" => word).set(count as f64);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
