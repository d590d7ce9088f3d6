//! Keeps what the availability engine knows in the SQL store, and gives it back to an engine that has lost it.

mod rebuild;
mod resets;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    availability::{self, Board, Cause, Engine},
    clock::Clock,
    domain::{availability::Availability, ids::LotId, time::Instant},
    store::{
        self, Db,
        availability_state::{self, Kept},
    },
};

pub use resets::Resets;

/// How often the engine is asked whether it has lost anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A lot whose counts did not move is written again only when its age has moved by this much, seconds.
const AGE_AFTER_S: i64 = 60;
/// Most places of the lots written in one transaction; a single lot may have more.
const PLACES_AT_ONCE: u64 = 5000;
/// Most lots written in one transaction.
const LOTS_AT_ONCE: usize = 100;

/// Why the keeper could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] availability::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A memory that cannot be written as JSON.
    #[error("the memory of a lot cannot be written: {0}")]
    Memory(#[from] serde_json::Error),
}

/// What was last given back to the engine.
#[derive(Debug, Clone, Serialize)]
pub struct Rebuilt {
    /// When.
    pub rebuilt_at: Instant,
    /// Why.
    pub cause: Cause,
    /// Lots whose memory was given back.
    pub lots: usize,
}

/// Word to and from the keeper, for the parts beside it.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    soon: Notify,
    rebuilt: Mutex<Option<Rebuilt>>,
}

impl Bell {
    /// Asks for what has changed to be kept at once, as after an operator's action.
    pub fn soon(&self) {
        self.0.soon.notify_one();
    }

