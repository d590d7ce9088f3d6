//! Asks each source in its own rhythm, and tells the engine what it says. A source that is ill is marked with the reason and tells
//! nothing: its lots grow stale, and the other sources go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{Ill, Record, fetch::Fetcher, read};
use crate::{
    availability::Engine,
    clock::Clock,
    config::Source,
    domain::{
        action::Action,
        city::City,
        ids::{LotId, SpaceId},
        lot::{CountedBy, Lot},
        observation::{Observation, Statement},
        time::Instant,
    },
    store::{Db, feed_sources},
};

/// How one source is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceState {
    /// Whether something is wrong with it.
    pub ill: bool,
    /// What: a stable word.
    pub kind: Option<&'static str>,
    /// What, in words.
    pub reason: Option<String>,
    /// Since when it is as it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Instant>,
    /// When it was last asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub asked_at: Option<Instant>,
    /// When it last told something that could be taken in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub told_at: Option<Instant>,
    /// How many lots and bays it told of then.
    pub records: usize,
}

/// The sources, and how they are.
pub struct Sources {
    each: BTreeMap<String, Source>,
    fetcher: Fetcher,
    engine: Engine,
    db: Db,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    states: Mutex<BTreeMap<String, SourceState>>,
}

impl Sources {
    /// The configured sources.
    pub fn new(
        sources: BTreeMap<String, Source>,
        fetcher: Fetcher,
        (engine, db): (Engine, Db),
        city: watch::Receiver<Arc<City>>,
        clock: Clock,
    ) -> Self {
        let states = sources.keys().map(|name| (name.clone(), SourceState::default())).collect();
        Self { each: sources, fetcher, engine, db, city, clock, states: Mutex::new(states) }
    }

    /// How they are, by name.
    pub fn states(&self) -> BTreeMap<String, SourceState> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks all of them until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let each = self.each.iter().map(|(name, source)| self.follow(name, source));
        tokio::select! {
            () = stop.cancelled() => {}
            _ = join_all(each) => stop.cancelled().await,
        }
        Ok(())
    }

    /// Asks one source for good.
    async fn follow(&self, name: &str, source: &Source) {
        let mut closed: Option<BTreeSet<LotId>> = None;
        loop {
            let began = tokio::time::Instant::now();
            self.round(name, source, &mut closed).await;
            tokio::time::sleep_until(began + Duration::from_secs(source.every_s.into())).await;
        }
    }

    /// Asks a source once. `closed` are the lots that are closed because it says so.
    async fn round(&self, name: &str, source: &Source, closed: &mut Option<BTreeSet<LotId>>) {
        match self.ask(name, source, closed).await {
            Ok((records, missing)) => self.note(name, Some(records), missing),
            Err(ill) => self.note(name, None, Some(ill)),
        }
    }

    /// How many records were taken in, and what the source leaves out.
    async fn ask(
        &self,
        name: &str,
        source: &Source,
        closed: &mut Option<BTreeSet<LotId>>,
    ) -> Result<(usize, Option<Ill>), Ill> {
        let city = self.city.borrow().clone();
        if closed.is_none() {
            let kept = feed_sources::closed(&self.db, name).await;
            *closed = Some(kept.map_err(|error| Ill::NotTaken(error.to_string()))?);
        }
        let body = self.fetcher.get(&source.url, source.timeout_ms, source.max_bytes).await?;
        let records = read(source, &body)?;
        let now = self.clock.now();
        let said = said(name, source, &city, &records, now)?;
        self.take(name, &said, closed.get_or_insert_default(), now).await?;
        Ok((records.len(), said.missing))
    }

    async fn take(&self, name: &str, said: &Said, closed: &mut BTreeSet<LotId>, now: Instant) -> Result<(), Ill> {
        let not_taken = |error: crate::availability::Error| Ill::NotTaken(error.to_string());
        self.engine.apply(&said.observations).await.map_err(not_taken)?;
        let before = closed.clone();
        for (lot, is_open) in &said.openings {
            let act = |is_closed| Action::Close { lot: lot.clone(), closed: is_closed };
            if !is_open && !closed.contains(lot) {
                self.engine.act(&act(true), now).await.map_err(not_taken)?;
                closed.insert(lot.clone());
            } else if *is_open && closed.contains(lot) {
                // Only what the source closed it opens: an operator's word stands.
                self.engine.act(&act(false), now).await.map_err(not_taken)?;
                closed.remove(lot);
            }
        }
        if *closed != before {
            let kept = feed_sources::keep(&self.db, name, closed, now).await;
            kept.map_err(|error| Ill::NotTaken(error.to_string()))?;
        }
        Ok(())
    }

    /// Notes what became of a round: how many records were taken in, and what was wrong.
    fn note(&self, name: &str, taken: Option<usize>, wrong: Option<Ill>) {
        let now = self.clock.now();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.entry(name.to_owned()).or_default();
        let before = (state.ill, state.kind);
        state.asked_at = Some(now);
        if let Some(records) = taken {
            (state.told_at, state.records) = (Some(now), records);
        }
        state.ill = wrong.is_some();
        state.kind = wrong.as_ref().map(Ill::kind);
        state.reason = wrong.as_ref().map(ToString::to_string);
        if state.since.is_none() || before != (state.ill, state.kind) {
            state.since = Some(now);
            if let Some(reason) = &state.reason {
                tracing::warn!(source.name = name, reason, "a source is ill; what it leaves out grows stale");
            } else {
                tracing::info!(source.name = name, records = state.records, "a source is well");
            }
        }
        metrics::gauge!("yunpark_feed_source_ill", "source" => name.to_owned()).set(if state.ill { 1.0 } else { 0.0 });
    }
}

