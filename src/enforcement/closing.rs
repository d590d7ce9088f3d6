//! Closing incidents whose vehicle left in time.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Desk, Error};
use crate::{
    domain::{
        ledger::{Kind, NewEntry},
        staff::Actor,
        time::rfc3339,
    },
    store::{incidents, ledger, plates},
};

/// How often silent incidents are looked for.
const EVERY: Duration = Duration::from_secs(15);
/// Most incidents closed in one go.
const AT_ONCE: u32 = 500;

impl Desk {
    /// Closes incidents as their gap passes, until the system stops. A database that is away is tried again.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Error> {
        self.enter_plates(&stop).await;
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            match self.close_silent().await {
                Ok(closed) if closed > 0 => {
                    tracing::info!(incidents.closed = closed, "closed incidents of vehicles that left in time");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = %error, "silent incidents could not be closed; trying again"),
            }
            match self.run_out().await {
                Ok(0) => {}
                Ok(records) => tracing::warn!(records, "terms are over: what was taken must go back"),
                Err(error) => tracing::warn!(error = %error, "terms could not be looked at; trying again"),
            }
            match self.erase_due().await {
                Ok(0) => {}
                Ok(pictures) => tracing::info!(pictures, "pictures whose time was over were erased"),
                Err(error) => tracing::warn!(error = %error, "pictures could not be erased; trying again"),
            }
            match self.forget_parts().await {
                Ok(0) => {}
                Ok(parts) => tracing::warn!(parts, "parts of captures found no partner in time and were forgotten"),
                Err(error) => tracing::warn!(error = %error, "parts of captures could not be forgotten; trying again"),
            }
        }
    }

    /// Enters the plates that were captured before there was a list of them.
    async fn enter_plates(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let step = async {
                let mut tx = self.db.begin_write().await?;
                incidents::one_at_a_time(&mut tx).await?;
                let more = plates::catch_up(&mut tx).await?;
                tx.commit().await.map(|()| more)
            };
            match step.await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "plates could not be entered; trying again");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(EVERY) => {}
                    }
                }
            }
        }
    }

    /// Closes incidents that have been silent for longer than the gap; how many.
    pub async fn close_silent(&self) -> Result<usize, Error> {
        let (now, limits) = (self.clock.now(), self.limits());
        let silent = incidents::silent_since(&self.db, now - limits.gap, AT_ONCE).await?;
        let mut closed = 0;
        for id in silent {
            let mut tx = self.db.begin_write().await?;
            incidents::one_at_a_time(&mut tx).await?;
            // A capture may have come in between.
            let Some(incident) = incidents::find(&mut tx, &id).await? else { continue };
            let Ok(incident) = incident.close(now, limits) else { continue };
            incidents::save(&mut tx, &incident).await?;
            let entry = NewEntry {
                actor: Actor::System { rule: "gap".to_owned() },
                kind: Kind::IncidentClosed,
                subject_type: "incident",
                subject_id: incident.id.clone(),
                payload: json!({"reason": "left_in_time", "last_seen": rfc3339(incident.last_seen)}),
                evidence: Vec::new(),
            };
            ledger::append(&mut tx, entry, now).await?;
            tx.commit().await?;
            closed += 1;
        }
        Ok(closed)
    }
}
