//! Keeps the history: every minute each lot's counts go into the store, and into the forecast's models.

use std::{convert::Infallible, sync::Arc, time::Duration};

use chrono::SubsecRound;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Forecaster;
use crate::{
    domain::time::Instant,
    store::{Db, Error, history},
};

/// Each lot's counts are taken this often, seconds.
pub const SAMPLE_EVERY_S: u64 = 60;
/// How far back the models learn at start, days.
const RECALL_DAYS: i64 = 28;
/// Pause before a store that failed is asked again.
const PAUSE: Duration = Duration::from_secs(5);

/// The recorder of a node. Nodes that share a database write the same points once: they are stamped with the whole minute.
#[derive(Debug)]
pub struct Recorder {
    db: Db,
    forecaster: Arc<Forecaster>,
}

impl Recorder {
    /// A recorder that feeds this forecaster.
    pub fn new(db: Db, forecaster: Arc<Forecaster>) -> Self {
        Self { db, forecaster }
    }

    /// Learns the stored past once, and records the present until `stop`. A store that fails leaves a gap, which is
    /// counted and told; it never ends the node.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            () = stop.cancelled() => {}
            ((), ()) = async { tokio::join!(self.recall(), self.record()) } => {}
        }
        Ok(())
    }

    async fn recall(&self) {
        let now = self.forecaster.now();
        let from = now - chrono::Duration::days(RECALL_DAYS);
        let most = u32::try_from(RECALL_DAYS * 86_400).unwrap_or(u32::MAX) / SAMPLE_EVERY_S as u32;
        let mut learned = 0;
        for lot in self.forecaster.lots() {
            loop {
                match history::range(&self.db, &lot, from, now, most).await {
                    Ok(points) => {
                        learned += points.len();
                        self.forecaster.recall(&lot, &points);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%error, lot.id = %lot, "the history of a lot could not be read; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        self.forecaster.recalled();
        tracing::info!(history.points = learned, "the forecast has learned the stored history");
    }

    async fn record(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(SAMPLE_EVERY_S));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let at = whole_minute(self.forecaster.now());
            if let Err(error) = self.sample(at).await {
                metrics::counter!("yunpark_history_failures_total").increment(1);
                tracing::warn!(%error, "a minute of history could not be stored");
            }
        }
    }

    /// Takes one sample. What was seen is learned even if the store refuses it.
    async fn sample(&self, at: Instant) -> Result<(), Error> {
        let points = self.forecaster.sample(at);
        self.forecaster.learn(&points);
        if points.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin_write().await?;
        history::append(&mut tx, &points).await?;
        tx.commit().await
    }
}

fn whole_minute(at: Instant) -> Instant {
    let at = at.trunc_subsecs(0);
    at - chrono::Duration::seconds(at.timestamp().rem_euclid(SAMPLE_EVERY_S as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn nodes_that_share_a_database_stamp_the_same_minute() {
        let at = |text| parse_rfc3339(text).unwrap();
        assert_eq!(whole_minute(at("2026-03-10T01:15:42.5Z")), whole_minute(at("2026-03-10T01:15:03Z")));
        assert_eq!(whole_minute(at("2026-03-10T01:15:42.5Z")), at("2026-03-10T01:15:00Z"));
    }
}