/// What a document says of the city's own lots.
#[derive(Debug, Default)]
struct Said {
    observations: Vec<Observation>,
    openings: Vec<(LotId, bool)>,
    missing: Option<Ill>,
}

/// Puts records in the city's words. One that cannot be true of a lot of ours makes the whole source a liar.
fn said(name: &str, source: &Source, city: &City, records: &[Record], now: Instant) -> Result<Said, Ill> {
    let mut said = Said::default();
    let mut told: BTreeSet<&LotId> = BTreeSet::new();
    for record in records {
        let lot_of = |id: &str| source.lots.get(id).cloned().or_else(|| LotId::parse(&super::city::own_id(id)).ok());
        let observed_at = record.at.unwrap_or(now);
        let observe = |lot: &LotId, statement| Observation {
            lot: lot.clone(),
            statement,
            observed_at,
            received_at: now,
            session: Some(format!("feed {name}")),
            seq: None,
        };
        // A bay, of the lot it says or the one that is named for it.
        if let Some(state) = record.state {
            let lot = record.of_site.as_deref().and_then(lot_of).or_else(|| source.lots.get("*").cloned());
            let space = SpaceId::parse(&super::city::own_id(record.id.rsplit('~').next().unwrap_or(&record.id)));
            let (Some(lot), Ok(space)) = (lot.and_then(|id| city.lots.get(&id)), space) else { continue };
            if lot.spaces.iter().any(|known| known.id == space) {
                told.insert(&lot.id);
                said.observations.push(observe(&lot.id, Statement::Space { space, state }));
            }
            continue;
        }
        let Some(lot) = lot_of(&record.id).and_then(|id| city.lots.get(&id)) else { continue };
        told.insert(&lot.id);
        if let Some(is_open) = record.is_open {
            said.openings.push((lot.id.clone(), is_open));
        }
        if let Some(statement) = count(record, lot)? {
            said.observations.push(observe(&lot.id, statement));
        }
    }
    let expected: BTreeSet<&LotId> = source.lots.values().filter(|lot| city.lots.contains_key(*lot)).collect();
    let missing: Vec<&&LotId> = expected.iter().filter(|lot| !told.contains(**lot)).collect();
    if told.is_empty() {
        return Err(Ill::Other("it tells of no lot of the city file".to_owned()));
    }
    said.missing = missing.first().map(|example| Ill::Half {
        missing: missing.len(),
        expected: expected.len(),
        example: example.to_string(),
    });
    Ok(said)
}

/// A lot's count; `None` if nothing is said, or the lot is counted by its own bays.
fn count(record: &Record, lot: &Lot) -> Result<Option<Statement>, Ill> {
    if lot.counted_by != CountedBy::Counters {
        return Ok(None);
    }
    let statement = match (record.free, record.occupied) {
        (Some(free), _) if free > lot.capacity => {
            return Err(Ill::Lying(format!("{}: {free} free, and {} has {} places", record.id, lot.id, lot.capacity)));
        }
        (Some(count), _) => Some(Statement::Free { count }),
        (None, Some(count)) => Some(Statement::Occupied { count: count.min(lot.capacity) }),
        (None, None) => None,
    };
    Ok(statement)
}
