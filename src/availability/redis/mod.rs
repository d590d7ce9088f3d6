//! The engine in Redis: a function library applies each batch in one atomic step where the counts are kept.

mod life;
mod line;
mod link;
mod place;
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
use super::contract::{Error, Follow, Limits, LotLayout, Snapshot};
use crate::{
    clock, config,
    domain::{
        availability::{Availability, Cursor, Outcome, SpaceStatus},
        ids::{LotId, SpaceId},
        observation::Observation,
        time::{Instant, rfc3339},
    },
};

/// The function library. Its names carry a version, so that two versions can run side by side during a change of release.
const LIBRARY: &str = include_str!("../lua/availability.lua");
/// Most changes of one partition handed over at once.
const MAX_CHANGES: usize = 1000;

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
            link: Link::open(config.redis_url.reveal()).await?,
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

    /// See [`super::Engine::apply`].
    pub async fn apply(&self, batch: &[Observation]) -> Result<Vec<Outcome>, Error> {
        let mut of_partition: Vec<Vec<usize>> = vec![Vec::new(); self.0.partitions.len()];
        for (index, observation) in batch.iter().enumerate() {
            of_partition[partition_of(&observation.lot, self.0.partitions.len())].push(index);
        }
        let filled: Vec<(usize, Vec<usize>)> =
            of_partition.into_iter().enumerate().filter(|(_, indices)| !indices.is_empty()).collect();
        let answers = join_all(filled.iter().map(|(partition, indices)| {
            let command = self.apply_command(&self.0.partitions[*partition], indices, batch);
            async move { self.call(Lane::Write, &command).await }
        }))
        .await;
        let mut outcomes = vec![Outcome::Late; batch.len()];
        for ((_, indices), answer) in filled.iter().zip(answers) {
            let told = wire::outcomes(&wire::text(answer?)?)?;
            if told.len() != indices.len() {
                return Err(wire::foreign("another number of outcomes"));
            }
            for (index, outcome) in indices.iter().zip(told) {
                outcomes[*index] = outcome;
            }
        }
        Ok(outcomes)
    }

    /// See [`super::Engine::lots`].
    pub async fn lots(&self) -> Result<Snapshot, Error> {
        let answers = try_join_all(self.0.partitions.iter().map(|partition| {
            let command = function_ro("yunpark_snapshot_v1", &[&partition.meta, &partition.lots, &partition.changes]);
            async move { self.call(Lane::Read, &command).await }
        }))
        .await?;
        let (mut places, mut lots) = (Vec::new(), Vec::new());
        for answer in answers {
            let [epoch, id, records] = wire::exactly::<3>(answer)?;
            places.push(Place { epoch: wire::text(epoch)?, id: wire::text(id)? });
            for (lot, record) in wire::pairs(records)? {
                lots.push(wire::availability(&lot, &record)?);
            }
        }
        lots.sort_unstable_by(|a, b| a.lot.cmp(&b.lot));
        Ok(Snapshot { cursor: place::cursor(&places), lots })
    }

    /// See [`super::Engine::lot`].
    pub async fn lot(&self, lot: &LotId) -> Result<Option<Availability>, Error> {
        Ok(self.look(lot).await?.map(|(availability, _)| availability))
    }

    /// See [`super::Engine::spaces`].
    pub async fn spaces(&self, lot: &LotId) -> Result<Option<Vec<SpaceStatus>>, Error> {
        Ok(self.look(lot).await?.map(|(_, spaces)| spaces))
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

    /// See [`super::Engine::set_out_of_service`].
    pub async fn set_out_of_service(
        &self,
        lot: &LotId,
        space: &SpaceId,
        out_of_service: bool,
        _now: Instant,
    ) -> Result<Outcome, Error> {
        let partition = self.partition(lot);
        let keys = [&partition.meta, &partition.lots, &partition.changes, &partition.lot(lot)];
        let mut command = function("yunpark_out_of_service_v1", &keys);
        command.arg(self.0.limits.stream_length).arg(lot.as_str()).arg(space.as_str()).arg(u8::from(out_of_service));
        let letters = wire::text(self.call(Lane::Write, &command).await?)?;
        wire::outcomes(&letters)?.pop().ok_or_else(|| wire::foreign("no outcome"))
    }

    /// See [`super::Engine::ping`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.0.link.send(Lane::Read, &cmd("PING")).await.map(|_| ()).map_err(link::of)
    }

    fn partition(&self, lot: &LotId) -> &Partition {
        &self.0.partitions[partition_of(lot, self.0.partitions.len())]
    }

    fn apply_command(&self, partition: &Partition, indices: &[usize], batch: &[Observation]) -> Cmd {
        let mut lots: Vec<&LotId> = Vec::new();
        let mut number_of: HashMap<&LotId, usize> = HashMap::new();
        for index in indices {
            let lot = &batch[*index].lot;
            number_of.entry(lot).or_insert_with(|| {
                lots.push(lot);
                lots.len()
            });
        }
        let own: Vec<String> = lots.iter().map(|lot| partition.lot(lot)).collect();
        let keys: Vec<&String> =
            [&partition.meta, &partition.lots, &partition.changes].into_iter().chain(&own).collect();
        let mut command = function("yunpark_apply_v1", &keys);
        command.arg(self.0.limits.stream_length).arg(self.0.limits.seq_reset_us()).arg(lots.len());
        for lot in &lots {
            command.arg(lot.as_str());
        }
        for index in indices {
            let observation = &batch[*index];
            command.arg(number_of[&observation.lot]);
            for argument in wire::observation(observation, self.0.limits) {
                command.arg(argument);
            }
        }
        command
    }

    /// A lot with its spaces by id; `None` if it is not in the city.
    async fn look(&self, lot: &LotId) -> Result<Option<(Availability, Vec<SpaceStatus>)>, Error> {
        let partition = self.partition(lot);
        let mut command = function_ro("yunpark_lot_v1", &[&partition.meta, &partition.lots, &partition.lot(lot)]);
        command.arg(lot.as_str());
        let answer = self.call(Lane::Read, &command).await?;
        if matches!(answer, Value::Nil) {
            return Ok(None);
        }
        let [record, fields] = wire::exactly::<2>(answer)?;
        let availability = wire::availability(lot.as_str(), &wire::text(record)?)?;
        let mut spaces = (wire::pairs(fields)?.iter())
            .filter_map(|(field, mark)| field.strip_prefix("s:").map(|id| wire::space(id, mark)))
            .collect::<Result<Vec<_>, _>>()?;
        spaces.sort_unstable_by(|a, b| a.space.cmp(&b.space));
        Ok(Some((availability, spaces)))
    }

    /// What lies after the places, which move behind it; `None` if some place is gone or foreign.
    async fn read_after(
        &self,
        places: &mut [Place],
    ) -> Result<Option<Vec<crate::domain::availability::Change>>, Error> {
        let answers = try_join_all(self.0.partitions.iter().zip(places.iter()).map(|(partition, place)| {
            let mut command = function_ro("yunpark_changes_v1", &[&partition.meta, &partition.changes]);
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
                let (id, change) = wire::entry(entry)?;
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
            let epoch = clock::random_bytes::<8>()
                .map_err(|error| Error::Setting(format!("the system gives no randomness: {error}")))?;
            let keys = [&partition.meta, &partition.lots, &partition.changes];
            let mut command = function("yunpark_configure_v1", &keys);
            command.arg(self.0.limits.stream_length).arg(hex::encode(epoch));
            command.arg(rfc3339(city.at)).arg(&partition.lot_prefix);
            for layout in layouts {
                for argument in wire::layout(layout) {
                    command.arg(argument);
                }
            }
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

fn function(name: &str, keys: &[&String]) -> Cmd {
    call_of("FCALL", name, keys)
}

fn function_ro(name: &str, keys: &[&String]) -> Cmd {
    call_of("FCALL_RO", name, keys)
}

fn call_of(how: &str, name: &str, keys: &[&String]) -> Cmd {
    let mut command = cmd(how);
    command.arg(name).arg(keys.len());
    for key in keys {
        command.arg(key.as_str());
    }
    command
}

fn is_missing_library(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

fn is_missing_city(error: &RedisError) -> bool {
    error.code() == Some("NOLAYOUT")
}
