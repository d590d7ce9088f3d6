//! Where the past is read: from a replica of the database, so that long questions about months do not delay what happens now; from
//! the database itself where there is none, or while it does not answer.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Db, Error};
use crate::config;

/// So long a replica that failed is not asked again.
const SHUNNED: Duration = Duration::from_secs(10);

/// The database's memory, for those who only read it and whom seconds of delay do not hurt.
#[derive(Debug)]
pub struct Past {
    db: Db,
    replica: Option<Db>,
    shunned: Mutex<Option<Instant>>,
}

impl Past {
    /// The replica `store.replica_url` names, which need not be there yet; the database alone if it names none.
    pub fn open(db: Db, config: &config::Store) -> Result<Self, Error> {
        let replica = match config.replica_url.reveal() {
            "" => None,
            _ => Some(Db::replica(config)?),
        };
        Ok(Self { db, replica, shunned: Mutex::new(None) })
    }

    /// Asks the replica, and the database if that fails.
    pub async fn ask<T, F>(&self, question: impl Fn(Db) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if let Some(replica) = self.replica.as_ref().filter(|_| !self.is_shunned()) {
            match question(replica.clone()).await {
                Ok(found) => return Ok(found),
                Err(error) => {
                    metrics::counter!("yunpark_replica_failures_total").increment(1);
                    tracing::warn!(%error, "the replica does not answer; the database is asked instead");
                    self.shun();
                }
            }
        }
        question(self.db.clone()).await
    }

    fn is_shunned(&self) -> bool {
        let until = *self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn shun(&self) {
        *self.shunned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SHUNNED);
    }
}
