//! The engine in Redis: a function library applies each batch in one atomic step where the counts are kept.

pub(super) mod leases;
mod life;
mod line;
pub(super) mod link;
mod place;
mod record;
mod waiter;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ::redis::{Cmd, RedisError, Value, cmd};
use futures_util::future::{join_all, try_join_all};

use self::{
    link::{LONGEST_BLOCK, Lane, Link},
    place::{Partition, Place, partition_of},
};
use super::{
    contract::{Error, Follow, Limits, Snapshot},
    layout::LotLayout,
    lot_memory::LotMemory,
};
use crate::{
    clock, config,
    domain::{
        action::{Action, CounterState},
        availability::{Availability, Cursor, Outcome, SpaceStatus},
        ids::LotId,
        observation::Observation,
        time::{Instant, rfc3339, to_micros},
    },
};

/// The function library. Its names carry a version, so that two versions can run side by side during a change of release.
const LIBRARY: &str = concat!(include_str!("../lua/availability.lua"), "\n", include_str!("../lua/city.lua"));
/// Most changes of one partition handed over at once.
const MAX_CHANGES: usize = 1000;
/// Most lots of one partition looked after in one step of a sweep.
const SWEPT: usize = 64;
/// Most lots given back in one step.
const RESTORED: usize = 64;
/// Fields of a lot's hash with their marks.
type Fields = Vec<(String, Vec<u8>)>;

/// The engine in Redis. Clones share connections.
#[derive(Debug, Clone)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    limits: Limits,
    partitions: Vec<Partition>,
    /// The last city declared through this engine, for a Redis that lost it.
    city: RwLock<Option<City>>,
    /// Held while a lost city is declared again.
    recovery: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct City {
    layouts: Arc<[LotLayout]>,
    at: Instant,
}

impl Redis {
    /// Connects and loads the function library.
    pub async fn connect(config: &config::Availability) -> Result<Self, Error> {
        if config.partitions == 0 {
            return Err(Error::Setting("availability.partitions must be at least 1".to_owned()));
        }
        if config.key_prefix.contains(['{', '}']) {
            return Err(Error::Setting("availability.key_prefix must not contain braces".to_owned()));
        }
        let engine = Self(Arc::new(Inner {
            link: Link::open(config).await?,
            limits: Limits::of(config),
            partitions: (0..config.partitions).map(|number| Partition::new(&config.key_prefix, number)).collect(),
            city: RwLock::new(None),
            recovery: tokio::sync::Mutex::new(()),
        }));
        engine.load().await?;
        Ok(engine)
    }

    /// See [`super::Engine::configure`].
    pub async fn configure(&self, layouts: &[LotLayout], now: Instant) -> Result<(), Error> {
        let city = City { layouts: layouts.into(), at: now };
        *self.0.city.write().unwrap_or_else(PoisonError::into_inner) = Some(city.clone());
        self.declare(&city).await
    }

    /// See [`super::Engine::apply_followed`].
    pub async fn apply(&self, batch: &[Observation], followed: &[(usize, String)]) -> Result<Vec<Outcome>, Error> {
        let calls = wire::calls(&self.0.partitions, batch, followed, self.0.limits);
        let answers = join_all(calls.iter().map(|(command, _)| self.call(Lane::Write, command))).await;
        let mut outcomes = vec![Outcome::Late; batch.len()];
        for ((_, indices), answer) in calls.iter().zip(answers) {
            let letters = wire::bytes(answer?)?;
            if letters.len() != indices.len() {
                return Err(wire::foreign("another number of outcomes"));
            }
            for (index, letter) in indices.iter().zip(letters) {
                outcomes[*index] = wire::outcome(letter)?;
            }
        }
        Ok(outcomes)
    }

    /// The calls [`Redis::apply`] makes for a batch, one a partition, for whoever measures what the engine adds to them.
    pub fn prepared(&self, batch: &[Observation]) -> Vec<Cmd> {
        wire::calls(&self.0.partitions, batch, &[], self.0.limits).into_iter().map(|(command, _)| command).collect()
    }

