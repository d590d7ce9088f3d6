//! Passages of approaches on their way to be counted. What they tell is worth minutes, so a database that does not answer holds up
//! nothing else: after a moment they are dropped and counted, and for a while nobody asks it again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::pipeline::word;
use crate::{
    demand::Roads,
    domain::{approach::Sighting, time::Instant},
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is left alone after it did not answer, seconds.
const REST_S: i64 = 10;

/// Hands passages on, and lets go of them when it must.
pub(super) struct Upstream {
    roads: Arc<Roads>,
    /// Until then the database is not asked.
    rests_until: Mutex<Option<Instant>>,
}

impl Upstream {
    pub(super) fn new(roads: Arc<Roads>) -> Self {
        Self { roads, rests_until: Mutex::default() }
    }

    /// Counts passages; they are stored when this is over, or dropped and counted as such.
    pub(super) async fn see(&self, sightings: &[Sighting], now: Instant) {
        if sightings.is_empty() {
            return;
        }
        let rests = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until);
        let fault = if rests {
            None
        } else {
            match tokio::time::timeout(PATIENCE, self.roads.see(sightings)).await {
                Ok(Ok(outcomes)) => {
                    for outcome in outcomes {
                        metrics::counter!("yunpark_approach_passages_total", "outcome" => word(outcome)).increment(1);
                    }
                    return;
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the database takes too long".to_owned()),
            }
        };
        metrics::counter!("yunpark_approach_passages_total", "outcome" => "dropped").increment(sightings.len() as u64);
        if let Some(error) = fault {
            *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(now + chrono::Duration::seconds(REST_S));
            tracing::warn!(error, passages = sightings.len(), "passages upstream of lots could not be counted");
        }
    }
}
