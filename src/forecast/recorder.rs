//! Keeps the history: every minute each lot's counts go into the store, and into the forecast's models, which are kept too.

use std::{convert::Infallible, sync::Arc, time::Duration};

use chrono::SubsecRound;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Forecaster, kept::Kept};
use crate::{
    domain::time::Instant,
    store::{
        Db, Error, forecast_models,
        history::{self, Point},
    },
};

/// Each lot's counts are taken this often, seconds.
pub const SAMPLE_EVERY_S: u64 = 60;
/// How far back a node learns that finds nothing kept, days.
const RECALL_DAYS: i64 = 28;
/// History is read in pieces of so many hours where every minute counts, and of so many where a quarter of an hour does.
const PIECE_H: [i64; 2] = [1, 24];
/// Up to this age what is kept is followed by the minute; what is older is caught up by the quarter of an hour.
const BY_THE_MINUTE_H: i64 = 48;
/// Pause before a store that failed is asked again.
const PAUSE: Duration = Duration::from_secs(5);

/// The recorder of a node. Nodes that share a database write the same points once: they are stamped with the whole minute.
#[derive(Debug)]
pub struct Recorder {
    db: Db,
    forecaster: Arc<Forecaster>,
    keep_every: Duration,
}

impl Recorder {
    /// A recorder that feeds this forecaster, and keeps what it learned every so often.
    pub fn new(db: Db, forecaster: Arc<Forecaster>, keep_every: Duration) -> Self {
        Self { db, forecaster, keep_every }
    }

    /// Learns the stored past once, and records the present until `stop`. A store that fails leaves a gap, which is
    /// counted and told; it never ends the node.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.record() => {}
        }
        // What was learned since it was last kept is learned again from the history at the next start; keeping it here only
        // makes that start quicker.
        self.keep().await;
        Ok(())
    }

    /// Takes what an earlier node learned, and learns the history after it up to `until`: every point by the order of time, so
    /// that the models come out as they were.
    async fn recall(&self, until: Instant) -> Result<usize, Error> {
        let kept = self.read_kept().await?;
        let mut from = until - chrono::Duration::days(RECALL_DAYS);
        if let Some(kept) = kept {
            from = from.max(kept.as_of + chrono::Duration::seconds(1));
            self.forecaster.restore(kept);
        }
        let mut learned = 0;
        while from < until {
            let coarse = until - from > chrono::Duration::hours(BY_THE_MINUTE_H);
            let to = (from + chrono::Duration::hours(PIECE_H[usize::from(coarse)])).min(until);
            let points = history::all(&self.db, from, to, coarse).await?;
            learned += points.len();
            self.forecaster.learn(&points);
            from = to;
        }
        self.forecaster.recalled();
        Ok(learned)
    }

    async fn read_kept(&self) -> Result<Option<Kept>, Error> {
        let Some(shared) = forecast_models::shared(&self.db).await? else { return Ok(None) };
        let mut lots = Vec::new();
        loop {
            let page = forecast_models::page(
                &self.db,
                lots.last().and_then(|model: &forecast_models::KeptModel| model.lot.as_ref()),
            )
            .await?;
            if page.is_empty() {
                break;
            }
            lots.extend(page);
        }
        let kept = Kept::read(shared, lots);
        if kept.is_none() {
            tracing::warn!("what the forecast had learned is of another form; the history is learned anew");
        }
        Ok(kept)
    }

    async fn record(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(SAMPLE_EVERY_S));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut recalled = false;
        let mut kept_at = tokio::time::Instant::now();
        loop {
            ticks.tick().await;
            let at = whole_minute(self.forecaster.now());
            // The past is learned before the present, and what could not be read is tried again a minute later.
            if !recalled {
                match self.recall(at).await {
                    Ok(learned) => {
                        recalled = true;
                        tracing::info!(history.points = learned, "the forecast has learned the stored history");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the stored history could not be read; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            let points = self.forecaster.sample(at);
            if recalled {
                // What was seen is learned even if the store refuses it.
                self.forecaster.learn(&points);
            }
            if let Err(error) = self.append(&points).await {
                metrics::counter!("yunpark_history_failures_total").increment(1);
                tracing::warn!(%error, "a minute of history could not be stored");
            }
            if kept_at.elapsed() >= self.keep_every {
                kept_at = tokio::time::Instant::now();
                self.keep().await;
            }
        }
    }

    async fn append(&self, points: &[Point]) -> Result<(), Error> {
        if points.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin_write().await?;
        history::append(&mut tx, points).await?;
        tx.commit().await
    }

    /// Keeps what was learned. A store that fails is told; the history still holds it all.
    async fn keep(&self) {
        self.forecaster.forget_retired();
        let Some(kept) = self.forecaster.kept() else { return };
        let documents = match kept.documents() {
            Ok(documents) => documents,
            Err(error) => return tracing::error!(%error, "what the forecast has learned cannot be written down"),
        };
        let written = async {
            let mut tx = self.db.begin_write().await?;
            forecast_models::keep(&mut tx, documents).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "what the forecast has learned could not be kept");
        }
    }
}

fn whole_minute(at: Instant) -> Instant {
    let at = at.trunc_subsecs(0);
    at - chrono::Duration::seconds(at.timestamp().rem_euclid(SAMPLE_EVERY_S as i64))
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
