//! Scheduled corrections of counters, entered in the ledger like those an operator makes.

use std::{convert::Infallible, time::Duration};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    availability::Reset,
    domain::{
        action::Action,
        ledger::{Kind, NewEntry},
        staff::Actor,
    },
    store::{Db, Error, ledger},
};

/// The rule that acts, as the ledger names it.
const NIGHTLY: &str = "nightly_reset";
/// Pause before a database that failed is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// Enters scheduled corrections in the ledger.
pub struct Resets {
    db: Db,
    done: mpsc::Receiver<Reset>,
}

impl Resets {
    /// Takes what upkeep has done.
    pub fn new(db: Db, done: mpsc::Receiver<Reset>) -> Self {
        Self { db, done }
    }

    /// Until `stop`; what upkeep had handed over by then is still entered, if the database takes it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            let reset = tokio::select! {
                () = stop.cancelled() => None,
                reset = self.done.recv() => reset,
            };
            let Some(reset) = reset else { break };
            while let Err(error) = self.enter(&reset).await {
                tracing::warn!(%error, lot.id = %reset.lot, "a scheduled correction cannot be entered yet");
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
        while let Ok(reset) = self.done.try_recv() {
            if let Err(error) = self.enter(&reset).await {
                tracing::warn!(%error, lot.id = %reset.lot, "a scheduled correction was not entered before the stop");
            }
        }
        stop.cancelled().await;
        Ok(())
    }

    async fn enter(&self, reset: &Reset) -> Result<(), Error> {
        let action = Action::Correct { lot: reset.lot.clone(), occupied: reset.occupied };
        let entry = NewEntry {
            actor: Actor::System { rule: NIGHTLY.to_owned() },
            kind: Kind::LotActed,
            subject_type: "lot",
            subject_id: reset.lot.to_string(),
            payload: json!({"action": action, "reason": "the city file's schedule", "counted": reset.counted}),
            evidence: Vec::new(),
        };
        let mut tx = self.db.begin_write().await?;
        ledger::append(&mut tx, entry, reset.at).await?;
        tx.commit().await
    }
}
