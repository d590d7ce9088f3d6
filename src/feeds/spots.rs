//! The spaces of all lots as this node knows them: read once, then kept by following the board.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{broadcast::error::RecvError, watch};
use tokio_util::sync::CancellationToken;

use super::picture::SpaceStates;
use crate::{
    availability::{Board, Changes, Engine},
    domain::{city::City, time::Instant},
    store::{self, Db},
};

/// Pause before lots that could not be read are tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// What the follower knows.
#[derive(Debug, Clone)]
pub struct Known {
    /// The spaces.
    pub spaces: Arc<SpaceStates>,
    /// When the city in force was imported; 1970 before that is known.
    pub static_at: Instant,
}

/// The spaces of all lots as this node knows them.
#[derive(Debug)]
pub struct Spots {
    known: Mutex<Known>,
}

impl Default for Spots {
    fn default() -> Self {
        Self { known: Mutex::new(Known { spaces: Arc::default(), static_at: Instant::UNIX_EPOCH }) }
    }
}

impl Spots {
    /// What is known now.
    pub fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Follows the board until `stop`.
    pub async fn follow(
        self: Arc<Self>,
        (board, engine, db): (Arc<Board>, Engine, Db),
        mut city: watch::Receiver<Arc<City>>,
        stop: CancellationToken,
    ) -> Result<(), Infallible> {
        let mut steps = board.subscribe();
        loop {
            let now = city.borrow_and_update().clone();
            let read = async { self.date(&db).await && self.read_all(&engine, &now).await };
            let whole = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                whole = read => whole,
            };
            let mut again = (!whole).then(|| tokio::time::Instant::now() + PAUSE);
            loop {
                let retry = async {
                    match again {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    changed = city.changed() => if changed.is_err() {
                        stop.cancelled().await;
                        return Ok(());
                    } else {
                        break;
                    },
                    () = retry => break,
                    step = steps.recv() => match step {
                        Ok(step) if step.resynced => again = Some(tokio::time::Instant::now()),
                        Ok(step) => self.step(&step),
                        Err(RecvError::Lagged(_)) => again = Some(tokio::time::Instant::now()),
                        Err(RecvError::Closed) => {
                            stop.cancelled().await;
                            return Ok(());
                        }
                    },
                }
            }
        }
    }

    fn step(&self, step: &Changes) {
        if step.changes.iter().all(|change| change.spaces.is_empty()) {
            return;
        }
        self.change(|known| {
            // Copies only while a picture still holds the old one.
            let spaces = Arc::make_mut(&mut known.spaces);
            for change in &step.changes {
                let lot = spaces.entry(change.availability.lot.clone()).or_default();
                Arc::make_mut(lot).extend(change.spaces.iter().map(|space| (space.space.clone(), space.clone())));
            }
        });
    }

    async fn date(&self, db: &Db) -> bool {
        match store::city::imported_at(db).await {
            Ok(at) => {
                self.change(|known| known.static_at = at.unwrap_or(Instant::UNIX_EPOCH));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the store does not say when the city was imported");
                false
            }
        }
    }

    /// Reads the spaces of every lot that has some; says whether all could be read.
    async fn read_all(&self, engine: &Engine, city: &City) -> bool {
        let mut all = SpaceStates::new();
        for lot in city.lots.values().filter(|lot| !lot.spaces.is_empty()) {
            match engine.spaces(&lot.id).await {
                Ok(Some(statuses)) => {
                    let states = statuses.into_iter().map(|status| (status.space.clone(), status)).collect();
                    all.insert(lot.id.clone(), Arc::new(states));
                }
                // The engine has not been told of it yet.
                Ok(None) => return self.keep(all, false),
                Err(error) => {
                    tracing::warn!(%error, lot.id = %lot.id, "the spaces of a lot cannot be read for the feeds");
                    return self.keep(all, false);
                }
            }
        }
        self.keep(all, true)
    }

    fn keep(&self, read: SpaceStates, whole: bool) -> bool {
        self.change(|known| {
            if whole {
                known.spaces = Arc::new(read);
            } else {
                Arc::make_mut(&mut known.spaces).extend(read);
            }
        });
        whole
    }
}
