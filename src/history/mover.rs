//! Writes down each move of a space, off the hot path: it follows the board, holds what it saw in a bounded queue, and
//! writes that in batches. A database that is away is bridged up to the bound; what is dropped beyond it is counted.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    availability::{Board, Changes, Engine},
    clock::Clock,
    config,
    domain::{
        availability::SpaceStatus,
        ids::{LotId, SpaceId},
        observation::SpaceState,
        time::Instant,
    },
    store::{
        Db, Error,
        transitions::{self, Transition},
    },
};

/// Most moves written in one transaction.
const BATCH: usize = 512;
/// What was seen waits this long for more, so that a batch is worth a transaction.
const GATHER: Duration = Duration::from_secs(1);
/// First and longest pause before a database that failed is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Longest the last moves may take to be written when the node stops.
const LAST: Duration = Duration::from_secs(3);
/// At a start, what was seen this long before the newest move that is written may be missing, minutes.
const RECHECKED_MIN: i64 = 10;

/// A state a space was seen in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    lot: LotId,
    space: SpaceId,
    state: SpaceState,
    at: Instant,
}

#[derive(Debug, Default)]
struct Queue {
    seen: VecDeque<Seen>,
    /// Something was dropped: the last states must be read again.
    lost: bool,
}

/// Writes down the moves of spaces. Nodes that share a database write the same moves once: a move is told apart by its
/// space, its instant and its state.
pub struct Mover {
    db: Db,
    board: Arc<Board>,
    engine: Engine,
    clock: Clock,
    limit: usize,
    queue: Mutex<Queue>,
    /// Rung when there is room again.
    room: Notify,
}

impl Mover {
    /// A writer of the moves the board tells.
    pub fn new(db: Db, board: Arc<Board>, engine: Engine, clock: Clock, config: &config::History) -> Self {
        Self { db, board, engine, clock, limit: config.queue, queue: Mutex::default(), room: Notify::new() }
    }

    /// Follows the board until `stop`, then writes what is left.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut known = HashMap::new();
        tokio::select! {
            () = stop.cancelled() => {}
            ((), ()) = async { tokio::join!(self.follow(), self.write(&mut known)) } => {}
        }
        if tokio::time::timeout(LAST, self.write_out(&mut known)).await.is_err() {
            tracing::warn!(history.moves = self.waiting(), "the last moves of spaces were not written");
        }
        Ok(())
    }

    /// Puts what the board tells into the queue.
    async fn follow(&self) {
        let mut steps = self.board.subscribe();
        let newest = loop {
            match transitions::newest_of_all(&self.db).await {
                Ok(newest) => break newest,
                Err(_) => tokio::time::sleep(PAUSES.1).await,
            }
        };
        let recent = newest.map(|newest| newest - chrono::Duration::minutes(RECHECKED_MIN));
        self.read_again(recent).await;
        loop {
            let lost = match steps.recv().await {
                Ok(step) if step.resynced => true,
                Ok(step) => {
                    self.take(&step);
                    false
                }
                Err(RecvError::Lagged(steps)) => {
                    metrics::counter!("yunpark_history_steps_skipped_total").increment(steps);
                    true
                }
                Err(RecvError::Closed) => return std::future::pending().await,
            };
            let lost = lost || std::mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner).lost);
            if lost {
                self.read_again(recent).await;
            }
        }
    }

    fn take(&self, step: &Changes) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for change in &step.changes {
            for space in &change.spaces {
                if queue.seen.len() >= self.limit {
                    queue.lost = true;
                    metrics::counter!("yunpark_history_moves_dropped_total").increment(1);
                    continue;
                }
                queue.seen.push_back(self.seen(&change.availability.lot, space));
            }
        }
    }

    /// Reads the spaces of all lots, and queues those heard since `recent`; waits where the queue is full.
    async fn read_again(&self, recent: Option<Instant>) {
        let lots: Vec<LotId> = self.board.snapshot().lots.keys().cloned().collect();
        for lot in lots {
            // An engine that does not answer makes the board take a new snapshot when it does, and this begins anew.
            let Ok(Some(spaces)) = self.engine.spaces(&lot).await else { continue };
            for space in spaces {
                let is_news = space.observed_at.is_some_and(|at| recent.is_none_or(|recent| at >= recent));
                if !is_news {
                    continue;
                }
                let seen = self.seen(&lot, &space);
                loop {
                    let room = self.room.notified();
                    {
                        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                        if queue.seen.len() < self.limit {
                            queue.seen.push_back(seen);
                            break;
                        }
                    }
                    room.await;
                }
            }
        }
    }

    fn seen(&self, lot: &LotId, space: &SpaceStatus) -> Seen {
        let at = space.observed_at.unwrap_or_else(|| self.clock.now());
        Seen { lot: lot.clone(), space: space.space.clone(), state: space.state, at }
    }

    /// Writes what is queued, again and again.
    async fn write(&self, known: &mut HashMap<(LotId, SpaceId), (SpaceState, Instant)>) {
        let mut pause = PAUSES.0;
        loop {
            tokio::time::sleep(GATHER).await;
            while self.waiting() > 0 {
                match self.write_batch(known).await {
                    Ok(()) => pause = PAUSES.0,
                    Err(error) => {
                        metrics::counter!("yunpark_history_failures_total").increment(1);
                        tracing::warn!(%error, history.moves = self.waiting(), "moves of spaces cannot be written yet");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(PAUSES.1);
                    }
                }
            }
        }
    }

    async fn write_out(&self, known: &mut HashMap<(LotId, SpaceId), (SpaceState, Instant)>) {
        while self.waiting() > 0 {
            if let Err(error) = self.write_batch(known).await {
                tracing::warn!(%error, "the last moves of spaces were not written");
                return;
            }
        }
    }

    /// Writes the oldest of the queue in one transaction, and takes them out once that is done.
    async fn write_batch(&self, known: &mut HashMap<(LotId, SpaceId), (SpaceState, Instant)>) -> Result<(), Error> {
        let batch: Vec<Seen> = {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.seen.iter().take(BATCH).cloned().collect()
        };
        for seen in &batch {
            let key = (seen.lot.clone(), seen.space.clone());
            if !known.contains_key(&key)
                && let Some(newest) = transitions::newest(&self.db, &seen.lot, &seen.space).await?
            {
                known.insert(key, newest);
            }
        }
        let (moves, after) = moves(&batch, known);
        if !moves.is_empty() {
            let mut tx = self.db.begin_write().await?;
            let written = transitions::append(&mut tx, &moves).await?;
            tx.commit().await?;
            metrics::counter!("yunpark_history_moves_total").increment(written);
        }
        known.extend(after);
        let waiting = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.seen.drain(..batch.len());
            queue.seen.len()
        };
        metrics::gauge!("yunpark_history_queue").set(waiting as f64);
        self.room.notify_waiters();
        Ok(())
    }

    fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).seen.len()
    }
}