    /// See [`super::Engine::lots`].
    pub async fn lots(&self) -> Result<Snapshot, Error> {
        let answers = try_join_all(self.0.partitions.iter().map(|partition| {
            let command = function_ro("yunpark_snapshot_v2", [&partition.meta, &partition.lots, &partition.changes]);
            async move { self.call(Lane::Read, &command).await }
        }))
        .await?;
        let (mut places, mut lots) = (Vec::new(), Vec::new());
        for answer in answers {
            let [epoch, id, records] = wire::exactly::<3>(answer)?;
            places.push(Place { epoch: wire::text(epoch)?, id: wire::text(id)? });
            for (lot, told) in wire::pairs(records)? {
                lots.push(record::availability(&lot, &told)?);
            }
        }
        lots.sort_unstable_by(|a, b| a.lot.cmp(&b.lot));
        Ok(Snapshot { cursor: place::cursor(&places), lots })
    }

    /// See [`super::Engine::lot`].
    pub async fn lot(&self, lot: &LotId) -> Result<Option<Availability>, Error> {
        Ok(self.lots_of(std::slice::from_ref(lot)).await?.pop())
    }

    /// See [`super::Engine::lots_of`].
    pub async fn lots_of(&self, lots: &[LotId]) -> Result<Vec<Availability>, Error> {
        let mut of_partition: Vec<Vec<&LotId>> = vec![Vec::new(); self.0.partitions.len()];
        for lot in lots {
            of_partition[partition_of(lot, self.0.partitions.len())].push(lot);
        }
        let asked = self.0.partitions.iter().zip(&of_partition).filter(|(_, lots)| !lots.is_empty());
        let answers = try_join_all(asked.map(|(partition, lots)| async move {
            let mut command = function_ro("yunpark_lots_v2", [&partition.meta, &partition.lots]);
            for lot in lots {
                command.arg(lot.as_str());
            }
            record::records(lots, self.call(Lane::Read, &command).await?)
        }))
        .await?;
        let mut told: Vec<Availability> = answers.into_iter().flatten().collect();
        if lots.len() > 1 {
            let place: HashMap<&LotId, usize> = lots.iter().zip(0..).collect();
            told.sort_by_key(|lot| place[&lot.lot]);
        }
        Ok(told)
    }

    /// See [`super::Engine::spaces`].
    pub async fn spaces(&self, lot: &LotId) -> Result<Option<Vec<SpaceStatus>>, Error> {
        self.look(lot).await?.map(|(_, fields)| record::spaces(&fields)).transpose()
    }

    /// See [`super::Engine::counters`].
    pub async fn counters(&self, lot: &LotId) -> Result<Option<CounterState>, Error> {
        Ok(self.memory(lot).await?.map(record::counters))
    }

    /// See [`super::Engine::export`].
    pub async fn export(&self, lots: Option<&[LotId]>) -> Result<Vec<LotMemory>, Error> {
        let all: Vec<LotId>;
        let lots = if let Some(lots) = lots {
            lots
        } else {
            all = self.lots().await?.lots.into_iter().map(|lot| lot.lot).collect();
            &all
        };
        let mut memories = Vec::with_capacity(lots.len());
        // Enough at once to fill the connection, few enough not to hold up others' reads.
        for some in lots.chunks(RESTORED) {
            memories.extend(try_join_all(some.iter().map(|lot| self.memory(lot))).await?.into_iter().flatten());
        }
        Ok(memories)
    }

    /// See [`super::Engine::restore`].
    pub async fn restore(&self, memories: &[LotMemory], _now: Instant) -> Result<(), Error> {
        let mut of_partition: Vec<Vec<&LotMemory>> = vec![Vec::new(); self.0.partitions.len()];
        for memory in memories {
            of_partition[partition_of(&memory.lot, self.0.partitions.len())].push(memory);
        }
        for (partition, memories) in self.0.partitions.iter().zip(of_partition) {
            for some in memories.chunks(RESTORED) {
                let mut command = function("yunpark_restore_v2", 4, partition.own());
                command.arg(self.0.limits.stream_length).arg(fresh_epoch()?).arg(&partition.lot_prefix);
                command.arg(self.0.limits.debounce_us()).arg(record::memories(some));
                self.call(Lane::Write, &command).await?;
            }
        }
        Ok(())
    }

