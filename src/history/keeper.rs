//! Rolls the history up, and forgets what is older than it is kept.
//!
//! | table | holds | kept |
//! |---|---|---|
//! | `availability_history` | each lot's counts by the minute | `history.minutes_days`, and until it is rolled up |
//! | `availability_quarters` | their sums by the quarter of an hour | `history.quarters_days`, and until it is rolled up |
//! | `availability_hours` | their sums by the hour | `history.hours_days` |
//! | `space_transitions` | moves of spaces | `history.transitions_days` |
//! | `sensor_events` | what devices said, each statement once | `ingest.events_days` |
//!
//! On PostgreSQL `availability_history` and `space_transitions` stand in a partition a month: those of the months to come are made here,
//! and one that is past is dropped whole.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    domain::time::Instant,
    store::{
        Db, Error,
        history::{self, Aged, Table},
        months, sensor_events, transitions,
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
    whole_months: bool,
    word: Word,
}

/// What is amiss with the months, for those who ask how the node is; empty while nothing is.
#[derive(Debug, Clone, Default)]
pub struct Word(Arc<Mutex<String>>);

impl Word {
    /// The word, if there is one.
    pub fn told(&self) -> Option<String> {
        let word = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(word.clone()).filter(|word| !word.is_empty())
    }
}

impl Keeper {
    /// A keeper of these tables. With `whole_months` what stands in months is forgotten by whole months alone.
    pub fn new(db: Db, clock: Clock, kept: Vec<Kept>, whole_months: bool) -> Self {
        Self { db, clock, kept, whole_months, word: Word::default() }
    }

    /// What it has to say of the months.
    pub fn word(&self) -> Word {
        self.word.clone()
    }

    /// A round a minute until `stop`. A database that fails is tried again in the next.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        // A node that was away for long has its month before the first minute is over.
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            made = self.make_months(self.clock.now()) => if let Err(error) = made {
                tracing::warn!(%error, "the months of the history could not be made; trying again in a minute");
            },
        }
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

    /// Makes the months to come, rolls up what has settled, then forgets what is past its time. What fails of the first and the last
    /// keeps nothing else back.
    pub async fn round(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let made = self.make_months(now).await;
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
        let mut done = made;
        for kept in &self.kept {
            done = done.and(self.forget(*kept, now).await);
        }
        done
    }

    async fn make_months(&self, now: Instant) -> Result<(), Error> {
        let made = months::make_ahead(&self.db, now).await;
        let all = months::look(&self.db, now).await?;
        for one in &all {
            metrics::gauge!("yunpark_history_month_missing", "table" => one.table).set(if one.is_next_missing {
                1.0
            } else {
                0.0
            });
            metrics::gauge!("yunpark_history_stray_rows", "table" => one.table).set(f64::from(one.strays));
        }
        let amiss: Vec<String> =
            all.iter().filter(|one| one.is_amiss()).map(std::string::ToString::to_string).collect();
        *self.word.0.lock().unwrap_or_else(PoisonError::into_inner) = amiss.join("; ");
        metrics::counter!("yunpark_history_months_made_total").increment(made?);
        Ok(())
    }

    async fn forget(&self, kept: Kept, now: Instant) -> Result<(), Error> {
        let Some(before) = now.checked_sub_signed(chrono::Duration::days(kept.days.into())) else { return Ok(()) };
        let (aged, before) = match kept.what {
            What::Rows(aged) => (aged, Some(before)),
            What::Counts(table) => (table.aged(), history::forgettable(&self.db, table, before).await?),
        };
        let Some(before) = before else { return Ok(()) };
        let aged = match months::strays_of(&self.db, aged) {
            Some(strays) if self.drop_months(aged, before).await? && self.whole_months => strays,
            _ => aged,
        };
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

    /// Drops the months that are past; whether the role may. A month that somebody reads just now waits for the next round, and its
    /// rows with it.
    async fn drop_months(&self, aged: Aged, before: Instant) -> Result<bool, Error> {
        loop {
            match months::drop_oldest(&self.db, aged, before).await {
                Ok(true) => {
                    metrics::counter!("yunpark_history_months_dropped_total", "table" => aged.table()).increment(1);
                    tracing::info!(table = aged.table(), "a month of the history is past, and was dropped");
                }
                Ok(false) => return Ok(true),
                Err(error) if error.is_denied() => {
                    tracing::warn!(table = aged.table(), %error, "months cannot be dropped; their rows are deleted");
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