type Known = HashMap<(LotId, SpaceId), (SpaceState, Instant)>;

/// The moves among what was seen, and the states known after them. What was seen in the state it was in is no move, nor
/// is what was seen before the state that is known.
fn moves(seen: &[Seen], known: &Known) -> (Vec<Transition>, Known) {
    let mut after = Known::new();
    let mut moves = Vec::new();
    for one in seen {
        let key = (one.lot.clone(), one.space.clone());
        let before = after.get(&key).or_else(|| known.get(&key)).copied();
        if before.is_some_and(|(state, at)| state == one.state || one.at < at) {
            continue;
        }
        moves.push(Transition {
            lot: one.lot.clone(),
            space: one.space.clone(),
            at: one.at,
            state: one.state,
            previous: before.map(|(state, _)| state),
            lasted: before.map(|(_, at)| one.at - at),
        });
        after.insert(key, (one.state, one.at));
    }
    (moves, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_micros;

    fn seen(state: SpaceState, second: i64) -> Seen {
        let (lot, space) = (LotId::parse("L1").unwrap(), SpaceId::parse("S1").unwrap());
        Seen { lot, space, state, at: from_micros(second * 1_000_000).unwrap() }
    }

    #[test]
    fn only_a_new_state_is_a_move_and_says_how_long_the_last_one_lasted() {
        use SpaceState::{Free, Occupied};
        let told = [seen(Free, 10), seen(Free, 20), seen(Occupied, 40), seen(Free, 30), seen(Free, 100)];
        let (moved, known) = moves(&told, &Known::new());
        let short: Vec<_> = moved.iter().map(|m| (m.state, m.previous, m.lasted.map(|l| l.num_seconds()))).collect();
        assert_eq!(
            short,
            [(Free, None, None), (Occupied, Some(Free), Some(30)), (Free, Some(Occupied), Some(60))],
            "the word of second 30 was overtaken"
        );
        let (again, _) = moves(&told[4..], &known);
        assert!(again.is_empty(), "what is known is no move");
    }
}
