//! Rolls the history up, and forgets what is older than it is kept.
//!
//! | table | holds | kept |
//! |---|---|---|
//! | `availability_history` | each lot's counts by the minute | `history.minutes_days`, and until it is rolled up |
//! | `availability_quarters` | their sums by the quarter of an hour | `history.quarters_days`, and until it is rolled up |
//! | `availability_hours` | their sums by the hour | `history.hours_days` |
//! | `space_transitions` | moves of spaces | `history.transitions_days` |
//! | `sensor_events` | what devices said, each statement once | `ingest.events_days` |

use std::{convert::Infallible, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    domain::time::Instant,
    store::{
        Db, Error,
        history::{self, Aged, Table},
        sensor_events, transitions,
    },
};

/// Pause between rounds.
const EVERY: Duration = Duration::from_secs(60);
/// A minute is rolled up only this long after its end, so that every node has written it, seconds.
const SETTLED_S: i64 = 120;
/// Most transactions of one table in one round; what is left waits for the next.
const MOST_STEPS: usize = 500;
/// What one transaction forgets, hours of rows.
const FORGOTTEN_H: i64 = 6;

/// What is kept how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    what: What,
    days: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Counts(Table),
    Rows(Aged),
}

/// What is kept how long, as configured; what is kept for good is not named.
pub fn kept(config: &Config) -> Vec<Kept> {
    let history = &config.history;
    let all = [
        (What::Counts(Table::Minutes), history.minutes_days),
        (What::Counts(Table::Quarters), history.quarters_days),
        (What::Counts(Table::Hours), history.hours_days),
        (What::Rows(transitions::AGED), history.transitions_days),
        (What::Rows(sensor_events::AGED), config.ingest.events_days),
    ];
    all.into_iter().filter(|(_, days)| *days > 0).map(|(what, days)| Kept { what, days }).collect()
}

/// Keeps the history of a database in shape. Nodes that share it may each run one.
#[derive(Debug)]
pub struct Keeper {
    db: Db,
    clock: Clock,
    kept: Vec<Kept>,
}

impl Keeper {
    /// A keeper of these tables.
    pub fn new(db: Db, clock: Clock, kept: Vec<Kept>) -> Self {
        Self { db, clock, kept }
    }

    /// A round a minute until `stop`. A database that fails is tried again in the next.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            // A transaction that a stop cuts short leaves no trace, and is done again after the next start.
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                done = self.round() => if let Err(error) = done {
                    metrics::counter!("yunpark_history_failures_total").increment(1);
                    tracing::warn!(%error, "the history could not be kept in shape; trying again in a minute");
                },
            }
        }
    }

    /// Rolls up what has settled, then forgets what is past its time.
    pub async fn round(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let settled = now - chrono::Duration::seconds(SETTLED_S);
        for table in [Table::Quarters, Table::Hours] {
            for _ in 0..MOST_STEPS {
                let mut tx = self.db.begin_write().await?;
                let rolled = history::roll_up(&mut tx, table, settled).await?;
                tx.commit().await?;
                if rolled.is_done {
                    break;
                }
            }
        }
        for kept in &self.kept {
            self.forget(*kept, now).await?;
        }
        Ok(())
    }

    async fn forget(&self, kept: Kept, now: Instant) -> Result<(), Error> {
        let Some(before) = now.checked_sub_signed(chrono::Duration::days(kept.days.into())) else { return Ok(()) };
        let (aged, before) = match kept.what {
            What::Rows(aged) => (aged, Some(before)),
            What::Counts(table) => (table.aged(), history::forgettable(&self.db, table, before).await?),
        };
        let Some(before) = before else { return Ok(()) };
        for _ in 0..MOST_STEPS {
            let mut tx = self.db.begin_write().await?;
            let (rows, more) = history::forget(&mut tx, aged, before, chrono::Duration::hours(FORGOTTEN_H)).await?;
            tx.commit().await?;
            metrics::counter!("yunpark_history_forgotten_total", "table" => aged.table()).increment(rows);
            if !more {
                break;
            }
        }
        Ok(())
    }
}
