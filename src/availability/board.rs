//! The board: one node's read model of all lots, kept fresh by following the engine's changes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{
    Engine,
    contract::{Error, Follow, Snapshot},
};
use crate::domain::{
    availability::{Availability, Change, Cursor},
    ids::LotId,
};

/// Steps a subscriber may lag behind before it is told so and reads the snapshot again.
const STEPS_KEPT: usize = 1024;
/// Longest wait for a change; also how soon a silent loss of the engine's state is noticed.
const WAIT: Duration = Duration::from_secs(1);
/// First and longest pause between tries of an engine that does not answer.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long a board waits for an engine that lost its memory to be given it back, and how often it looks, before it takes
/// what there is.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(50));

/// All lots at one cursor.
#[derive(Debug, Clone)]
pub struct BoardState {
    /// The place in the stream of changes this state stands at.
    pub cursor: Cursor,
    /// Every lot of the city.
    pub lots: BTreeMap<LotId, Availability>,
}

/// What moved the board from one state to the next.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Where the board stands after it.
    pub cursor: Cursor,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// The board took a new snapshot: the changes are what differs, they name no spaces, and lots may be gone.
    pub resynced: bool,
}

/// One node's read model. Reading it is cheap and never waits for the engine.
#[derive(Debug)]
pub struct Board {
    engine: Engine,
    state: RwLock<Arc<BoardState>>,
    steps: broadcast::Sender<Arc<Changes>>,
    ready: AtomicBool,
}

impl Board {
    /// An empty board; it fills once [`Board::run`] runs.
    pub fn new(engine: Engine) -> Self {
        let state = BoardState { cursor: Cursor(String::new()), lots: BTreeMap::new() };
        Self {
            engine,
            state: RwLock::new(Arc::new(state)),
            steps: broadcast::Sender::new(STEPS_KEPT),
            ready: AtomicBool::new(false),
        }
    }

    /// The lots as they stand. The ages move with `now`: judge them by [`Availability::quality`].
    pub fn snapshot(&self) -> Arc<BoardState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every step from now on. A receiver that lagged reads [`Board::snapshot`] and goes on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.steps.subscribe()
    }

    /// Whether the board follows the engine. A board that does not keeps its last state, whose ages tell the rest.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Follows the engine until `stop`; an engine that fails is tried again with growing pauses.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Error> {
        let mut pause = PAUSES.0;
        loop {
            let followed = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                followed = self.follow(&mut pause) => followed,
            };
            let Err(error) = followed;
            if self.ready.swap(false, Ordering::AcqRel) {
                tracing::warn!(%error, "the board has lost the availability engine");
            } else {
                tracing::debug!(%error, "the availability engine still does not answer");
            }
            metrics::counter!("yunpark_board_engine_failures_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        }
    }

    /// Takes a snapshot, then the changes after it, until the engine fails.
    async fn follow(&self, pause: &mut Duration) -> Result<std::convert::Infallible, Error> {
        loop {
            let snapshot = self.whole_snapshot().await?;
            let mut cursor = snapshot.cursor.clone();
            self.take(snapshot);
            if !self.ready.swap(true, Ordering::AcqRel) {
                tracing::info!(board.lots = self.snapshot().lots.len(), "the board follows the availability engine");
            }
            *pause = PAUSES.0;
            while let Follow::Changes { cursor: to, changes } = self.engine.changes(&cursor, WAIT).await? {
                if !changes.is_empty() {
                    self.advance(to.clone(), changes);
                }
                cursor = to;
            }
            tracing::info!("the board's place in the stream of changes is gone; it takes a new snapshot");
        }
    }

    /// A snapshot in which no version is older than one told before. An engine that lost its memory tells older ones until it
    /// is given it back; meanwhile the board keeps its last state, and is not ready.
    async fn whole_snapshot(&self) -> Result<Snapshot, Error> {
        let until = tokio::time::Instant::now() + PATIENCE.0;
        loop {
            let snapshot = self.engine.lots().await?;
            let before = self.snapshot();
            let fell = |lot: &Availability| before.lots.get(&lot.lot).is_some_and(|told| lot.version < told.version);
            if !snapshot.lots.iter().any(fell) || tokio::time::Instant::now() >= until {
                return Ok(snapshot);
            }
            if self.ready.swap(false, Ordering::AcqRel) {
                tracing::warn!("the availability engine has lost its memory; the board waits for it to be given back");
            }
            tokio::time::sleep(PATIENCE.1).await;
        }
    }

    /// Puts a snapshot in place and tells what differs.
    fn take(&self, snapshot: Snapshot) {
        let lots: BTreeMap<_, _> = snapshot.lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
        let before = self.snapshot();
        let differs = |lot: &&Availability| before.lots.get(&lot.lot) != Some(lot);
        let changes = (lots.values().filter(differs).cloned())
            .map(|availability| Change { availability, spaces: Vec::new(), trail: None })
            .collect();
        let cursor = snapshot.cursor;
        let state = Arc::new(BoardState { cursor: cursor.clone(), lots });
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.tell(Changes { cursor, changes, resynced: true });
    }

    /// Moves the board by some changes and tells them.
    fn advance(&self, cursor: Cursor, changes: Vec<Change>) {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            // Copies the state only while some reader still looks at the old one.
            let state = Arc::make_mut(&mut state);
            for change in &changes {
                state.lots.insert(change.availability.lot.clone(), change.availability.clone());
            }
            state.cursor = cursor.clone();
        }
        self.tell(Changes { cursor, changes, resynced: false });
    }

    fn tell(&self, step: Changes) {
        // No subscriber is no fault.
        let _ = self.steps.send(Arc::new(step));
    }
}