    /// See [`super::Engine::sweep`].
    pub async fn sweep(&self, now: Instant) -> Result<usize, Error> {
        let mut moved = 0;
        for partition in &self.0.partitions {
            let mut command = function("yunpark_sweep_v2", 4, partition.own());
            command.arg(self.0.limits.stream_length).arg(to_micros(now)).arg(self.0.limits.debounce_us());
            command.arg(&partition.lot_prefix).arg(SWEPT);
            loop {
                let [due, some] = wire::exactly::<2>(self.call(Lane::Write, &command).await?)?;
                let (Value::Int(due), Value::Int(some)) = (due, some) else { return Err(wire::foreign("not a count")) };
                moved += usize::try_from(some).unwrap_or(0);
                if usize::try_from(due).unwrap_or(0) < SWEPT {
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// See [`super::Engine::changes`].
    pub async fn changes(&self, after: &Cursor, wait: Duration) -> Result<Follow, Error> {
        let deadline = tokio::time::Instant::now() + wait;
        let Some(mut places) = place::places(after, self.0.partitions.len()) else { return Ok(Follow::TooOld) };
        loop {
            let Some(changes) = self.read_after(&mut places).await? else { return Ok(Follow::TooOld) };
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if !changes.is_empty() || left.is_zero() {
                return Ok(Follow::Changes { cursor: place::cursor(&places), changes });
            }
            self.wait_for_entry(&places, left.min(LONGEST_BLOCK)).await?;
        }
    }

    /// See [`super::Engine::act`].
    pub async fn act(&self, action: &Action, now: Instant) -> Result<Outcome, Error> {
        let partition = self.partition(action.lot());
        let mut command = function("yunpark_act_v2", 5, partition.own());
        command.arg(partition.lot(action.lot())).arg(self.0.limits.stream_length);
        command.arg(wire::action(action, to_micros(now), self.0.limits));
        let letters = wire::bytes(self.call(Lane::Write, &command).await?)?;
        wire::outcome(letters.first().copied().unwrap_or_default())
    }

    /// See [`super::Engine::ping`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.0.link.send(Lane::Read, &cmd("PING")).await.map(|_| ()).map_err(link::of)
    }

    fn partition(&self, lot: &LotId) -> &Partition {
        &self.0.partitions[partition_of(lot, self.0.partitions.len())]
    }

    /// A lot's record with its fields; `None` if it is not in the city.
    async fn look(&self, lot: &LotId) -> Result<Option<(Vec<u8>, Fields)>, Error> {
        let partition = self.partition(lot);
        let mut command = function_ro("yunpark_lot_v2", [&partition.meta, &partition.lots, &partition.lot(lot)]);
        command.arg(lot.as_str());
        let answer = self.call(Lane::Read, &command).await?;
        if matches!(answer, Value::Nil) {
            return Ok(None);
        }
        let [told, fields] = wire::exactly::<2>(answer)?;
        Ok(Some((wire::bytes(told)?, wire::pairs(fields)?)))
    }

    async fn memory(&self, lot: &LotId) -> Result<Option<LotMemory>, Error> {
        self.look(lot).await?.map(|(told, fields)| record::memory(lot, &told, &fields)).transpose()
    }

    /// What lies after the places, which move behind it; `None` if some place is gone or foreign.
    async fn read_after(
        &self,
        places: &mut [Place],
    ) -> Result<Option<Vec<crate::domain::availability::Change>>, Error> {
        let answers = try_join_all(self.0.partitions.iter().zip(places.iter()).map(|(partition, place)| {
            let mut command = function_ro("yunpark_changes_v2", [&partition.meta, &partition.changes]);
            command.arg(&place.epoch).arg(&place.id).arg(MAX_CHANGES);
            async move { self.call(Lane::Read, &command).await }
        }))
        .await?;
        let mut changes = Vec::new();
        for (answer, place) in answers.into_iter().zip(places) {
            if matches!(answer, Value::Nil) {
                return Ok(None);
            }
            for entry in wire::list(answer)? {
                let (id, change) = record::entry(entry)?;
                place.id = id;
                changes.extend(change);
            }
        }
        Ok(Some(changes))
    }

    /// Waits until some stream has an entry after its place, or the time is over. What it brought is read again by
    /// [`Redis::read_after`], which alone sees a gap.
    async fn wait_for_entry(&self, places: &[Place], at_most: Duration) -> Result<(), Error> {
        let streams: Vec<&str> = self.0.partitions.iter().map(|partition| partition.changes.as_str()).collect();
        let after: Vec<&str> = places.iter().map(|place| place.id.as_str()).collect();
        self.0.link.wait_for_entry(&streams, &after, at_most).await.map_err(link::of)
    }

    /// Calls a function; a Redis that lost the library or the city is given them again, once.
    async fn call(&self, lane: Lane, command: &Cmd) -> Result<Value, Error> {
        let mut last = match self.0.link.send(lane, command).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        for _ in 0..2 {
            if is_missing_library(&last) {
                tracing::warn!("Redis has lost the function library; loading it again");
                self.load().await?;
            } else if is_missing_city(&last) {
                self.recover().await?;
            } else {
                break;
            }
            last = match self.0.link.send(lane, command).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
        }
        Err(if is_missing_city(&last) { Error::NotConfigured } else { link::of(last) })
    }

    async fn load(&self) -> Result<(), Error> {
        let mut command = cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(LIBRARY);
        self.0.link.send(Lane::Write, &command).await.map(|_| ()).map_err(link::of)
    }

    /// Declares the last city again to a Redis that lost it; its partitions begin new epochs.
    async fn recover(&self) -> Result<(), Error> {
        let Some(city) = self.0.city.read().unwrap_or_else(PoisonError::into_inner).clone() else {
            return Err(Error::NotConfigured);
        };
        let _alone = self.0.recovery.lock().await;
        tracing::warn!("Redis has lost the city; declaring it again");
        metrics::counter!("yunpark_availability_recoveries_total").increment(1);
        self.declare(&city).await
    }

    async fn declare(&self, city: &City) -> Result<(), Error> {
        let mut of_partition: Vec<Vec<&LotLayout>> = vec![Vec::new(); self.0.partitions.len()];
        for layout in city.layouts.iter() {
            of_partition[partition_of(&layout.lot, self.0.partitions.len())].push(layout);
        }
        for (partition, layouts) in self.0.partitions.iter().zip(of_partition) {
            let mut command = function("yunpark_configure_v2", 4, partition.own());
            command.arg(self.0.limits.stream_length).arg(fresh_epoch()?).arg(rfc3339(city.at));
            command.arg(&partition.lot_prefix).arg(self.0.limits.debounce_us()).arg(wire::layouts(&layouts));
            let answer = self.0.link.send(Lane::Write, &command).await;
            match answer {
                Err(error) if is_missing_library(&error) => {
                    self.load().await?;
                    self.0.link.send(Lane::Write, &command).await.map_err(link::of)?;
                }
                other => {
                    other.map_err(link::of)?;
                }
            }
        }
        Ok(())
    }
}

/// A call that writes, with the number of its keys and the first of them.
fn function(name: &str, keys: usize, own: [&str; 4]) -> Cmd {
    let mut command = cmd("FCALL");
    command.arg(name).arg(keys);
    for key in own {
        command.arg(key);
    }
    command
}

/// A call that only looks, with all its keys.
fn function_ro<const N: usize>(name: &str, keys: [&String; N]) -> Cmd {
    let mut command = cmd("FCALL_RO");
    command.arg(name).arg(N);
    for key in keys {
        command.arg(key.as_str());
    }
    command
}

/// A name for a new life of a partition.
fn fresh_epoch() -> Result<String, Error> {
    let epoch = clock::random_bytes::<8>()
        .map_err(|error| Error::Setting(format!("the system gives no randomness: {error}")))?;
    Ok(hex::encode(epoch))
}

fn is_missing_library(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

fn is_missing_city(error: &RedisError) -> bool {
    error.code() == Some("NOLAYOUT")
}