    /// What was last given back to the engine in this life of the node, if anything was.
    pub fn rebuilt(&self) -> Option<Rebuilt> {
        self.0.rebuilt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is known to be kept of a lot.
type Saved = (u64, Option<Instant>);

/// The keeper of a node. Nodes that share an engine and a store share the work: what another has just kept is passed over.
#[derive(Debug)]
pub struct Keeper {
    engine: Engine,
    db: Db,
    board: Arc<Board>,
    clock: Clock,
    every: Duration,
    bell: Bell,
    saved: HashMap<LotId, Saved>,
}

impl Keeper {
    /// A keeper that writes every so often.
    pub fn new(engine: Engine, db: Db, board: Arc<Board>, clock: Clock, every: Duration) -> Self {
        Self { engine, db, board, clock, every, bell: Bell::default(), saved: HashMap::new() }
    }

    /// Word to and from this keeper.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Keeps and mends until `stop`, and keeps once more then. What fails is told, counted and tried again.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let (mut looks, mut rounds) = (interval(LOOK_EVERY), interval(self.every));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rounds.reset();
        let bell = self.bell.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => self.look().await,
                _ = rounds.tick() => self.keep_board(false).await,
                () = bell.0.soon.notified() => self.keep_last().await,
            }
        }
        self.keep_last().await;
        Ok(())
    }

    async fn look(&self) {
        if let Err(error) = self.mend().await {
            // An engine that does not answer is the board's to tell.
            if !matches!(error, Error::Engine(availability::Error::Unreachable(_))) {
                tracing::warn!(%error, "what the availability engine lost cannot be given back yet; trying again");
            }
        }
    }

    /// Keeps what the board shows to have changed.
    async fn keep_board(&mut self, whole: bool) {
        let state = self.board.snapshot();
        let changed = state.lots.values().filter(|lot| self.is_changed(lot, whole)).cloned().collect();
        self.keep_or_tell(changed, !whole).await;
    }

    /// Keeps all that has changed by now, which the board may not have heard of yet.
    async fn keep_last(&mut self) {
        match self.engine.lots().await {
            Ok(snapshot) => {
                let changed = snapshot.lots.into_iter().filter(|lot| self.is_changed(lot, true)).collect();
                self.keep_or_tell(changed, false).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the availability engine does not answer; what the board shows is kept");
                self.keep_board(true).await;
            }
        }
    }

    async fn keep_or_tell(&mut self, changed: Vec<Availability>, share: bool) {
        if let Err(error) = self.keep(changed, share).await {
            metrics::counter!("yunpark_availability_keep_failures_total").increment(1);
            tracing::warn!(%error, "the memory of availability could not be kept; trying again next time");
        }
    }

    fn is_changed(&self, lot: &Availability, whole: bool) -> bool {
        let Some((version, at)) = self.saved.get(&lot.lot) else {
            // A lot nobody has said a word of has nothing to keep.
            return lot.version > 0 || lot.observed_at.is_some();
        };
        let aged = match (*at, lot.observed_at) {
            (Some(before), Some(now)) => now - before >= chrono::Duration::seconds(AGE_AFTER_S),
            (before, now) => before != now,
        };
        lot.version != *version || aged || (whole && *at != lot.observed_at)
    }

    /// Writes the memory of these lots in batches, each a transaction of its own; `share` leaves to another node what it
    /// kept within the same round.
    async fn keep(&mut self, mut changed: Vec<Availability>, share: bool) -> Result<(), Error> {
        let forgotten = availability_state::forget_retired(&self.db).await?;
        if forgotten > 0 {
            tracing::info!(lots = forgotten, "the memory of retired lots was dropped");
        }
        if changed.is_empty() {
            return Ok(());
        }
        if share && matches!(self.engine, Engine::Redis(_)) {
            let since = self.clock.now() - chrono::Duration::from_std(self.every).unwrap_or_default();
            let kept: HashMap<LotId, u64> = (availability_state::index(&self.db).await?.into_iter())
                .filter(|(_, _, at)| *at > since)
                .map(|(lot, version, _)| (lot, version))
                .collect();
            changed.retain(|lot| kept.get(&lot.lot).is_none_or(|version| *version < lot.version));
        }
        let (began, lots) = (tokio::time::Instant::now(), changed.len());
        while !changed.is_empty() {
            let batch = first_batch(&mut changed);
            let ids: Vec<LotId> = batch.iter().map(|lot| lot.lot.clone()).collect();
            let saved_at = self.clock.now();
            let memories = self.engine.export(Some(&ids)).await?;
            let rows = memories
                .into_iter()
                .map(|memory| {
                    let doc = serde_json::to_string(&memory)?;
                    Ok(Kept { lot: memory.lot, doc, version: memory.version, saved_at })
                })
                .collect::<Result<Vec<_>, serde_json::Error>>()?;
            let mut tx = self.db.begin_write().await?;
            availability_state::keep(&mut tx, &rows).await?;
            tx.commit().await?;
            self.saved.extend(batch.into_iter().map(|lot| (lot.lot, (lot.version, lot.observed_at))));
        }
        metrics::counter!("yunpark_availability_kept_total").increment(lots as u64);
        tracing::debug!(lots, elapsed_ms = began.elapsed().as_millis() as u64, "the memory of availability is kept");
        Ok(())
    }
}

/// Takes the lots of the next transaction off the list.
fn first_batch(changed: &mut Vec<Availability>) -> Vec<Availability> {
    let mut places = 0;
    let fits = |lot: &&Availability| {
        places += u64::from(lot.capacity);
        places <= PLACES_AT_ONCE
    };
    let count = changed.iter().take(LOTS_AT_ONCE).take_while(fits).count().max(1);
    changed.drain(..count.min(changed.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(number: usize, capacity: u32) -> Availability {
        Availability::unheard(LotId::parse(&format!("L{number}")).unwrap(), capacity)
    }

    #[test]
    fn a_transaction_is_bounded_by_places_and_by_lots_and_takes_at_least_one() {
        let sizes = |capacities: &[u32]| {
            let mut changed = capacities.iter().enumerate().map(|(number, capacity)| lot(number, *capacity)).collect();
            let mut sizes = Vec::new();
            while !Vec::is_empty(&changed) {
                sizes.push(first_batch(&mut changed).len());
            }
            sizes
        };
        assert_eq!(sizes(&[100; 120]), [50, 50, 20]);
        assert_eq!(sizes(&[1; 250]), [100, 100, 50]);
        assert_eq!(sizes(&[90_000, 4000, 1000, 1]), [1, 2, 1]);
        assert!(sizes(&[]).is_empty());
    }
}
